"""Kills `watchkeeper run` between a post and its record, and counts what people see more than once.

    python -m tests.system.told_once [--kills 200] [--seed 0]

Two runs at a time, each with targets that fail and recover, and four receivers: PagerDuty, ntfy, Slack with a bot, and a mail server
(aiosmtpd). Each life ends at a request or a mail that one of them has taken, before or after its answer. Then the targets recover, no
process is killed, and each incident that was told must be shown once by each receiver: one alert, one notification, one message with
each step once in its thread. A mail may come twice; then it is the same to the byte, under the same Message-ID, by which
mailboxes know it. Prints the figures as JSON and in one line; the exit status is 0 only when nothing is shown twice or not at all.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from email.message import EmailMessage
from pathlib import Path
from random import Random
from typing import NamedTuple

from watchkeeper.adapters.stores.sqlite.reader import StoreReader
from watchkeeper.domain.incidents.notice import DeliveryState

from tests.system.kill import LANES
from tests.system.outside import Site
from tests.system.processes import Watch
from tests.system.settling import settle

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))  # as pytest does
from mail_server import MailServer
from peers import NtfyPeer, PagerDutyPeer, SlackPeer

TARGETS = 8
POSTS_A_LIFE_MAX = 6
"""The longest life in posts that one receiver takes: several, so that incidents come to their end."""
SENDER = "watch@watch.test"
TURN_EVERY_S = 2.0
"""The time after which further targets change while a life has not come to its end."""
LIFE_S_MAX = 120.0
"""Only a process that posts nothing lives for so long: on a busy machine its start alone takes seconds."""
NEVER = (
    "shown_twice",
    "not_shown",
    "not_ended",
    "steps_twice",
    "mails_with_another_id",
    "mails_that_differ",
    "undelivered",
    "unsettled",
)
"""Figures that are 0 where each incident is shown once."""


class Receivers(NamedTuple):
    """One of each kind that shows a repeat once, and a mail server; their names are those of their channels."""

    slack: SlackPeer
    pager: PagerDutyPeer
    phone: NtfyPeer
    mail: MailServer


class Strike:
    """Kills a process at the n-th request that a receiver takes, before its answer or after it."""

    def __init__(self, pid: int, count: int, stage: str) -> None:
        self._pid, self._left, self._stage = pid, count, stage
        self.hit = threading.Event()

    def __call__(self, stage: str) -> None:
        if stage == self._stage:
            self._left -= 1
            if self._left == 0:
                with suppress(ProcessLookupError):
                    os.killpg(self._pid, signal.SIGKILL)
                self.hit.set()


class Lane:
    """One store with its targets and receivers, and the processes that run it one after the other."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.dice = Random(seed)
        self.site = Site()
        self.receivers = Receivers(SlackPeer(), PagerDutyPeer(), NtfyPeer(), MailServer())
        self.store, self.path = folder / "watch.db", folder / "watch.yaml"
        self.names = {f"t{number}" for number in range(TARGETS)}
        self.figures: Counter[str] = Counter(dict.fromkeys(NEVER, 0))
        with ExitStack() as made:
            made.callback(self.site.close)
            for receiver in self.receivers:
                made.enter_context(receiver)
            self._configure()
            self._made = made.pop_all()

    def _configure(self) -> None:
        *peers, mail = self.receivers
        email = {"to": ["ops@watch.test"], "from": SENDER, "smtp": mail.url(), "starttls": "never"}
        specs = [*(peer.spec for peer in peers), {"email": email}]
        names = Receivers._fields
        channels = [{"id": name, **spec} for name, spec in zip(names, specs, strict=True)]
        rules = [{"id": "down", "kind": "consecutive", "after": 1, "recover": 1}]
        targets = [
            {
                "id": name, "every": "200ms", "http": {"url": f"{self.site.url}/{name}"},
                "rules": rules, "default_rules": False, "flapping": False, "notify": list(names),
            }
            for name in sorted(self.names)
        ]  # fmt: skip
        document = {"runtime": {"store": "watch.db"}, "channels": channels, "targets": targets}
        self.path.write_text(json.dumps(document), encoding="utf-8")

    def live_and_die(self) -> None:
        """Runs a process until it is killed at a post, while targets change again and again."""
        peer = self.dice.choice(self.receivers)
        self._turn_some()
        with Watch(self.path) as watch:
            stage = self.dice.choice(("taken", "answered"))
            peer.watcher = strike = Strike(watch.pid, self.dice.randint(1, POSTS_A_LIFE_MAX), stage)
            ends_s = time.monotonic() + LIFE_S_MAX
            while not strike.hit.wait(TURN_EVERY_S) and time.monotonic() < ends_s:
                self._turn_some()
            peer.watcher = None
            at_post = strike.hit.is_set()
            watch.kill()
        self.figures.update(lives=1, kills=at_post)
        self.figures.update({f"kills_{stage}": int(at_post)})

    def _turn_some(self) -> None:
        turned = self.dice.sample(sorted(self.names), self.dice.randint(1, TARGETS))
        self.site.down = self.site.down ^ set(turned)

    def settle(self) -> None:
        """Lets all targets recover and one process run until nothing is open or pending."""
        self.site.down = set()
        self.figures["unsettled"] += not settle(self.store, self.site, lambda: Watch(self.path))

    def audit(self) -> Counter[str]:
        """Returns the figures of the record and of what each receiver shows."""
        reader = StoreReader(str(self.store))
        outbox = reader.outbox()
        self.figures["undelivered"] += sum(
            each.delivery.state is not DeliveryState.DELIVERED for each in outbox
        )
        incident_of = {each.notice.key: each.notice.incident.id for each in outbox}
        told = {name: set[str]() for name in Receivers._fields}
        for each in outbox:
            told[each.notice.channel].add(each.notice.incident.id)
        self.figures["incidents"] += len(set().union(*told.values()))
        shown = self._shown(incident_of)
        for name, incidents in told.items():
            self.figures["shown_twice"] += sum(shown[name][each] > 1 for each in incidents)
            self.figures["not_shown"] += sum(not shown[name][each] for each in incidents)
        self._look_at_ends()
        self._look_at_mails({each.notice.key for each in outbox if each.notice.channel == "mail"})
        return self.figures

    def _shown(self, incident_of: dict[str, str]) -> dict[str, Counter[str]]:
        """How often each receiver shows each incident. Mailboxes show one conversation for each."""
        slack, pager, phone, mail = self.receivers
        messages = (each for each in slack.messages if "thread_ts" not in each)
        return {
            "slack": Counter(incident_of[slack.key_of(each)] for each in messages),
            "pager": Counter(pager.shown),
            "phone": Counter(phone.notifications.keys()),
            "mail": Counter({incident_of.get(key_of(each.parsed), "") for each in mail.mails}),
        }

    def _look_at_mails(self, keys: set[str]) -> None:
        """Compares the mails with the notices: each has its own Message-ID, and those with the same are equal to the byte."""
        mails = [(key_of(each.parsed), each.content) for each in self.receivers.mail.mails]
        different = Counter(key for key, _ in set(mails))
        self.figures["mails"] += len(mails)
        self.figures["mails_repeated"] += len(mails) - len(different)
        self.figures["mails_with_another_id"] += len(different.keys() - keys)
        self.figures["mails_that_differ"] += sum(count > 1 for count in different.values())

    def _look_at_ends(self) -> None:
        slack, pager, phone, _ = self.receivers
        self.figures["not_ended"] += len(pager.open)
        self.figures["not_ended"] += sum("resolved" not in each for each in (*slack.shown, *phone.shown))
        steps = Counter(slack.key_of(each) for each in slack.messages)
        self.figures["steps_twice"] += sum(count - 1 for count in steps.values())
        self.figures["messages_in_slack"] += len(slack.messages)

    def close(self) -> None:
        self._made.close()


