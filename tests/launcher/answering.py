"""A server of this machine that `probe` asks, and the word that no output may show."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from hostile.registry import registration

TOKEN = "canary-0123456789"  # noqa: S105 - made to be looked for
ANSWERS = {
    "/": (200, "text/html", b"<h1>well</h1>"),
    "/busy": (503, "application/json", b'{"status": "failing"}'),
    "/odd": (200, "text/\x1b[31mred", b"a\x1b[2Jb\n" + b"c" * 600),
    "/rdap/domain/shop.example": (200, "application/json", json.dumps(registration()).encode()),
    "/echo": (500, "text/plain", f"who sent {TOKEN}?".encode()),
}


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        status, media_type, body = ANSWERS[self.path.partition("?")[0]]
        self.send_response(status)
        self.send_header("Content-Type", media_type + "; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@contextmanager
def serving(context=None):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.daemon_threads = True
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
