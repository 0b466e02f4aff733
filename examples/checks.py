"""Functions as checks: whatever a function returns is a measurement, an outcome, or an observation."""

from watchkeeper import Observation, Outcome, Reason, Runtime, SampleSeen

runtime = Runtime()


@runtime.check("disk", every="500ms")
def disk() -> dict[str, float]:
    return {"used_percent": 61.5, "free_gb": 120}


@runtime.check("licence", every="500ms", expect=("[CONTEXT].seats > 10",))
def licence() -> Observation:
    return Observation(context={"seats": 25}, detail="25 seats are free")


@runtime.check("replica", every="500ms")
async def replica() -> Observation:
    return Observation(outcome=Outcome.DEGRADED, reason=Reason.REPORTED, detail="40 s behind")


@runtime.check("broken", every="500ms")
def broken() -> None:
    raise ConnectionError("no route to the broker")


def main() -> None:
    seen: dict[str, str] = {}
    with runtime, runtime.subscribe(samples=True) as events:
        while len(seen) < 4 and (event := events.get(10)) is not None:
            if isinstance(event, SampleSeen):
                seen[event.sample.target] = f"{event.sample.outcome.value} {event.sample.explanation()}"
    for name in sorted(seen):
        print(f"{name}: {seen[name]}")


if __name__ == "__main__":
    main()