def key_of(mail: EmailMessage) -> str:
    """Returns the key of the notice that a mail was sent for: the part of its Message-ID before the domain."""
    return mail["Message-ID"].removeprefix("<").partition("@")[0]


def kill_at_posts(folder: Path, seed: int, kills: int) -> Counter[str]:
    """Kills a lane's process at so many posts, lets it settle, and returns its figures."""
    lane = Lane(folder, seed)
    try:
        for _ in range(kills):
            lane.live_and_die()
        lane.settle()
        return lane.audit()
    finally:
        lane.close()


def faults_of(figures: Counter[str]) -> dict[str, int]:
    """Returns the figures that should be 0 and are not."""
    return {name: figures[name] for name in NEVER if figures[name]}


def _lanes(folder: Path, kills: int, seed: int) -> Iterator[tuple[Path, int, int]]:
    for lane in range(LANES):
        place = folder / f"{lane}"
        place.mkdir()
        yield place, seed + lane, kills // LANES + (lane < kills % LANES)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(arguments)
    total: Counter[str] = Counter(dict.fromkeys(NEVER, 0))
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(LANES) as lanes:
        given = _lanes(Path(folder), asked.kills, asked.seed)
        for figures in lanes.map(lambda lane: kill_at_posts(*lane), given):
            total.update(figures)
    sys.stdout.write(json.dumps(total, indent=2, sort_keys=True) + "\n")
    told = ("kills", "lives", "incidents", "messages_in_slack", "mails", "mails_repeated", *NEVER)
    sys.stdout.write(", ".join(f"{total[name]} {name}" for name in told) + "\n")
    return 1 if faults_of(total) or total["kills"] < asked.kills else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
