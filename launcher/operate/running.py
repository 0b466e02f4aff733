"""`run`: a runtime in the foreground, until a signal stops it."""

import gc
import logging
import os
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import NamedTuple

from ...adapters.clock import SystemClock
from ...adapters.programs.orphans import Orphans
from ...adapters.stores.opening import holder_of, look_at_nodes
from ...domain.errors import StoreBusy, StoreError, WatchkeeperError
from ...domain.limits import TENURE_LEASE_NS
from ...domain.line import count_of
from ...domain.read_model.status import STORE_LOST
from ...domain.store_place import shown_store
from ...domain.time.duration import format_duration
from ...domain.time.moment import NS_PER_S, Deadline
from ...host.subscriptions import Subscription
from ..output import ExitStatus
from ..streams import OutputLost
from ..verbs import status_of
from .changes import FileChanges
from .outputs import LogStyle, Output, log_uncaught, take_logging
from .scene import WatchedRuntime
from .service_manager import ServiceManager, Watchdog
from .signals import LISTEN_S, Word, next_word, signals_heard
from .telling import lines_of_end
from .terminal import TerminalOutput, output_for

NAME_FREE_NS = TENURE_LEASE_NS + NS_PER_S
"""How long the name of a node is waited for."""


class RunOptions(NamedTuple):
    """The options of the verb."""

    plain: bool = False
    log: LogStyle = "text"
    wait_ns: int = 0
    """How long a store that another process holds is waited for."""
    reload_on_change: bool = False
    """Whether the configuration is read again once one of its files has changed."""
    node: str | None = None
    """The name of this process among those that share the shards of a database; None for that of its host and process."""


def run_until_stopped(config: Path, options: RunOptions) -> ExitStatus:
    """Runs a configuration until a signal or its own end. Blocks. Raises: ConfigurationError; StoreError."""
    clock, orphans = SystemClock(), Orphans()
    output = output_for(plain=options.plain, log=options.log, clock=clock)
    orphans.adopt()
    take_logging(output.handler)
    try:
        return RunCommand(config, output, orphans, clock).run(options)
    except (WatchkeeperError, OSError) as error:
        if not output.tells_errors:
            raise
        output.say(str(error), logging.ERROR)
        return status_of(error) if isinstance(error, WatchkeeperError) else ExitStatus.FAILED
    except Exception as error:
        if not output.tells_errors:
            raise
        log_uncaught(error)
        return ExitStatus.FAILED
    finally:
        orphans.end()
        output.close()


