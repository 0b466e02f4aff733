"""Evidence of a real server's bad answers, from the wire to a reader of the store."""

from msgspec import UNSET
from msgspec.structs import replace
from watchkeeper import Consecutive, Runtime
from watchkeeper.adapters.stores.sqlite.reader import StoreReader

ALL = (0, 2**62)


def test_a_bad_answer_is_read_back_with_what_it_saw(site, shop, inbox, ops, tmp_path):
    path = tmp_path / "watch.db"
    quick = replace(shop, every="500ms", timeout="450ms", rules=(Consecutive(id="down", after=1),))
    with Runtime(targets=[quick], store=path, **ops) as runtime:
        with runtime.subscribe(samples=True) as events:
            assert next(iter(events)).sample.body is UNSET
        site.status = 503
        inbox.wait_for(1)
        seen = runtime.status().targets[0].sample
    evidence = StoreReader(str(path)).evidence("shop", *ALL)[0]
    assert (seen.body, evidence.body, evidence.ip, evidence.failed) == ("ok", "ok", "127.0.0.1", ())
    assert evidence.phases.first_byte_ns > 0
