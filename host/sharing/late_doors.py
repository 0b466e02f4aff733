"""The doors over TCP of a process that takes over: those that its former owner still has, and those asked for while it stood by."""

import logging
import threading
from collections.abc import Callable

from ...domain.errors import ConfigurationError
from ...domain.specification.web import Web
from ..access.doors import AGAIN_S, Doors

logger = logging.getLogger(__name__)


class LateDoors:
    """Opens doors after a take-over. The lifecycle calls it under its own lock."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._asked: list[Web] = []
        self.is_missing = False
        """True where the door of the configuration could not be opened yet: a frozen process has its address."""

    def ask(self, web: Web) -> None:
        """Notes a door that `serve` asks for while this process stands by."""
        self._asked.append(web)

    def forget(self) -> None:
        self._asked, self.is_missing = [], False

    def miss(self, error: ConfigurationError) -> None:
        """Notes that the door of the configuration waits for its address."""
        self.is_missing = True
        logger.warning("The API is not served yet, and is tried again each second: %s", error)

    def open_asked(self) -> None:
        """Opens the doors that were asked for."""
        asked, self._asked = self._asked, []
        for web in asked:
            try:
                self._doors.serve(web)
            except ConfigurationError as error:
                logger.warning("The API is not served at %s: %s", web.listen, error)

    def open_soon(self, try_again: Callable[[], bool], ended: threading.Event) -> None:
        """Tries each second on a thread, until `try_again` says that it is done or the runtime has ended."""

        def open_() -> None:
            while not ended.wait(AGAIN_S) and not try_again():
                pass

        if self.is_missing:
            threading.Thread(target=open_, name="watchkeeper-web-again", daemon=True).start()
