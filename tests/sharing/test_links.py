"""A store that processes reach by a link: its socket and tokens lie beside the file itself; of hard links one is served."""

import pytest
from host_servers import until
from watchkeeper import Configuration, Heartbeat, NotRunning, Runtime, RuntimeOptions, Target, connect
from watchkeeper.adapters.stores.token_file import read_tokens, write_tokens
from watchkeeper.domain.cluster.stamp import stamp_of
from watchkeeper.domain.specification.web import IssuedToken, Token

JOB = Target(id="job", every="1h", heartbeat=Heartbeat())
OTTO = IssuedToken(
    token=Token(name="otto", role="operator", sha256="0" * 64), created_at_ns=1, created_by="ann"
)


@pytest.fixture
def link(store):
    named = store.with_name("link.db")
    named.symlink_to(store)
    return named


@pytest.fixture
def active(store):
    def answers():
        try:
            return connect(store).status()
        except (NotRunning, TimeoutError):
            return None

    with Runtime(store=store, targets=[JOB]) as runtime:
        until(answers)  # a busy machine takes a while to open the socket
        yield runtime


def test_a_standby_by_a_link_reaches_the_active_process(active, link):
    with Runtime(store=link, targets=[JOB]) as linked:
        linked.heartbeat("job", detail="by the link")
        assert active.status()["job"].sample.detail == "by the link"
        active.stop()
        assert until(lambda: linked.role == "active")


def test_a_program_by_a_link_reaches_the_process_that_runs_the_store(active, link):
    connect(link).heartbeat("job", detail="by the link")
    assert active.status()["job"].sample.detail == "by the link"


def test_tokens_are_those_of_the_store_by_whatever_name(store, link):
    write_tokens(str(store), (OTTO,))
    assert read_tokens(str(link)) == (OTTO,)


def test_a_standby_by_a_hard_link_says_that_it_cannot_take_over(host, store):
    first = host()
    hard = store.with_name("hard.db")
    hard.hardlink_to(store)
    why = f"{hard} is held under another name of the same file: run fuser {hard} to see by which process"
    second = host(at=hard)
    assert second.next_role_detail == why
    second.wait_for(f"('standby', 'this process cannot take over: {why}') in runtime.status().problems", True)
    assert (first.role, second.role) == ("active", "standby")


def test_a_configuration_that_names_the_store_otherwise_is_no_other_one():
    by_file, by_link = (
        stamp_of(Configuration(runtime=RuntimeOptions(store=name), targets=[JOB]), 1)
        for name in ("/srv/watch.db", "/link/watch.db")
    )
    assert by_file == by_link
