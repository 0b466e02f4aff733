"""The first ten minutes of the README: its commands lead from nothing to targets, a page, a message and an acknowledgement."""

import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import threading
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest
from ports import free_port

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(
    r"<!-- executed by tests/docs/test_first_minutes.py -->\n```console\n(.*?)^```",
    README,
    re.DOTALL | re.MULTILINE,
)
WITHIN_S = 60


def commands(block):
    """The commands of a block; one may go on over the lines behind it."""
    return [each.strip() for each in re.split(r"^\$ ", block, flags=re.MULTILINE) if each.strip()]


class Terminal:
    """A shell in an empty folder whose PATH has the command `watchkeeper`, and free ports in place of those of the README."""

    def __init__(self, folder):
        self.folder = folder
        self.ports = {"8123": str(free_port()), "8080": str(free_port())}
        self.left = []
        scripts = sysconfig.get_path("scripts")
        self.environment = {
            "PATH": f"{scripts}:{Path(shutil.which('sh')).parent}:/usr/bin:/bin",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
        }

    def with_ports(self, text):
        for written, used in self.ports.items():
            text = text.replace(written, used)
        return text

    def enter(self, command):
        """Runs a command to its end, or beside the others where it ends with `&`; returns its process."""
        beside = command.endswith("&")
        process = subprocess.Popen(
            ["sh", "-c", self.with_ports("exec " * beside + command.removesuffix("&"))],
            cwd=self.folder, env=self.environment, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        if beside:
            self.left.append(process)
        return process

    def said(self, command):
        """Runs a command to its end and returns its output, which is no error's."""
        output, _ = (process := self.enter(command)).communicate(timeout=WITHIN_S)
        assert process.returncode == 0, f"{command}\n{output}"
        return output

    def page(self):
        connection = HTTPConnection("127.0.0.1", int(self.ports["8080"]), timeout=WITHIN_S)
        try:
            connection.request("GET", "/", headers={"accept": "text/html"})
            answer = connection.getresponse()
            return answer.read().decode() if answer.status == 200 else ""
        except OSError:
            return ""
        finally:
            connection.close()

    def wait_for(self, *words):
        """Reads the page until it says these words."""
        for _ in range(WITHIN_S * 5):
            page = self.page()
            if all(word in page for word in words):
                return
            threading.Event().wait(0.2)
        raise AssertionError(f"the page has no {words}: {page}")


@contextmanager
def terminal_in(folder):
    terminal = Terminal(folder)
    try:
        yield terminal
    finally:
        for process in terminal.left:
            process.terminate()
        for process in terminal.left:
            process.communicate(timeout=WITHIN_S)


@pytest.mark.slow
def test_the_first_ten_minutes_of_the_readme_lead_to_an_acknowledgement(tmp_path):
    first, second = (commands(block) for block in BLOCKS)
    with terminal_in(tmp_path) as terminal:
        server, (init, more, check, run) = first[0], first[1:]
        terminal.enter(server.replace("python3", sys.executable))
        for _ in range(WITHIN_S * 10):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", int(terminal.ports["8123"]))) == 0:
                    break
            threading.Event().wait(0.1)
        assert "(2 targets, 1 channel" in terminal.said(init)
        configuration = tmp_path / "watchkeeper.yaml"
        configuration.write_text(
            terminal.with_ports(configuration.read_text(encoding="utf-8")), encoding="utf-8"
        )
        terminal.said(more)
        assert "ok: 3 targets, 1 channel" in terminal.said(check)
        watching = terminal.enter(run)
        terminal.wait_for("backup")

        fail, look, take, report, show = second
        terminal.said(fail)
        assert any("backup/missed" in line for line in watching.stdout)
        assert "backup/missed" in terminal.said(look)
        terminal.wait_for("backup", "the disk is full")
        terminal.said(take)
        assert "a larger disk is ordered" in terminal.said(show)
        terminal.said(report)
        assert "resolved" in terminal.said(show)
