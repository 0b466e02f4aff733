"""The examples with several processes, each run by its real server while the active process is killed."""

import ast
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest
from host_servers import EXAMPLES, Visitors, until

from tests.support.left_behind import becomes_true

UVICORN = (
    "-m",
    "uvicorn",
    "--port",
    "{port}",
    "--log-level",
    "warning",
    "--timeout-worker-healthcheck",
    "15",
)
GUNICORN = ("-m", "gunicorn", "--timeout", "240", "--bind", "127.0.0.1:{port}")
WORKED_MIN = 20
BOTH = {"active", "standby"}


def served_through(server, kills, *, wanted, of=None):
    """Kills the active process, or another one, while visitors come; returns their answers, all of which are good.

    The system chooses the process that answers: there are visitors until those of the wanted roles have.
    """
    until(server.is_up)
    with Visitors(server) as visitors:
        until(lambda: len(visitors.answers) > WORKED_MIN)
        for _ in range(kills):
            if of is None:
                server.kill_active()
            else:
                os.kill(of(visitors), signal.SIGKILL)
            seen = len(visitors.answers)
            until(lambda: len(visitors.answers) > seen + WORKED_MIN)  # noqa: B023  # used in this round alone
        until(lambda: roles(visitors.answers) >= wanted)
    assert visitors.failures == [], server.log.read_text()
    return visitors.answers


def roles(answers):
    return {answer["role"] for _, _, answer in answers}


@pytest.mark.slow
def test_four_workers_of_uvicorn_serve_through_kills_of_the_active_one(serving):
    answers = served_through(serving(*UVICORN, "--workers", "4", "fastapi_app:app"), kills=5, wanted=BOTH)
    assert roles(answers) == BOTH
    assert {answer["orders"] for method, _, answer in answers if method == "GET"} <= {"up", "unknown"}


@pytest.mark.slow
def test_three_workers_of_gunicorn_serve_through_kills_of_the_active_one(serving):
    answers = served_through(serving(*GUNICORN, "-w", "3", "flask_app:app"), kills=5, wanted=BOTH)
    assert roles(answers) == BOTH


@pytest.mark.slow
def test_workers_of_a_preloaded_gunicorn_stand_by_for_their_master(serving):
    server = serving(*GUNICORN, "-w", "3", "--preload", "flask_app:app")
    answers = served_through(
        server, kills=2, wanted={"standby"}, of=lambda visitors: visitors.answers[-1][2]["pid"]
    )
    assert roles(answers) == {"standby"}
    assert server.active == server.popen.pid


@pytest.mark.slow
def test_the_reloader_of_flask_serves_through_a_kill_of_the_active_process(serving):
    server = serving("-m", "flask", "--app", "flask_app", "run", "--debug", "--port", "{port}")
    assert roles(served_through(server, kills=1, wanted=BOTH)) == BOTH


@pytest.mark.slow
def test_the_reloader_of_django_serves_through_a_kill_of_the_active_process(serving):
    server = serving("django_site.py", "runserver", "{port}")
    assert roles(served_through(server, kills=1, wanted=BOTH)) == BOTH


@pytest.mark.slow
def test_workers_of_django_by_asgi_serve_through_a_kill_of_the_active_one(serving):
    answers = served_through(
        serving(*UVICORN, "--workers", "2", "django_asgi:application"), kills=1, wanted={"active"}
    )
    assert "active" in roles(answers)


