"""The parts of a configuration that speak TLS, and where they name files, found from the types of the specifications."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from msgspec import Struct, inspect

from ...domain.specification.configuration import Configuration
from ...domain.specification.construction.shape import type_of
from ...domain.specification.construction.shape_words import plain_types
from ...domain.specification.problem import Path

_FILES = frozenset({"ca_file", "certificate_file", "key_file"})
_URLS = ("url", "api", "server", "smtp", "token_url", "rdap_server", "nats")
_SECURE = ("https://", "wss://", "smtps://", "smtp://", "tls://")
_IN_CLEAR = {"starttls": ("never",), "encryption": ("none",), "transport": ("udp", "tcp")}
"""Values with which nothing is encrypted."""


class _Form(NamedTuple):
    """A specification that names files of certificates, or has others below that do."""

    fields: Mapping[str, inspect.Field]
    files: tuple[str, ...]
    below: Mapping[str, tuple["_Form", ...]]


class SecuredPart(NamedTuple):
    """A mapping of plain data whose specification has to do with certificates; it may hold anything."""

    path: Path
    data: dict[str, Any]
    form: _Form

    @property
    def names(self) -> Iterator[str]:
        """The keys of the files that it names itself."""
        return (key for key in self.form.files if key in self.data)

    @property
    def needing_authorities(self) -> Path | None:
        """The place that says that certificates are judged by the authorities of the machine; None where they are not."""
        judged = self._judging
        if judged is None or judged.get("verify", True) is False or "ca_file" in judged:
            return None
        if any(self._stated(key) in values for key, values in _IN_CLEAR.items()):
            return None
        for key in _URLS:
            field = self.form.fields.get(key)
            url = self._stated(key)
            if isinstance(url, str) and "://" in url:
                return (*self.path, key) if url.lower().startswith(_SECURE) else None
            if field is not None and field.required:
                return None
        return self.path

    @property
    def _judging(self) -> dict[str, Any] | None:
        """The mapping that says how the certificate of its peer is judged; None where its peer shows none."""
        # A target has a kind of probe under this name.
        if any(form.files for form in self.form.below.get("tls", ())):
            tls = self.data.get("tls")
            is_always = isinstance(self.form.fields["tls"].default, Struct)
            has_url = any(key in self.form.fields for key in _URLS)
            return tls if isinstance(tls, dict) else {} if is_always or has_url else None
        return self.data if self.form.files and "url" in self.form.fields else None

    def _stated(self, key: str) -> Any:
        field = self.form.fields.get(key)
        return None if field is None else self.data.get(key, field.default)


def secured_parts(data: Any) -> Iterator[SecuredPart]:
    """Yields the parts of plain data, in its order, whatever else may be wrong with it."""
    return _parts(_forms(), data, ())


def _parts(forms: tuple[_Form, ...], value: Any, path: Path) -> Iterator[SecuredPart]:
    if isinstance(value, list):
        for at, each in enumerate(value):
            yield from _parts(forms, each, (*path, at))
    elif isinstance(value, dict):
        for form in forms:
            yield SecuredPart(path, value, form)
            for key in form.below:
                if key in value:
                    yield from _parts(form.below[key], value[key], (*path, key))


@cache
def _forms() -> tuple[_Form, ...]:
    return tuple(_leading_to_files(type_of(Configuration)))


def _leading_to_files(kind: inspect.Type) -> Iterator[_Form]:
    for choice in plain_types(kind):
        match choice:
            case inspect.StructType(fields=fields):
                named = {field.encode_name: field for field in fields}
                found = {name: tuple(_leading_to_files(field.type)) for name, field in named.items()}
                below = {name: forms for name, forms in found.items() if forms}
                files = tuple(name for name in named if name in _FILES)
                if below or files:
                    yield _Form(named, files, below)
            case inspect.VarTupleType():
                yield from _leading_to_files(choice.item_type)
            case _:
                pass
