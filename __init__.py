"""watchkeeper: polls targets on time, judges samples by rules, tells people exactly as often as it should."""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .door import *  # noqa: F403  # the names that __getattr__ hands out
else:

    def __getattr__(name: str) -> object:
        """Loads the public names at the first use of one: 0.25 s of CPU that `watchkeeper --help` does without."""
        if name.startswith("__") and name != "__all__":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        door = import_module(".door", __name__)
        public = {each: getattr(door, each) for each in door.__all__}
        globals().update(public, __all__=sorted([*public, "__version__"]))
        try:
            return globals()[name]
        except KeyError:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None

    def __dir__() -> list[str]:
        return sorted({*globals(), *__getattr__("__all__")})
