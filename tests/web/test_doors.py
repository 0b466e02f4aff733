"""The doors: the control socket beside the store, the address of the configuration, and what a reload does to both."""

import os
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from asking import TOKENS, Asking, tokens
from logged import records
from ports import free_port
from watchkeeper import ConfigurationError, Heartbeat, Runtime, Target, Token, UsageError, Web
from watchkeeper.adapters.net.listening import control_socket_path

from tests.support.left_behind import threads_since

SHOP = Target(id="shop", heartbeat=Heartbeat())
WITHIN_S = 20


def test_the_control_socket_stands_beside_the_store_for_its_user_alone(runtime, store, control):
    found = Path(f"{store}.sock").lstat()
    assert stat.S_ISSOCK(found.st_mode)
    assert stat.S_IMODE(found.st_mode) == 0o600
    assert control.get("/status").status == 200


def test_the_control_socket_is_closed_to_others_whatever_the_umask(store):
    before = os.umask(0)
    try:
        with Runtime(targets=[SHOP], store=store):
            assert stat.S_IMODE(Path(f"{store}.sock").lstat().st_mode) == 0o600
    finally:
        os.umask(before)


def test_the_control_socket_is_gone_after_the_stop(store):
    with Runtime(targets=[SHOP], store=store):
        assert Asking(store).get("/status").status == 200
    assert not Path(f"{store}.sock").exists()
    with pytest.raises(FileNotFoundError):
        Asking(store).get("/status")


def test_a_socket_that_a_killed_process_left_is_replaced(store):
    left = socket.socket(socket.AF_UNIX)
    left.bind(f"{store}.sock")
    left.close()
    with Runtime(targets=[SHOP], store=store):
        assert Asking(store).get("/status").status == 200


@pytest.mark.parametrize("lies", ["a file", "a folder", "a link"])
def test_a_thing_that_is_no_socket_is_left_alone_and_watching_goes_on(store, lies, tmp_path, caplog):
    place = Path(f"{store}.sock")
    elsewhere = tmp_path / "precious"
    elsewhere.write_text("mine")
    match lies:
        case "a file":
            place.write_text("mine")
        case "a folder":
            place.mkdir()
        case _:
            place.symlink_to(elsewhere)
    before = place.lstat()
    with Runtime(targets=[SHOP], store=store) as runtime:
        assert runtime.status().healthy
    assert f"{place} is no socket of this user: remove it" in caplog.text
    assert place.lstat().st_ino == before.st_ino
    assert elsewhere.read_text() == "mine"


def test_a_socket_that_another_program_put_in_its_place_is_not_removed(store):
    place = Path(f"{store}.sock")
    with Runtime(targets=[SHOP], store=store):
        place.unlink()
        place.write_text("mine")
    assert place.read_text() == "mine"


@pytest.mark.parametrize("name", ["n" * 60, "n" * 120])
def test_a_path_of_any_length_has_a_control_socket(tmp_path, name):
    folder = tmp_path / ("d" * 60) / ("e" * 60)
    folder.mkdir(parents=True)
    store = str(folder / name)
    assert len(store) > 180
    with Runtime(targets=[SHOP], store=store):
        assert Asking(store).get("/status").status == 200
        assert control_socket_path(store).exists()
    assert not control_socket_path(store).exists()


def test_a_runtime_without_a_file_opens_no_door_and_no_thread():
    before = {thread.name for thread in threading.enumerate()}
    with Runtime(targets=[SHOP]):
        assert "watchkeeper-web" not in {thread.name for thread in threading.enumerate()} - before


LOADED = """
import sys
from watchkeeper import Runtime, Heartbeat, Target
with Runtime(targets=[Target(id="shop", heartbeat=Heartbeat())], store=sys.argv[1]) as runtime:
    runtime.status()
    print(sorted({"starlette", "uvicorn", "h11"} & set(sys.modules)))
"""


def test_the_web_libraries_are_not_loaded_before_somebody_asks(store):
    ran = subprocess.run(
        [sys.executable, "-P", "-c", LOADED, store], check=True, capture_output=True, text=True, timeout=60
    )
    assert ran.stdout == "[]\n"


def test_no_thread_of_the_web_is_left_after_the_stop(store):
    before = set(threading.enumerate())
    with Runtime(targets=[SHOP], store=store) as runtime:
        url = runtime.serve("127.0.0.1:0")
        assert Asking(url).get("/status").status == 200
    assert threads_since(before, lambda name: name.startswith("watchkeeper")) == set()


