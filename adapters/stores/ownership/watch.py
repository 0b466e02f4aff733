"""The look of a process that waits for a store: one lock and one row, without opening the store."""

from ....domain.errors import StoreError
from ....domain.supervision.tenure import SilenceWatch, Tenure
from ....domain.time.moment import Moment
from ..sqlite.files import real_path
from ..sqlite.lock import holder_of
from .tenure_table import tenure_of


class StoreWatch:
    """Looks whether the owner of a store has gone. Called every `TENURE_LOOK_NS`, always by the same thread."""

    def __init__(self, path: str) -> None:
        self._path = real_path(path)
        self._silence = SilenceWatch()
        self.tenure: Tenure | None = None
        """The row at the last look; None for a store that has none yet."""
        self.lapsed: Tenure | None = None
        """The row where it has not changed for a whole lease; `SqliteStore` needs it to claim the store from a frozen owner."""
        self.is_locked = False
        """Whether a process, alive or frozen, has the lock."""
        self.holder = ""
        """The owner for people; empty where there is none."""

    def look(self, now: Moment) -> bool:
        """Returns whether an opening may succeed now. A store that cannot be read for the moment counts as owned."""
        holder = holder_of(self._path)
        self.is_locked = holder is not None
        try:
            found = tenure_of(self._path)
        except StoreError:
            self.lapsed = None
            return False
        self.tenure, self.lapsed = found, self._silence.look(found, now.monotonic_ns)
        self.holder = (found.owner if found else "") or holder or ""
        has_lock = not self.is_locked
        if found is None:
            return has_lock
        return found.may_be_claimed("", has_lock=has_lock, lapsed=self.lapsed) and (
            has_lock or self.lapsed is not None
        )

    def close(self) -> None:
        """Does nothing: no file is kept open between two looks."""
