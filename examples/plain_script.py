"""A plain script: watch one address in a `with` block and print what happens to it."""

from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

from watchkeeper import Channel, Http, IncidentChanged, Log, Runtime, Target


class Shop(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(Shop.status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def main(server: HTTPServer) -> None:
    http = Http(url=f"http://127.0.0.1:{server.server_port}/")
    shop = Target(id="shop", every="50ms", http=http, notify=("ops",))
    ops = Channel(id="ops", log=Log())
    with Runtime(targets=[shop], channels=[ops]) as runtime, runtime.subscribe() as events:
        Shop.status = 503
        for event in events:
            if isinstance(event, IncidentChanged):
                print(event.incident.target, event.incident.change.value)
                Shop.status = 200
                if not event.incident.is_open:
                    break


if __name__ == "__main__":
    with HTTPServer(("127.0.0.1", 0), Shop) as shop_server:
        Thread(target=shop_server.serve_forever, args=(0.05,)).start()
        main(shop_server)
        shop_server.shutdown()
