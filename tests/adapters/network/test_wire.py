"""The count of a connection's bytes, and what a fault with one descriptor costs the others."""

import os
import socket

from watchkeeper.adapters.http.curl.wire import TCP_INFO, bytes_read
from watchkeeper.adapters.net.readiness import READABLE
from watchkeeper.adapters.net.sockets import Sockets


def test_the_bytes_of_a_descriptor_that_is_no_tcp_socket_are_unknown():
    reading, writing = os.pipe()
    one, other = socket.socketpair()
    assert (bytes_read(reading), bytes_read(one.fileno()), bytes_read(2**20)) == (None, None, None)
    for descriptor in (reading, writing):
        os.close(descriptor)
    one.close()
    other.close()


def test_the_bytes_of_a_connection_are_those_that_were_read():
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        peer, _ = server.accept()
        with client, peer:
            peer.sendall(b"x" * 100)
            assert len(client.recv(40, socket.MSG_WAITALL)) == 40
            # Where the system does not count for each socket, as on macOS, it is unknown.
            assert bytes_read(client.fileno()) == (None if TCP_INFO is None else 40)


def test_a_listener_that_fails_costs_no_other_its_event(bench):
    problems, heard = [], bench.loop.create_future()
    bench.loop.set_exception_handler(lambda _, context: problems.append(context["message"]))
    sockets = Sockets(bench.loop)
    pairs = [socket.socketpair() for _ in range(2)]
    sockets.listen(pairs[0][0], READABLE, lambda _: sockets.close(pairs[0][0]) or 1 / 0)
    sockets.listen(pairs[1][0], READABLE, lambda mask: sockets.close(pairs[1][0]) or heard.set_result(mask))
    for _, other in pairs:
        other.close()

    assert bench.wait(heard) & READABLE
    assert problems == ["a callback failed"]
    sockets.close_all()
