"""The configuration file of a runtime, read at its making and at each reload."""

from collections.abc import Mapping
from pathlib import Path as FilePath

from ...domain.specification.configuration import Configuration
from ..masking import SecretMask
from .loading import load
from .reuse.consulted import ConsultedFiles


class ConfiguredFile:
    """A file by its absolute path, the environment that it is read with, and what the newest reading has found beside the values."""

    def __init__(self, path: str | FilePath, environment: Mapping[str, str]) -> None:
        """Problems name the file as it was given."""
        self._path = FilePath(path).absolute()
        self._name = str(path)
        self._environment = environment
        self.mask = SecretMask()
        """Knows the secrets of every reading."""
        self.consulted = ConsultedFiles()
        """The files that the newest reading depended on, also where it failed."""

    def read(self) -> Configuration:
        """Returns the configuration as the files say it now. Raises: ConfigurationError with every problem."""
        return load(
            self._path, self._environment, name=self._name, learn=self.mask.learn, consulted=self._consult
        )

    def _consult(self, files: ConsultedFiles) -> None:
        self.consulted = files
