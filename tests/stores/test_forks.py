"""A fork waits for the transaction of another thread, so that the child may write the store later."""

import os
import threading

from watchkeeper.adapters.stores.sqlite.connection import connect_writer, transaction


def begun(path):
    """Returns how a child, forked now, begins a transaction once its parent's is over: the exit status."""
    child = os.fork()
    if child == 0:
        try:
            with transaction(connect_writer(str(path))):
                os._exit(0)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_child_is_not_forked_within_a_transaction(tmp_path):
    path, is_within, may_end = tmp_path / "a.db", threading.Event(), threading.Event()

    def write():
        connection = connect_writer(str(path))
        for _ in range(50):
            with transaction(connection):
                is_within.set()
                may_end.wait(0.01)
        connection.close()

    writing = threading.Thread(target=write)
    writing.start()
    is_within.wait()
    assert [begun(path) for _ in range(5)] == [0] * 5
    writing.join()
