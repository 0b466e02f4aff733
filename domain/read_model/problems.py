"""The present problems of the parts of a runtime, and which of their changes are worth an event."""

from collections.abc import Iterable, Iterator

from .. import limits
from ..incidents.own_problems import OwnProblem
from ..time.moment import Moment


class PresentProblems:
    """Keeps the problem of each part. Owned by the recorder."""

    def __init__(self) -> None:
        self._problems: dict[str, OwnProblem] = {}
        self._texts: dict[str, tuple[Moment, int]] = {}
        """Since when the changed texts of each problem are counted, and how many there were."""

    def change(self, part: str, detail: str, now: Moment) -> bool:
        """Keeps the problem of a part; an empty detail ends it.

        Returns whether to publish it: its beginning, its end, and in each minute a few changes of its text. Each failed attempt
        and each dead letter of an outage may have a text of its own.
        """
        before = self._problems.pop(part, None)
        if detail:
            self._problems[part] = OwnProblem(part, detail, now if before is None else before.began)
        if detail == (before.detail if before else ""):
            return False
        if before and detail:
            return self._may_tell(part, now)
        self._texts.pop(part, None)
        return True

    def _may_tell(self, part: str, now: Moment) -> bool:
        began, count = self._texts.get(part, (now, 0))
        if now.since(began) >= limits.PROBLEM_TEXTS_NS:
            began, count = now, 0
        self._texts[part] = began, count + 1
        return count < limits.PROBLEM_TEXTS_MAX

    def all(self) -> tuple[OwnProblem, ...]:
        """Returns them by part."""
        return tuple(problem for _, problem in sorted(self._problems.items()))


class ToldProblems:
    """Decides which changes of what the health of a node shows are worth an event.

    A problem is told once it has been seen for a while: after a time in which the store was away for all, every row is old for a look.
    """

    def __init__(self) -> None:
        self._since: dict[str, Moment] = {}
        self._told = PresentProblems()

    def look(self, shown: Iterable[tuple[str, str]], now: Moment) -> Iterator[tuple[str, str]]:
        """Takes all that is shown now, and yields what to tell: a part and its text, which is empty where the problem is over."""
        texts = dict(shown)
        self._since = {part: self._since.get(part, now) for part in texts}
        lasting = {
            part: text for part, text in texts.items() if now.since(self._since[part]) >= limits.NODE_TOLD_NS
        }
        over = [each.part for each in self._told.all() if each.part not in texts]
        for part, text in (*lasting.items(), *((part, "") for part in over)):
            if self._told.change(part, text, now):
                yield part, text
