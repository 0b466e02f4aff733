"""An owner and agents in virtual time, with a broker in memory that does to messages what NATS does."""

from collections import defaultdict
from itertools import count

from manual_timers import ManualTimers
from watchkeeper.adapters.locations.asking import ProbeClient
from watchkeeper.adapters.locations.client import NatsRefusal
from watchkeeper.adapters.locations.link import NatsSubject
from watchkeeper.adapters.locations.located import LocatedProbers
from watchkeeper.adapters.locations.serving import ProbeServer
from watchkeeper.adapters.locations.subjects import answers_of
from watchkeeper.domain.observation.attempt import AttemptId, CancelOutcome, ProbeRequest
from watchkeeper.domain.observation.observation import Observation
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.time.moment import NS_PER_MS, NS_PER_S, Deadline
from watchkeeper.testing.clock import ManualClock

UP = Observation(connected=True, response_time_ns=7 * NS_PER_MS)
DOWN = Observation(outcome=Outcome.DOWN, reason=Reason.CONNECTION_REFUSED, detail="refused")
LOST = NatsRefusal("the server is gone", is_final=False)


class Broker:
    """Delivers each message to every listener of its subject, and of a queue group to one, in turn."""

    def __init__(self, timers):
        self.timers, self.links, self.turns = timers, [], defaultdict(count)
        self.sent = []
        """Every message: its subject, its bytes, and where to answer."""

    def link(self, listening, heard):
        link = BrokerLink(self, listening, heard)
        self.links.append(link)
        return link

    def publish(self, subject, data, reply=""):
        self.sent.append((subject, data, reply))
        heard = False
        groups = {}
        for link in self.links:
            for pattern, queue in link.listening:
                if link.refusal is None and covers(pattern, subject):
                    heard = True
                    groups.setdefault(queue or id(link), []).append(link)
        for queue, members in groups.items():
            link = members[next(self.turns[queue]) % len(members)]
            if not link.is_frozen:
                self.timers.call_at(0, lambda link=link: link.heard(subject, reply, data, False))
        if not heard and reply:
            for link in self.links:
                if any(covers(pattern, reply) for pattern, _ in link.listening):
                    self.timers.call_at(0, lambda link=link: link.heard(reply, "", b"", True))

    def stop(self):
        for link in self.links:
            link.refusal = LOST


def covers(pattern, subject):
    return subject.startswith(pattern[:-1]) if pattern.endswith(">") else pattern == subject


class BrokerLink:
    def __init__(self, broker, listening, heard):
        self.broker, self.listening, self.heard = broker, listening, heard
        self.refusal, self.is_full, self.is_frozen, self.closed = None, False, False, False

    def publish(self, subject, data, reply=""):
        if self.refusal is not None or self.is_full:
            return False
        self.broker.publish(subject, data, reply)
        return True

    def close(self):
        self.closed = True


class Drivers:
    """Drivers of one machine, which answer after a while, or never."""

    def __init__(self, clock, timers, seen=UP):
        self.clock, self.timers, self.seen = clock, timers, seen
        self.requests, self.cancelled, self.after_ns, self.fault = [], 0, 20 * NS_PER_MS, None

    @property
    def probers(self):
        return self

    def __getitem__(self, kind):
        return self

    def start(self, request, done):
        if self.fault:
            raise self.fault
        self.requests.append(request)
        if self.seen is not None:
            due_ns = self.clock.read().monotonic_ns + self.after_ns
            self.timers.call_at(due_ns, lambda: done(self.seen))
        return self

    def cancel(self):
        self.cancelled += 1
        return CancelOutcome.WITHOUT_EFFECT


class Health:
    """The health of a runtime, as it is told of its locations."""

    def __init__(self):
        self.counters, self.problems = {}, {}

    def counted(self, counter, by):
        name = f"location_{counter}"
        self.counters[name] = self.counters.get(name, 0) + by

    def problem(self, location, detail):
        self.problems[f"location {location}"] = detail


class Fleet:
    """One owner, at `home`, and an agent at each of some locations."""

    def __init__(self, *locations, deny=False, **options):
        self.clock = ManualClock()
        self.timers = ManualTimers(self.clock)
        self.broker = Broker(self.timers)
        self.here = Drivers(self.clock, self.timers)
        self.client = ProbeClient(self.clock, self.timers.call_at)
        self.client.link = self.broker.link((NatsSubject(answers_of(self.client.id)),), self.client.heard)
        self.health = Health()
        self.client.watch.add(self.health)
        self.prober_of = LocatedProbers(
            "home", self.here.probers, self.client, self.timers.call_at, deny_private_addresses=deny
        )
        self.agents, self.numbers = {}, count(1)
        for location in locations:
            self.agents[location] = self.agent(location, **options)

    def agent(self, location, **options):
        """One more agent."""
        drivers = {deny: Drivers(self.clock, self.timers) for deny in (False, True)}
        server = ProbeServer(location, self.clock, self.timers.call_at, lambda deny: drivers[deny], **options)
        server.link = self.broker.link(server.listening, server.heard)
        server.drivers, server.here = drivers, drivers[False]
        return server

    def begin(self, target, timeout_ns=5 * NS_PER_S):
        """Starts an attempt; returns the list that takes its observation, and what cancels it."""
        seen, now = [], self.clock.read()
        request = ProbeRequest(
            attempt=AttemptId(target.id, 1, next(self.numbers)),
            probe=target.probe,
            deadline=Deadline.after(now, timeout_ns),
            started=now,
        )
        attempt = self.prober_of(target).start(request, seen.append)
        assert not seen, "no answer comes from within the start"
        return seen, attempt

    def see(self, target, for_ns=6 * NS_PER_S):
        """The observation of an attempt, and of it each location's outcome and explanation."""
        seen, _ = self.begin(target)
        self.pass_time(for_ns)
        (observation,) = seen
        return observation, {each.location: each for each in observation.locations}

    def pass_time(self, by_ns):
        """Lets time go by in small steps, as timers make timers."""
        step_ns = 5 * NS_PER_MS
        for _ in range(by_ns // step_ns):
            self.timers.advance(step_ns)
