"""The scene of a run, as its first lines tell it: what is watched, from which file, into which store, and how to reach it."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from ...adapters.configuration.reuse.consulted import ConsultedFiles
from ...adapters.net.listening import has_web
from ...domain.errors import UsageError
from ...domain.line import count_of, listed, one_line
from ...domain.specification.channel import Log
from ...domain.specification.configuration import Configuration
from ...domain.store_place import shown_store
from ...domain.time.duration import duration_ns
from ...runtime import Runtime


class Scene(NamedTuple):
    """The facts of a started runtime."""

    configuration: str
    targets: int
    kinds: tuple[tuple[str, int], ...]
    """How many targets there are of each kind, the most first."""
    channels: tuple[tuple[str, str], ...]
    """The id and the kind of each."""
    store: str | None
    api: tuple[str, ...]
    """The addresses at which the page and the API are served over TCP."""
    control: str | None
    """The control socket of the verbs."""
    grace: str
    node: str = ""
    """The name of this process among those that share the store, and what it runs; empty where one process has all of it."""
    loggers: frozenset[str] = frozenset()
    """The loggers that log channels write to."""

    @property
    def summary(self) -> str:
        """The targets and the channels in one line."""
        targets = f"{count_of(self.targets, 'target')} ({self.kinds_text})" if self.kinds else "no target"
        count = count_of(len(self.channels), "channel")
        return f"{targets}, {count} ({self.channels_text})" if self.channels else f"{targets}, no channel"

    @property
    def service_line(self) -> str:
        """The line for the service manager: what is watched, and the part of it that this node runs."""
        said = f"watching {self.summary}"
        return f"{said}; node {self.node}" if self.node else said

    @property
    def kinds_text(self) -> str:
        """How many targets there are of each kind."""
        return ", ".join(f"{count} {kind}" for kind, count in self.kinds)

    @property
    def channels_text(self) -> str:
        """The first channels, each with its kind."""
        return listed([f"{name} by {kind}" for name, kind in self.channels])

    def facts(self) -> tuple[tuple[str, str], ...]:
        """Returns each fact about the place of the run with its name, for people."""
        return (
            ("configuration", one_line(self.configuration)),
            (
                "store",
                one_line(
                    self.store or "none: the record ends with this process; set runtime.store to keep it"
                ),
            ),
            *([("node", one_line(self.node))] if self.node else []),
            ("page and API", self._api),
            ("verbs", self._verbs),
        )

    @property
    def _api(self) -> str:
        if self.api:
            return ", ".join(self.api)
        return 'no address; web: {listen: "127.0.0.1:8080"} in the configuration gives it one'

    @property
    def _verbs(self) -> str:
        if self.control is not None:
            return one_line(f"by the socket {self.control}")
        if self.store is None:
            return "none can act: without a store there is no socket"
        return (
            "none can act: the extra `web` is missing, pip install 'watchkeeper[web]'"
            if not has_web()
            else "none can act: the socket was not opened"
        )

    def fields(self) -> dict[str, Any]:
        """Returns the facts for programs."""
        return {
            "configuration": self.configuration,
            "targets": self.targets,
            "kinds": dict(self.kinds),
            "channels": dict(self.channels),
            "store": self.store,
            "api": list(self.api),
            "control": self.control,
            **({"node": self.node} if self.node else {}),
        }


def scene_of(file: Path, configuration: Configuration, urls: Iterable[str], node: str = "") -> Scene:
    """Returns the scene of a runtime that serves these URLs; `node` says what it runs among others."""
    store = configuration.runtime.store
    urls = tuple(urls)
    control = next((url.removeprefix("unix:") for url in urls if url.startswith("unix:")), None)
    kinds = Counter(target.kind for target in configuration.targets)
    return Scene(
        configuration=str(file),
        targets=len(configuration.targets),
        kinds=tuple(kinds.most_common()),
        channels=tuple((channel.id, channel.given()) for channel in configuration.channels),
        store=None if store is None else shown_store(store),
        api=tuple(url for url in urls if not url.startswith("unix:")),
        control=control,
        grace=configuration.runtime.grace,
        node=node,
        loggers=frozenset(
            channel.transport.logger
            for channel in configuration.channels
            if isinstance(channel.transport, Log)
        ),
    )


class WatchedRuntime(Runtime):
    """A runtime whose command prints where it is and what it watches."""

    def scene(self, file: Path) -> Scene:
        """Returns what is watched now, and where it can be reached."""
        counts = self._lifecycle.shard_counts()
        node = "" if counts is None else counts.words
        return scene_of(file, self._configured.snapshot(), self._lifecycle.urls, node)

    @property
    def consulted(self) -> ConsultedFiles:
        """The files that the newest reading of the configuration depended on."""
        return ConsultedFiles() if self._file is None else self._file.consulted

    def sign_in_text(self) -> str:
        """Returns a sentence with a link that signs a browser in once; empty where no door is open for one."""
        try:
            link = self.login_link(role="operator", name="terminal")
        except UsageError:
            return ""
        return f"signs in as operator, once and within ten minutes:\n{link}"

    @property
    def store(self) -> str | None:
        """The file of the store; None where the record is kept in memory."""
        return self._configured.given.runtime.store

    @property
    def grace_ns(self) -> int:
        """How long a stop may drain."""
        return duration_ns(self._configured.given.runtime.grace)