def test_the_configured_address_is_served_and_closed_at_the_stop():
    port = free_port()
    with Runtime(targets=[SHOP], web=Web(listen=f"127.0.0.1:{port}")):
        assert Asking(f"http://127.0.0.1:{port}").get("/status").status == 200
    with pytest.raises(ConnectionRefusedError):
        Asking(f"http://127.0.0.1:{port}").get("/status")


def test_an_address_that_is_taken_is_refused_and_leaves_nothing_running():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        runtime = Runtime(targets=[SHOP], web=Web(listen=listen))
        with pytest.raises(
            ConfigurationError, match=f"web.listen: {listen} cannot be listened on: Address already in use"
        ):
            runtime.start()
    with pytest.raises(UsageError):
        runtime.status()


def written(folder, listen, *named):
    lines = [
        f"web: {{listen: '{listen}', tokens: [{', '.join(named)}]}}",
        "targets: [{id: shop, heartbeat: {}}]",
    ]
    path = folder / "watchkeeper.yaml"
    path.write_text("\n".join(lines))
    return path


def as_yaml(role):
    (token,) = (each for each in tokens() if each["role"] == role)
    return f"{{name: {token['name']}, role: {role}, sha256: '{token['sha256']}'}}"


def test_a_reload_revokes_a_token_while_the_address_stays(tmp_path):
    port = free_port()
    path = written(tmp_path, f"127.0.0.1:{port}", as_yaml("viewer"), as_yaml("admin"))
    with Runtime.from_config(path, {}):
        admin, viewer = (Asking(f"http://127.0.0.1:{port}", TOKENS[role]) for role in ("admin", "viewer"))
        assert viewer.get("/status").status == 200
        written(tmp_path, f"127.0.0.1:{port}", as_yaml("admin"))
        assert admin.post("/reload").status == 200
        assert viewer.get("/status").status == 401
        assert admin.get("/status").status == 200


def asked_for_ever(asking):
    while True:
        asking.get("/status")


def test_a_reload_moves_the_door_to_another_address(tmp_path):
    first, second = free_port(), free_port()
    path = written(tmp_path, f"127.0.0.1:{first}")
    with Runtime.from_config(path, {}) as runtime:
        assert Asking(f"http://127.0.0.1:{first}").get("/status").status == 200
        written(tmp_path, f"127.0.0.1:{second}")
        runtime.reload()
        assert Asking(f"http://127.0.0.1:{second}").get("/status").status == 200
        path.write_text("targets: [{id: shop, heartbeat: {}}]")
        runtime.reload()
        with pytest.raises(OSError, match=r"refused|reset|closed"):
            asked_for_ever(Asking(f"http://127.0.0.1:{second}"))


