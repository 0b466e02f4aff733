"""The rows of the table: the script, the figure, the limit and the verdict of each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Figures = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table; `figure` and `met` read the JSON that its script printed."""

    what: str
    script: str
    bar: str
    figure: Callable[[Figures], str]
    met: Callable[[Figures], bool] | None = None
    """None: the row shows a figure of which nothing is asked."""


@dataclass(frozen=True, kw_only=True)
class Script:
    """How a script is run for the table, and for a quick look."""

    arguments: tuple[str, ...] = ()
    quick: tuple[str, ...] = ("--quick",)
    within_s: float = 300.0


LATE = {
    "thousand": ("1,000 checks/s", "p99 250 ms, 0 missed"),
    "plain": ("2,000 checks/s", "p50 2 ms, p99 25 ms, 0 missed"),
    "hanging_tenth": ("a tenth of them hanging", "as without"),
}
BESIDE = {
    "slow_target": "beside a slow target",
    "slow_disk": "each sync of the disk 100 ms longer",
    "slow_channel": "beside a channel of 2 s a notice",
    "lock_hog": "beside a thread that holds the interpreter's lock",
}
"""Rows of lateness.py: those with a bar, and those that show what one that misbehaves does to everybody else."""

SCRIPTS: dict[str, Script] = {
    "actors": Script(quick=("--pairs", "2")),
    "timers": Script(),
    "memory": Script(arguments=("--pairs", "2")),
    "start": Script(arguments=("--runs", "2")),
    "polls": Script(
        arguments=(
            "--only",
            "http",
            "https",
            "https_rustls",
            "tcp",
            "dialogue",
            "tls",
            "dns",
            "icmp",
            "grpc",
        ),
        within_s=900.0,
    ),
    "lateness": Script(arguments=("--runs", "1", "--only", *LATE, *BESIDE), within_s=420.0),
    "streams": Script(arguments=("--runs", "1")),
    "metrics": Script(arguments=("--runs", "1")),
    "beside_pages": Script(arguments=("--runs", "1")),
    "storm": Script(within_s=420.0),
    "browser": Script(),
    "rules": Script(),
    "conditions": Script(),
    "replay": Script(quick=("--quick",), within_s=420.0),
    "store": Script(quick=("--pairs", "2", "--batches", "20")),
    "reading": Script(),
    "codec": Script(),
    "soak": Script(within_s=420.0),
    "detection": Script(),
    "fence": Script(),
    "takeover": Script(),
}


def _poll(kind: str, name: str, bar: str) -> Row:
    def figure(found: Figures) -> str:
        check = found["checks"][kind]
        return f"{check['ratio']:.2f} of its CPU ({check['ours_cpu_us']:.0f} us, {check['blackbox_cpu_us']:.0f} us)"

    return Row(
        what=f"{name}, against prometheus-blackbox-exporter",
        script="polls",
        bar=bar,
        figure=figure,
        met=lambda found: found["checks"][kind]["met"],
    )


def _late(row: str, name: str, bar: str) -> Row:
    def figure(found: Figures) -> str:
        late = found["rows"][row]
        p50, p99 = late["lateness_p50_ms"], late["lateness_p99_ms"]
        return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, {max(late['missed'])} missed"

    return Row(
        what=f"lateness, 10,000 targets, {name}",
        script="lateness",
        bar=bar,
        figure=figure,
        met=lambda found: found["rows"][row]["met"],
    )


def _beside(row: str, name: str) -> Row:
    """Returns the row that shows the effect of one misbehaving target on the others."""

    def figure(found: Figures) -> str:
        late, plain = found["rows"][row], found["rows"]["plain"]
        p50, p99 = late["lateness_p50_ms"], late["lateness_p99_ms"]
        without = f"{plain['lateness_p50_ms']:.1f} and {plain['lateness_p99_ms']:.1f} ms without"
        return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, {max(late['missed'])} missed ({without})"

    return Row(what=f"everybody else's lateness, {name}", script="lateness", bar="none", figure=figure)


