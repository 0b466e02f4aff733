"""A kind of probe of a shop's own: asks the queue of orders how long it is."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

from watchkeeper import Measurement, Observation, Outcome

KNOWN = {"host": str, "port": int, "token": str, "most": int}


class ShopQueue:
    def validate(self, settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        for key in settings:
            if key not in KNOWN:
                yield key, f"is no setting of shop-queue: write {', '.join(KNOWN)}"
        for key, kind in KNOWN.items():
            if not isinstance(settings.get(key), kind) and (key in settings or key in {"host", "port"}):
                yield key, f"must be {'a text' if kind is str else 'a whole number'}"

    async def probe(self, settings: Mapping[str, Any], deadline: float) -> Observation:
        reader, writer = await asyncio.open_connection(settings["host"], settings["port"])
        try:
            writer.write(f"LENGTH {settings.get('token', '')}\n".encode())
            answer = (
                await reader.readline()
            )  # a line is at most 64 KiB here; the attempt is cancelled at the deadline
        finally:
            writer.close()
        length = int(answer)
        is_long = length > settings.get("most", 1_000)
        return Observation(
            outcome=Outcome.DEGRADED if is_long else Outcome.UP,
            detail=f"{length} orders wait" if is_long else "",
            body=answer.strip(),
            measurements=(Measurement("length", length),),
        )
