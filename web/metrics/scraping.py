"""The route for Prometheus."""

import zlib
from typing import TYPE_CHECKING

from starlette.responses import Response

from .exposition import Exposition

if TYPE_CHECKING:
    from ..table import ApiCall

_GZIP = 16 + zlib.MAX_WBITS


async def metrics(call: "ApiCall") -> Response:
    """Answers with the metrics of this process; a stand-by tells its role, and not what the active process sees."""
    headers = call.request.headers
    exposition = Exposition(headers.get("accept", ""))
    body = b"".join(await call.services.scrapes.text(exposition))
    said = {"content-type": exposition.media_type}
    if "gzip" in headers.get("accept-encoding", ""):
        # Without the lock of the interpreter, so that checks run beside it: 3.3 MB take 6 ms.
        body = zlib.compress(body, level=1, wbits=_GZIP)
        said["content-encoding"] = "gzip"
    return Response(body, headers=said)