def test_a_reload_to_an_address_that_is_taken_changes_nothing(tmp_path):
    port = free_port()
    path = written(tmp_path, f"127.0.0.1:{port}")
    with Runtime.from_config(path, {}) as runtime, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        written(tmp_path, f"127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(ConfigurationError, match="cannot be listened on"):
            runtime.reload()
        assert Asking(f"http://127.0.0.1:{port}").get("/status").status == 200


def test_a_reload_that_moves_the_store_moves_the_control_socket(tmp_path, caplog):
    path = tmp_path / "watchkeeper.yaml"
    path.write_text("runtime: {store: 0.db}\ntargets: [{id: shop, heartbeat: {}}]")
    with Runtime.from_config(path, {}) as runtime:
        for at in range(1, 4):
            path.write_text(path.read_text().replace(f"{at - 1}.db", f"{at}.db"))
            runtime.reload()
            assert Asking(str(tmp_path / f"{at}.db")).get("/status").status == 200
            assert not (tmp_path / f"{at - 1}.db.sock").exists()
    assert [each for each in records(caplog) if each.levelname == "ERROR"] == []


def test_a_reload_widens_an_address_that_keeps_its_port(tmp_path):
    port = free_port()
    path = written(tmp_path, f"127.0.0.1:{port}", as_yaml("viewer"))
    with Runtime.from_config(path, {}) as runtime:
        written(tmp_path, f"0.0.0.0:{port}", as_yaml("viewer"))
        runtime.reload()
        assert Asking(f"http://127.0.0.2:{port}", TOKENS["viewer"]).get("/status").status == 200
        for taken in ("127.0.0.1", "0.0.0.0"):
            with pytest.raises(ConfigurationError, match="Address already in use"):
                runtime.serve(f"{taken}:{port}")
        written(tmp_path, f"localhost:{port}", as_yaml("viewer"))
        runtime.reload()
        with pytest.raises(OSError, match=r"refused|reset|closed"):
            asked_for_ever(Asking(f"http://127.0.0.2:{port}", TOKENS["viewer"]))


def test_an_address_that_is_only_written_otherwise_is_no_other_one(tmp_path):
    port = free_port()
    path = written(tmp_path, f"127.0.0.1:{port}")
    with Runtime.from_config(path, {}) as runtime:
        asked = Asking(f"http://127.0.0.1:{port}").connection()
        asked.request("GET", "/healthz")
        asked.getresponse().read()
        written(tmp_path, f"localhost:{port}")
        runtime.reload()
        # The connection stands, and with it the door.
        asked.request("GET", "/healthz")
        assert asked.getresponse().status == 200
        asked.close()


def test_an_invalid_reload_is_refused_with_every_problem(tmp_path):
    port = free_port()
    path = written(tmp_path, f"127.0.0.1:{port}", as_yaml("admin"))
    with Runtime.from_config(path, {}):
        path.write_text("targets: [{id: shop, heartbeat: {grace: soon}}, {id: shop, heartbeat: {}}]")
        answer = Asking(f"http://127.0.0.1:{port}", TOKENS["admin"]).post("/reload")
        assert answer.status == 409
        assert len(answer.json["errors"]) == 2


def test_doors_stay_open_while_a_reload_restarts_the_engine(tmp_path, store):
    port = free_port()
    path = written(tmp_path, f"127.0.0.1:{port}", as_yaml("admin"))
    with Runtime.from_config(path, {}):
        path.write_text(path.read_text() + "\nchannels: [{id: ops, log: {}}]")
        asked = Asking(f"http://127.0.0.1:{port}", TOKENS["admin"])
        assert asked.post("/reload").status == 200
        assert asked.get("/config").json["channels"][0]["id"] == "ops"


def test_a_reload_that_restarts_the_engine_moves_the_door_too(tmp_path):
    first, second = free_port(), free_port()
    path = written(tmp_path, f"127.0.0.1:{first}")
    with Runtime.from_config(path, {}) as runtime:
        written(tmp_path, f"127.0.0.1:{second}")
        path.write_text(path.read_text() + "\nchannels: [{id: ops, log: {}}]")
        runtime.reload()
        assert Asking(f"http://127.0.0.1:{second}").get("/status").status == 200
        with pytest.raises(OSError, match=r"refused|reset|closed"):
            asked_for_ever(Asking(f"http://127.0.0.1:{first}"))


@pytest.mark.parametrize(
    ("web", "problem"),
    [
        ({"listen": "8080"}, "web.listen: '8080' is no place to listen"),
        ({"listen": "example.com:80"}, "is no place to listen"),
        ({"listen": "::1:80"}, "is no place to listen"),
        ({"listen": "127.0.0.1:65536"}, "is no place to listen"),
        ({"listen": "0.0.0.0:80"}, "can be reached from other machines: add a token under tokens"),
        (
            {"listen": "127.0.0.1:80", "trusted_proxies": ["10/8"]},
            "web.trusted_proxies[0]: '10/8' is no network",
        ),
    ],
)
def test_a_door_that_cannot_be_or_must_not_be_is_refused(web, problem):
    with pytest.raises(ConfigurationError) as refused:
        Runtime(targets=[SHOP], web=Web(**web)).start()
    assert problem in str(refused.value)


def test_tokens_that_share_a_name_or_a_digest_are_refused():
    same = [
        Token(name="anna", role="viewer", sha256="0" * 64),
        Token(name="anna", role="admin", sha256="0" * 64),
    ]
    with pytest.raises(ConfigurationError) as refused:
        Runtime(targets=[SHOP], web=Web(listen="127.0.0.1:0", tokens=same)).start()
    assert len(refused.value.problems) == 2


def test_serve_refuses_other_machines_without_a_token_and_a_stopped_runtime():
    runtime = Runtime(targets=[SHOP])
    with pytest.raises(UsageError, match="not running"):
        runtime.serve("127.0.0.1:0")
    with runtime, pytest.raises(ConfigurationError, match="add a token"):
        runtime.serve("0.0.0.0:0")


@pytest.mark.parametrize("listen", ["[::1]:0", "localhost:0"])
def test_serve_takes_every_form_of_a_loopback_address(listen):
    with Runtime(targets=[SHOP]) as runtime:
        assert Asking(runtime.serve(listen)).get("/status").status == 200


def test_a_child_that_was_forked_leaves_the_doors_to_its_parent(store):
    with Runtime(targets=[SHOP], store=store) as runtime:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                runtime.stop()
                status = 0
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert Asking(store).get("/status").status == 200
