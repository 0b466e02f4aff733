"""Servers that a test starts, always ended with all their processes."""

import pytest
from host_servers import Server


@pytest.fixture
def serving(tmp_path):
    """Starts servers on one store."""
    made = []

    def start(*command):
        made.append(Server(command, tmp_path))
        return made[-1]

    yield start
    for server in made:
        server.close()
