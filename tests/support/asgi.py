"""Requests to an ASGI application without a server."""

import asyncio


def scope_of(method, path, headers):
    """A request as a server hands it to an application."""
    way, _, query = path.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": way,
        "raw_path": way.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 4),
        "server": ("localhost", 80),
    }


def exchanged(app, method, path, headers, body=b""):
    """One request to an ASGI application, without a server: the status, the headers and the body."""
    scope, sent = scope_of(method, path, headers), []

    async def run():
        asked = asyncio.Queue()
        asked.put_nowait({"type": "http.request", "body": body, "more_body": False})

        async def send(message):
            sent.append(message)

        await app(scope, asked.get, send)

    asyncio.run(run())
    said = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], said, b"".join(message.get("body", b"") for message in sent)