class RunCommand:
    """One run of the verb: its runtime, and those that it answers: signals, the terminal and the service manager."""

    def __init__(self, config: Path, output: Output, orphans: Orphans, clock: SystemClock) -> None:
        self._config = config
        self._output = output
        self._orphans = orphans
        self._clock = clock
        self._words: SimpleQueue[Word] = SimpleQueue()
        self._manager = ServiceManager(os.environ, clock)

    def run(self, options: RunOptions) -> ExitStatus:
        """Starts, and obeys until the end."""
        with signals_heard(self._words, self._output.line):
            # The new objects stay, so that to scan them again and again is wasted work.
            gc.disable()
            try:
                runtime = WatchedRuntime.from_config(
                    self._config, os.environ, standby=False, node=options.node
                )
                events = runtime.subscribe()
                if not self._start(runtime, options.wait_ns, options.node):
                    return ExitStatus.FINE
            finally:
                gc.enable()
            gc.freeze()
            changes = FileChanges(lambda: runtime.consulted) if options.reload_on_change else None
            return self._watch(runtime, events, changes)

    def _start(self, runtime: WatchedRuntime, wait_ns: int, node: str | None = None) -> bool:
        """Starts the runtime, once its store is free. Returns False where a signal ends the waiting.

        Raises: StoreBusy where another process holds the store for longer.
        """
        # The name of a node that was killed is free after a lease: a service manager starts the next one at once.
        wait_ns = max(wait_ns, NAME_FREE_NS) if node else wait_ns
        until, has_said, is_reload_asked = Deadline.after(self._clock.read(), wait_ns), False, False
        while True:
            try:
                # Asked first: of a run that is there already, the address of the API would be told as taken.
                _require_free(runtime.store, node)
                runtime.start()
            except StoreBusy as busy:
                left_s = until.remaining_s(self._clock.read())
                if not left_s:
                    raise
                if not has_said:
                    said = f"{busy}: waiting for it for at most {format_duration(wait_ns)}"
                    self._output.say(said, word="wait")
                    self._manager.waiting(said, wait_ns)
                    has_said = True
                word = next_word(self._words, min(LISTEN_S, left_s))
                is_reload_asked |= word is Word.RELOAD
                if word is Word.STOP:
                    return False
            else:
                # The file was read before the waiting.
                if is_reload_asked:
                    self._words.put(Word.RELOAD)
                return True

    def _watch(
        self, runtime: WatchedRuntime, events: Subscription, changes: FileChanges | None
    ) -> ExitStatus:
        scene = runtime.scene(self._config)
        self._output.begin(scene)
        if isinstance(self._output, TerminalOutput):
            self._output.ask = runtime.status
            with suppress(WatchkeeperError, TimeoutError):
                self._output.resume(runtime.incidents(open_only=True))
            if text := runtime.sign_in_text():
                self._output.show("browser", text)
        Thread(target=self._tell, args=(events,), name="watchkeeper-lines", daemon=True).start()
        Thread(target=self._tell_end, args=(runtime,), name="watchkeeper-end", daemon=True).start()
        self._manager.ready(scene.service_line)
        watchdog = Watchdog(self._manager, lambda: runtime.status("1s"), self._clock)
        watchdog.start()
        try:
            return self._obey(runtime, watchdog, changes)
        finally:
            watchdog.stop()

    def _tell(self, events: Subscription) -> None:
        """Tells each event. A failed write drops that line; the runtime and later lines go on."""
        lost, dropped = False, 0
        for event in events:
            if events.dropped > dropped:
                said = f"{count_of(events.dropped - dropped, 'event')} left out: standard output was too slow"
                self._output.say(said, logging.WARNING)
                dropped = events.dropped
            try:
                self._output.event(event)
            except OutputLost as error:
                if not lost:
                    self._output.say(f"{error}: events are dropped until it can be written", logging.ERROR)
                lost = True
            else:
                lost = False

    def _tell_end(self, runtime: WatchedRuntime) -> None:
        runtime.wait()
        self._words.put(Word.ENDED)

    def _obey(self, runtime: WatchedRuntime, watchdog: Watchdog, changes: FileChanges | None) -> ExitStatus:
        while True:
            match next_word(self._words):
                case None:
                    self._orphans.look()
                    if changes is not None and changes.is_due():
                        self._output.say("a file of the configuration has changed", word="reload")
                        self._reload(runtime)
                case Word.RELOAD:
                    self._reload(runtime)
                case Word.STOP:
                    watchdog.draining(runtime.grace_ns)
                    return self._stop(runtime)
                case Word.ENDED:
                    return ExitStatus.FAILED

    def _reload(self, runtime: WatchedRuntime) -> None:
        """Reloads the file; an invalid one is reported, and the running configuration stays where it can."""
        self._manager.reloading()
        try:
            runtime.reload()
        except WatchkeeperError as error:
            # Where the old configuration did not start again either, the error says so and the next word is ENDED.
            kept = "" if runtime.wait(0) else "\nthe running configuration stays in force"
            self._output.say(f"{error}{kept}", logging.ERROR, "reload")
            self._manager.ready(f"the configuration was not read again: {error}")
        else:
            scene = runtime.scene(self._config)
            self._output.reloaded(scene)
            self._manager.ready(scene.service_line)

    def _stop(self, runtime: WatchedRuntime) -> ExitStatus:
        self._manager.stopping(runtime.grace_ns)
        self._output.say("stopping (a second signal would end the process at once)", word="stop")
        left = runtime.stop()
        for line in lines_of_end(left, has_names=not isinstance(self._output, TerminalOutput)):
            self._output.say(line, logging.ERROR if left.lost else logging.INFO, "stop")
        if STORE_LOST in dict(left.left):
            return ExitStatus.STORE
        return ExitStatus.FAILED if left.lost else ExitStatus.FINE


def _require_free(store: str | None, node: str | None) -> None:
    """Asks before a start does, which takes the addresses of the API first.

    Raises: StoreBusy where another process holds the store, or is the node of this name.
    """
    if store is None:
        return
    if (holder := holder_of(store)) is not None:
        raise StoreBusy(f"{shown_store(store)} is held by {holder}")
    if node:
        try:
            view = look_at_nodes(store)
        except StoreError:
            return  # the start says what is wrong with the database
        view.require_free(node, shown_store(store))