@pytest.mark.slow
def test_a_command_of_django_runs_beside_the_site_and_alone(serving, tmp_path):
    server = serving("django_site.py", "runserver", "--noreload", "{port}")
    until(server.is_up)
    for store in (server.store, tmp_path / "another.db"):
        done = subprocess.run(
            [sys.executable, "django_site.py", "check"],
            cwd=EXAMPLES,
            env={**server.environment, "WATCH_STORE": str(store)},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert (done.returncode, done.stdout) == (0, "System check identified no issues (0 silenced).\n"), (
            done.stderr
        )
    assert server.ask()[1]["role"] == "active"


ORDERS = """
import sys
from billiard.exceptions import WorkerLostError
from celery.exceptions import TimeoutError
from celery_worker import fall
from celery_app import order
tasks = {"order": order, "fall": fall}
def done(name, *given):
    for _ in range(8):
        try:
            return tasks[name].delay(*map(int, given)).get(timeout=15)
        except WorkerLostError:
            return "lost"
        except (TimeoutError, ValueError):
            pass  # a worker takes a message from the folder before it is written, and loses it: that is the broker in files
for line in sys.stdin:
    sys.stdout.write(f"{done(*line.split())!r}\\n")
    sys.stdout.flush()
"""


@contextmanager
def ordering(server):
    """Gives a function that has a task done, and returns the process that did it and its role."""
    with subprocess.Popen(
        [sys.executable, "-c", ORDERS],
        cwd=EXAMPLES,
        env=server.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as client:

        def order(task="order", *given):
            client.stdin.write(f"{' '.join(map(str, (task, *given)))}\n")
            client.stdin.flush()
            said = client.stdout.readline()
            assert said, server.log.read_text()
            return ast.literal_eval(said)

        yield order
        client.stdin.close()


def celery(serving, folder, *options):
    (folder / "celery" / "results").mkdir(parents=True, exist_ok=True)
    name = ("-n", f"{'-'.join(options).strip('-')}@%h")
    return serving("-m", "celery", "-A", "celery_worker", "worker", *name, "-l", "WARNING", *options)


@pytest.mark.slow
def test_workers_of_celery_go_on_when_the_active_one_is_killed(serving, tmp_path):
    first = celery(serving, tmp_path, "-c", "2")
    until(lambda: first.active)
    second = celery(serving, tmp_path, "-c", "3")
    with ordering(first) as order:
        # A result in a file that is just written reads as none.
        assert {until(order)[1] for _ in range(6)} == {"standby"}
        assert first.active == first.popen.pid
        first.kill_all()
        # Its main process, or one of its pool that has used the runtime.
        until(lambda: (active := second.active) and os.getsid(active) == second.popen.pid)
        assert {until(order)[1] for _ in range(6)} <= {"active", "standby"}


@pytest.mark.slow
def test_a_pool_of_celery_goes_on_when_its_active_child_is_killed(serving, tmp_path, monkeypatch):
    monkeypatch.setenv("CELERY_STARTS", "children")
    server = celery(serving, tmp_path, "-c", "3")
    with ordering(server) as order:
        for _ in range(2):
            child = until(lambda: server.active)
            assert os.getsid(child) == server.popen.pid != child
            assert {until(order)[1] for _ in range(6)} <= {"active", "standby"}
            # Celery counts the task as lost, and replaces the process. A task that was sent twice is lost once.
            until(lambda: order("fall", child) == "lost" or server.active != child, within_s=300)  # noqa: B023  # used in this round alone
            assert becomes_true(lambda: server.active not in {0, child}, 60), server.log.read_text()  # noqa: B023  # as above
        assert {until(order)[1] for _ in range(6)} <= {"active", "standby"}


@pytest.mark.slow
def test_threads_of_celery_share_one_active_runtime(serving, tmp_path):
    server = celery(serving, tmp_path, "-P", "threads", "-c", "3")
    with ordering(server) as order:
        assert [until(order) for _ in range(6)] == [[server.popen.pid, "active"]] * 6


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("processes.py", ["fork ['standby'] 4", "spawn ['standby'] 8"]),
        ("notebook_cell.py", ["active up", "standby up"]),
    ],
)
def test_an_example_says_what_each_process_is(tmp_path, name, said):
    done = subprocess.run(
        [sys.executable, name],
        cwd=EXAMPLES,
        env={**os.environ, "WATCH_STORE": str(tmp_path / "watch.db")},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (done.returncode, done.stdout.splitlines()) == (0, said), done.stderr
