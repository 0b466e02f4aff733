"""Real servers of gRPC on loopback, by grpcio, in a program of their own: its core has threads that this process need not have.

`python health_server.py [CERTIFICATE KEY]` prints two ports, of a server with a health service and of one without, and serves
until its standard input ends.
"""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SERVING, OLD, ODD = "shop.Orders", "shop.Old", "shop.Odd"
"""Services that are SERVING, NOT_SERVING and UNKNOWN; the server as a whole is SERVING."""
LOCKED = "shop.Locked"
"""A service that is told of to nobody without the metadata `x-token: sesame`."""


@contextmanager
def health_server(*pem_files: str) -> Iterator[tuple[int, int]]:
    """The ports of a server with a health service and of one without; with a certificate and its key, both speak TLS."""
    program = [sys.executable, str(Path(__file__)), *pem_files]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        with_health, without = running.stdout.readline().split()
        yield int(with_health), int(without)
        assert running.stdin is not None
        running.stdin.close()


def main(*pem_files: str) -> None:
    import grpc
    from grpc_health.v1 import health, health_pb2, health_pb2_grpc

    class Guarded(health.HealthServicer):
        def Check(self, request: Any, context: Any) -> Any:  # noqa: N802  # the name of the call
            if request.service == LOCKED and ("x-token", "sesame") not in context.invocation_metadata():
                context.abort(grpc.StatusCode.PERMISSION_DENIED, "give the token")
            return super().Check(request, context)

    services = Guarded()
    states = health_pb2.HealthCheckResponse
    services.set("", states.SERVING)
    services.set(SERVING, states.SERVING)
    services.set(LOCKED, states.SERVING)
    services.set(OLD, states.NOT_SERVING)
    services.set(ODD, states.UNKNOWN)
    with ThreadPoolExecutor(4) as threads:
        servers = [grpc.server(threads), grpc.server(threads)]
        health_pb2_grpc.add_HealthServicer_to_server(services, servers[0])
        ports = [_listen(grpc, server, pem_files) for server in servers]
        for server in servers:
            server.start()
        sys.stdout.write(f"{ports[0]} {ports[1]}\n")
        sys.stdout.flush()
        sys.stdin.read()
        for server in servers:
            server.stop(None).wait()


def _listen(grpc: Any, server: Any, pem_files: tuple[str, ...]) -> int:
    if not pem_files:
        return int(server.add_insecure_port("127.0.0.1:0"))
    certificate, key = (Path(file).read_bytes() for file in pem_files)
    return int(server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, certificate)])))


if __name__ == "__main__":
    main(*sys.argv[1:])
