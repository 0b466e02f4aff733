"""The `icmp` probe against the echo service of a kernel, in a network of its own, with and without the permission to ask it."""

import pytest
from pinged import HERE, RAW, UNPRIVILEGED, pinged


@pytest.mark.needs("network")
@pytest.mark.parametrize("group", [UNPRIVILEGED, RAW])
def test_a_host_that_answers_is_up(group):
    seen, sockets = pinged(
        group, ("kernel", HERE), ("kernel", {"host": "::1"}), ("kernel", {**HERE, "count": 3}),
        ("good", {**HERE, "payload_bytes": 1_401, "ttl": 9, "dont_fragment": True}),
    )  # fmt: skip
    plain, six, several, large = seen

    assert sockets == ([3, 0] if group is RAW else [0, 3])
    assert (plain["outcome"], plain["ip"], plain["connected"]) == ("up", "127.0.0.1", True)
    assert plain["figures"] == {"loss": 0, "round_trip_min": plain["ms"], "round_trip_max": plain["ms"]}
    assert (six["outcome"], six["ip"]) == ("up", "::1")
    assert several["figures"]["round_trip_min"] <= several["ms"] <= several["figures"]["round_trip_max"]
    assert (large["outcome"], large["heard"]) == ("up", [[1_401, 9, True]])


@pytest.mark.needs("network")
@pytest.mark.parametrize("group", [UNPRIVILEGED, RAW])
def test_other_packets_are_no_answer(group):
    seen, _ = pinged(group, *((way, HERE) for way in ("silent", "another", "short")))

    assert [(each["outcome"], each["reason"]) for each in seen] == [("timed_out", "timed_out")] * 3
    assert all("127.0.0.1" in each["detail"] for each in seen)


@pytest.mark.needs("network")
def test_the_share_without_an_answer_is_the_loss():
    (seen,), _ = pinged(RAW, ("half", {**HERE, "count": 4}))

    assert (seen["outcome"], seen["figures"]["loss"], len(seen["heard"])) == ("up", 50, 4)


@pytest.mark.needs("network")
def test_a_process_without_permission_says_what_is_missing():
    (refused,), _ = pinged(RAW, (None, HERE), answering=False, without=("setpriv", "--bounding-set=-net_raw"))

    assert (refused["outcome"], refused["reason"]) == ("unknown", "probe_crashed")
    assert "net.ipv4.ping_group_range" in refused["detail"]
    assert "CAP_NET_RAW" in refused["detail"]


@pytest.mark.needs("network")
def test_a_host_without_a_route_is_a_fault_of_this_machine():
    (seen,), _ = pinged(RAW, (None, {"host": "192.0.2.1"}), answering=False)

    assert (seen["outcome"], seen["reason"]) == ("unknown", "blind")


@pytest.mark.slow
@pytest.mark.needs("network")
def test_ten_thousand_failures_leave_no_descriptor():
    pinged(RAW, (None, {"host": "192.0.2.1"}), answering=False, repeat=10_000)


@pytest.mark.needs("network")
def test_the_preferred_family_of_a_name_is_asked():
    seen, _ = pinged(
        RAW,
        *(("kernel", {"host": "localhost", "address_family": f"prefer_{kind}"}) for kind in ("ipv4", "ipv6")),
    )

    assert [(each["outcome"], each["ip"]) for each in seen] == [("up", "127.0.0.1"), ("up", "::1")]
