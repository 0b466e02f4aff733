"""The lifecycle of a runtime: its tenancy of a store, and the reload of its configuration."""

import logging

from ..adapters.net.listening import has_web
from ..adapters.stores.opening import count_shards
from ..domain.errors import ConfigurationError, UsageError, WatchkeeperError
from ..domain.line import listed
from ..domain.specification.configuration import Configuration
from ..domain.specification.web import Anonymous, Web
from ..domain.time.duration import duration_ns
from ..domain.validation.web import split_listen, web_problems
from .access.doors import WITHOUT_WEB
from .sharing.engine_access import RunningEngine
from .tenancy import Tenancy

logger = logging.getLogger(__name__)


class Lifecycle(Tenancy):
    """Reloads a runtime: changes its targets while the engine runs on, or replaces the engine."""

    def reload(self, new: Configuration) -> None:
        """Applies a valid configuration. Blocks; restarts the engine where channels or options differ.

        Raises: ConfigurationError for a rule that would go back in its lifecycle, and for an address that cannot be
        listened on; StoreError for a database that cannot be read, before anything is handed over; any error of the new engine's start,
        and then the old configuration runs on; WatchkeeperError where the old one does not start again either.
        """
        with self._beginning():
            self._require_readable(new)
            with self._configured.guard:
                self._configured.require_legal(new)
                old, diff, engine = self._configured.snapshot(), self._configured.diff(new), self._engine
                door = None if engine is None else self._doors.bound(new.web)
                if engine is not None and diff.needs_restart:
                    self._withdraw(restarts=True)
                self._configured.apply(diff)
                if engine is not None and not diff.needs_restart:
                    self._tell_changes(engine, diff.removed, diff.changed)
                given_before, self._given_at_ns = self._given_at_ns, self._clock.read().wall_ns
                stamp = self._stamp()
            if engine is not None and diff.needs_restart:
                # Bound once to learn that it can be; the start binds it again.
                self._doors.discard(door)
                self._restart_or_keep(engine, old, given_before)
            elif engine is not None:
                self._doors.use(door, new.web, new.runtime.store, self.node_name)
            elif self._standby is not None:
                self._require_runnable(old, given_before)
                if self._standby.store != new.runtime.store:
                    self._wait_elsewhere()
                else:
                    self._standby.stamp = stamp

    def _require_readable(self, new: Configuration) -> None:
        """Raises: StoreError where a running engine would end for a store that the next one cannot use: a database that cannot be read, or
        has another number of shards.
        """
        store, former = new.runtime.store, self._configured.given.runtime.store
        if self._engine is not None and self._opens_doors and store is not None and store != former:
            count_shards(store)

    def _take_back(self, old: Configuration, given_at_ns: int) -> None:
        """Makes the former configuration the current one again, of the time at which it was given."""
        with self._configured.guard:
            self._configured.apply(self._configured.diff(old))
        self._given_at_ns = given_at_ns

    def _require_runnable(self, old: Configuration, given_at_ns: int) -> None:
        """Raises: ConfigurationError where no engine could run what is configured now; then the old configuration stays."""
        try:
            self._configured.configuration()
        except ConfigurationError:
            self._take_back(old, given_at_ns)
            raise

    def serve(self, listen: str, anonymous: Anonymous | None) -> str:
        """Opens one more door over TCP, until the stop; returns its URL. The tokens of the configuration open it.

        Raises: UsageError where no engine runs; ConfigurationError where it cannot listen, or must not.
        """
        stands_by = self.stands_by
        with self._changing:
            configured = self._configured.given.web
            tokens = configured.tokens if configured else ()
            web = Web(listen=listen, anonymous=anonymous, tokens=tokens)
            if stands_by and self._standby is not None:
                return self._served_as_active(web)
            _ = self.engine
            return self._doors.serve(web)

    def _served_as_active(self, web: Web) -> str:
        """Keeps a door for the time after a take-over; returns its URL, at which the active process may listen by then.

        Raises: ConfigurationError for an address that must not be used, for the port 0, which each process would get another for, and
        without the extra `web`.
        """
        problems = [str(problem) for problem in web_problems(web, ("web",))]
        if not has_web():
            problems.append(WITHOUT_WEB)
        if problems or split_listen(web.listen)[1] == 0:
            raise ConfigurationError(
                *(problems or ["web.listen: the port 0 is another one in each process: choose a port"])
            )
        self._late.ask(web)
        return f"http://{web.listen}"

    def login_url(self) -> str:
        """Returns the URL at which a browser of this machine finds a door. Raises: UsageError where none is open."""
        if self.stands_by:
            raise UsageError(
                "this runtime stands by: ask the process that is active, which listens for browsers"
            )
        return self._doors.local_url()

    def _restart_or_keep(self, engine: RunningEngine, old: Configuration, given_at_ns: int) -> None:
        """Stops and starts.

        Where the new engine cannot start (another process holds its store), the old one runs on.
        """
        try:
            for what, names in engine.stop(duration_ns(self._grace)).left:
                logger.warning("Abandoned at a restart: %s: %s", what, listed(names))
            new = self._configured.given.runtime.store
            # Its own store may have been taken over in between; one that another process runs is a mistake in the configuration.
            self.start(self._host_loop, stands_by=new == old.runtime.store)
        except Exception as error:
            self._take_back(old, given_at_ns)
            self._go_back(error)
            raise
        finally:
            if self._engine is None:
                self._doors.close()
                if self._standby is None:
                    self._finish()

    def _go_back(self, error: Exception) -> None:
        """Starts with the former configuration.

        Raises: WatchkeeperError where that fails too: the runtime has ended.
        """
        try:
            self.start(self._host_loop)
        except Exception as again:
            says = f"the new configuration did not start: {error}\nthe old one did not start again: {again}"
            raise WatchkeeperError(f"{says}\nthe runtime has stopped") from again
