"""A receiver of webhooks: it verifies the signature and applies each `webhook-id` once."""

import base64
import hmac
import json
from http.server import BaseHTTPRequestHandler, HTTPServer

from watchkeeper import Channel, Runtime, Webhook

SECRET = "a text of your own"  # noqa: S105
applied: dict[str, bytes] = {}


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        key, at = self.headers["webhook-id"], self.headers["webhook-timestamp"]
        digest = hmac.digest(SECRET.encode(), f"{key}.{at}.".encode() + body, "sha256")
        said = f"v1,{base64.b64encode(digest).decode()}"
        if genuine := hmac.compare_digest(self.headers["webhook-signature"], said):
            applied.setdefault(key, body)
        self.send_response(204 if genuine else 403)
        self.end_headers()


def main(server: HTTPServer) -> None:
    webhook = Webhook(url=f"http://127.0.0.1:{server.server_port}/", secret=SECRET)
    runtime = Runtime(channels=[Channel(id="hook", webhook=webhook)])
    runtime.check("always down", every="50ms")(lambda: False)
    with runtime:
        server.handle_request()
    print([json.loads(body)["type"] for body in applied.values()])


if __name__ == "__main__":
    with HTTPServer(("127.0.0.1", 0), Receiver) as receiver:
        main(receiver)