def _reported(mode: str) -> Callable[[Figures], str]:
    return lambda found: f"p99 {found['detection'][mode]['past_bound_p99_ms']:.0f} ms past the bound"


ROWS: tuple[Row, ...] = (
    Row(
        what="message hop between two actors, against pykka.ThreadingActor",
        script="actors",
        bar="30 times cheaper, 800,000/s",
        figure=lambda found: (
            f"{found['hop_alone']['ratio']} times with one in flight, {found['hop']['ratio']} with"
            f" {found['setting']['tokens']} (a bare call and deque: {found['bare_hop']['ratio']});"
            f" {found['hop']['ours_per_cpu_s']:,}/s"
        ),
        met=lambda found: found["met"]["hop_ratio"] and found["met"]["hops_per_s"],
    ),
    Row(
        what="tell from another thread, against pykka.ThreadingActor",
        script="actors",
        bar="5 times cheaper",
        figure=lambda found: f"{found['tell']['ratio']} times",
        met=lambda found: found["met"]["tell_ratio"],
    ),
    Row(
        what="memory per idle target, everything included (a bare ThreadingActor beside it)",
        script="memory",
        bar="4,096 bytes",
        figure=lambda found: (
            f"{found['idle_target_bytes']:,} bytes ({found['threading_actor_bytes']:,} bytes)"
        ),
        met=lambda found: found["met"]["idle_target"],
    ),
    Row(
        what="100,000 targets from a file to the first tick (Gatus 22,200 s by its arithmetic)",
        script="start",
        bar="10 s",
        figure=lambda found: (
            f"{found['one_line_each']['whole_s']:.1f} s; {found['every_key_written']['whole_s']:.1f} s with every key"
        ),
        met=lambda found: found["met"]["one_line_each"],
    ),
    _poll("http", "HTTP check end to end", "0.25 of its CPU"),
    _poll("https", "HTTPS check, full handshake, by OpenSSL as is the default", "0.9 of its CPU"),
    _poll("https_rustls", "HTTPS check, full handshake, `tls_library: rustls`", "0.6 of its CPU"),
    _poll("tcp", "TCP check", "0.5 of its CPU"),
    _poll("dialogue", "TCP check with a dialogue", "0.5 of its CPU"),
    _poll("tls", "TLS check, by OpenSSL", "0.9 of its CPU"),
    _poll("dns", "DNS check", "0.5 of its CPU"),
    _poll("icmp", "ICMP check", "0.5 of its CPU"),
    *(_late(row, *texts) for row, texts in LATE.items()),
    *(_beside(row, text) for row, text in BESIDE.items()),
    Row(
        what="timers at 100,000 pending, against asyncio",
        script="timers",
        bar="2 times cheaper",
        figure=lambda found: f"{found['all']['times_cheaper_than']['asyncio']} times",
        met=lambda found: found["met"]["asyncio"],
    ),
    Row(
        what="timers at 100,000 pending, against APScheduler 3",
        script="timers",
        bar="20 times cheaper",
        figure=lambda found: f"{found['all']['times_cheaper_than']['apscheduler']} times",
        met=lambda found: found["met"]["apscheduler"],
    ),
    Row(
        what="five rules on a sample, a p95 over five minutes among them",
        script="rules",
        bar="15 us, constant in the window",
        figure=lambda found: (
            f"{found['window_samples']['300']['ours_us']} us at 300 samples, "
            f"{found['window_samples']['100000']['ours_us']} us at 100,000; "
            f"{found['kinds_us']['five_kinds']} us of five kinds"
        ),
        met=lambda found: all(found["met"].values()),
    ),
    Row(
        what="one condition on an answer, the dearest kind",
        script="conditions",
        bar="25 us",
        figure=lambda found: f"{max(found['condition_us'].values())} us",
        met=lambda found: found["met"]["condition_us_max"],
    ),
    Row(
        what="30 days of 100 targets through another configuration",
        script="replay",
        bar="60 s",
        figure=lambda found: (
            f"{found['counts']['cpu_s']} s, {found['thresholds']['cpu_s']} s with a threshold for each"
        ),
        met=lambda found: all(found["met"].values()),
    ),
    Row(
        what="a regular expression on 64 KiB, a usual and a hostile one",
        script="conditions",
        bar="0.5 ms and 250 ms",
        figure=lambda found: (
            f"{found['usual_expression_on_64_kib_ms']} ms and {found['hostile_expression_on_64_kib_ms']} ms"
        ),
        met=lambda found: (
            found["met"]["usual_expression_ms_max"] and found["met"]["hostile_expression_ms_max"]
        ),
    ),
    Row(
        what="samples stored, against bare apsw executemany",
        script="store",
        bar="0.5 of its rate",
        figure=lambda found: f"{found['ratio']} of it, {found['samples_per_second']:,}/s",
        met=lambda found: found["met"]["ratio"],
    ),
    Row(
        what="sealed history",
        script="store",
        bar="8 bytes a sample",
        figure=lambda found: f"{found['sealed_bytes_per_sample']} bytes",
        met=lambda found: found["met"]["sealed_bytes_per_sample"],
    ),
    Row(
        what="a target's 90 days",
        script="store",
        bar="50 ms",
        figure=lambda found: f"{found['read_90_days_hourly_ms']} ms",
        met=lambda found: found["met"]["read_90_days"],
    ),
    Row(
        what="lateness beside 200 streams, 4 lists/s and silent clients, 500 checks/s",
        script="streams",
        bar="p99 25 ms, and 10 ms more than without",
        figure=lambda found: f"p99 {found['beside_p99_ms']} ms, {found['alone_p99_ms']} ms without",
        met=lambda found: found["met"],
    ),
    Row(
        what="a scrape of the metrics of 5,000 targets: CPU of the API's thread",
        script="metrics",
        bar="300 ms",
        figure=lambda found: (
            f"{found['cpu_ms_per_scrape']:.0f} ms, {found['scrape_bytes']:,} bytes compressed"
        ),
        met=lambda found: found["met"]["cpu"],
    ),
    Row(
        what="lateness beside a scrape every 5 s, 500 checks/s",
        script="metrics",
        bar="p99 25 ms",
        figure=lambda found: f"p99 {found['beside_p99_ms']:.1f} ms, {found['alone_p99_ms']:.1f} ms without",
        met=lambda found: found["met"]["lateness"],
    ),
    Row(
        what="lateness beside 200 streams and 5 pages/s of 5,000 rows, 500 checks/s",
        script="beside_pages",
        bar="p99 25 ms, and 10 ms more than without",
        figure=lambda found: f"p99 {found['beside_p99_ms']:.1f} ms, {found['alone_p99_ms']:.1f} ms without",
        met=lambda found: found["met"],
    ),
    Row(
        what="a storm of 5,000 targets that fail within a minute, three channels: digests, each member and each end told once",
        script="storm",
        bar="one digest an interval",
        figure=lambda found: ", ".join(
            f"{name} {each['digests']} of {each['digests_at_most']}"
            for name, each in found["channels"].items()
        ),
        met=lambda found: found["met"]["digests"] and found["met"]["told"] and found["met"]["posts"],
    ),
    Row(
        what="lateness and memory in that storm, 500 checks/s",
        script="storm",
        bar="p99 25 ms, 40 MB more afterwards",
        figure=lambda found: (
            f"p99 {max(each['lateness_p99_ms'] for each in found['phases']):.1f} ms,"
            f" {found['resident_mb_after'][0] - found['resident_mb_before']:.0f} MB"
        ),
        met=lambda found: found["met"]["lateness"] and found["met"]["memory"],
    ),
    Row(
        what="first paint of the overview of 5,000 targets, and with a row for each",
        script="browser",
        bar="300 ms, 700 ms",
        figure=lambda found: (
            f"{found['overview_first_paint_ms']:.0f} ms, {found['all_rows_first_paint_ms']:.0f} ms"
        ),
        met=lambda found: found["met"]["overview_first_paint_ms"] and found["met"]["all_rows_first_paint_ms"],
    ),
    Row(
        what="layout of 5,000 rows, and a keystroke of the filter",
        script="browser",
        bar="100 ms, 50 ms",
        figure=lambda found: f"{found['all_rows_layout_ms']:.0f} ms, {found['keystroke_ms']:.0f} ms",
        met=lambda found: found["met"]["all_rows_layout_ms"] and found["met"]["keystroke_ms"],
    ),
    Row(
        what="a change of status, painted among 5,000 rows beside 200 streams",
        script="browser",
        bar="p95 250 ms",
        figure=lambda found: (
            f"p50 {found['change_painted_p50_ms']:.0f} ms, p95 {found['change_painted_p95_ms']:.0f} ms"
        ),
        met=lambda found: found["met"]["change_painted_p95_ms"],
    ),
    Row(
        what="the state of 5,000 targets",
        script="reading",
        bar="100 ms",
        figure=lambda found: (
            f"{found['latest_of_all_ms']} ms from the store, {found['read_model_ms']} ms from the read model"
        ),
        met=lambda found: all(found["met"].values()),
    ),
    Row(
        what="encode and decode a message, against msgspec's msgpack",
        script="codec",
        bar="12 times it, under 5 % of a check",
        figure=lambda found: (
            f"{found['worst_times_of_msgspec']} times at worst, {found['in_a_check']['share']:.1%} of a check"
        ),
        met=lambda found: all(found["met"].values()),
    ),
    Row(
        what="memory growth over a soak at rated load",
        script="soak",
        bar="1 %",
        figure=lambda found: f"{found['soak']['resident_growth']:.2%}",
        met=lambda found: found["met"],
    ),
    Row(
        what="detection, a target that fails at once",
        script="detection",
        bar="p99 300 ms past the bound",
        figure=_reported("fail"),
        met=lambda found: found["detection"]["fail"]["met"],
    ),
    Row(
        what="detection, a target that hangs",
        script="detection",
        bar="p99 300 ms past the bound",
        figure=_reported("hang"),
        met=lambda found: found["detection"]["hang"]["met"],
    ),
    Row(
        what="the fence of a store, CPU of a commit",
        script="fence",
        bar="60 us",
        figure=lambda found: f"{found['fence_us']} us of {found['commit_us']}",
        met=lambda found: found["met"]["fence"],
    ),
    Row(
        what="an idle process of a store, CPU a second",
        script="fence",
        bar="2 ms, 10 ms in a stand-by",
        figure=lambda found: (
            f"{found['idle_with_beats_us_per_s']} us, {found['idle_without_beats_us_per_s']} us without beats;"
            f" a stand-by {found['standby_us_per_s']} us"
        ),
        met=lambda found: found["met"]["idle"] and found["met"]["standby"],
    ),
    Row(
        what="takeover from a killed process",
        script="takeover",
        bar="p99 2.5 s, no failed command",
        figure=lambda found: (
            f"p50 {found['killed']['p50_s']} s, p99 {found['killed']['p99_s']} s,"
            f" {len(found['failed_commands'])} of {found['commands']:,} commands failed"
        ),
        met=lambda found: (
            found["killed"]["p99_s"] <= found["bars"]["killed_p99_s"] and not found["failed_commands"]
        ),
    ),
    Row(
        what="takeover from a frozen process, a lease of 3 s included",
        script="takeover",
        bar="6 s",
        figure=lambda found: f"p50 {found['frozen']['p50_s']} s, longest {found['frozen']['max_s']} s",
        met=lambda found: found["frozen"]["max_s"] <= found["bars"]["frozen_max_s"],
    ),
)
