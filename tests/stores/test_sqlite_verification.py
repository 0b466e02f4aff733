"""The verification of a store: by a reader of the whole of it, and by an opening of a long chain from an anchor on."""

import apsw
from watchkeeper.adapters.stores.sqlite.reader import StoreReader
from watchkeeper.domain import limits

from tests.stores.test_sqlite_tampering import COUNT, closed, left_behind, outcome


def test_the_reader_verifies_the_whole_store(tmp_path):
    path = left_behind(tmp_path, tmp_path / "left")
    closed(path)
    assert not StoreReader(str(path)).verify().problems
    assert StoreReader(str(path)).verify().links == 2 * COUNT
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE chain SET body = replace(body, 'shop', 'ship') WHERE position = 5")
    connection.close()
    verification = StoreReader(str(path)).verify()
    assert verification.problems
    assert "link 5" in verification.problems[0]


def test_a_long_chain_is_verified_from_an_anchor(tmp_path, monkeypatch):
    path = left_behind(tmp_path, tmp_path / "left")
    monkeypatch.setattr(limits, "CHAIN_VERIFIED_WHOLE", 20)
    monkeypatch.setattr(limits, "CHAIN_ANCHOR_EVERY", 10)
    closed(path)
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE chain SET body = replace(body, 'timed_out', 'dns_failed') WHERE position = 5")
    connection.close()
    assert outcome(path) == "lost", "records before the anchor are left to `verify`"
    assert StoreReader(str(path)).verify().problems
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE chain SET body = replace(body, 'timed_out', 'dns_failed') WHERE position = 21")
    connection.close()
    assert outcome(path) == "detected"
