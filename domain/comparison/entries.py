"""Differences of entries: what is added, removed, renamed and changed, key by key."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import UNSET, inspect

from ..specification.configuration import Configuration
from ..specification.construction.shape import type_of
from ..specification.construction.shape_words import plain_types
from ..specification.problem import Path
from ..specification.rule import illegal_transitions
from ..specification.target import Target

EntryChangeKind = Literal["added", "removed", "renamed", "changed"]


class KeyChange(msgspec.Struct, frozen=True):
    """A key with another value; None where it is not there, or says nothing."""

    path: Path
    before: Any
    after: Any


class EntryChange(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that is not as it was."""

    group: str
    """The list in which it stands, such as `targets` and `routes`, or the mapping that it is: `runtime`, `web` or `agents`."""
    id: str
    change: EntryChangeKind
    at: int = 0
    """Its position in the list of the new configuration; of one that is removed, 0."""
    former: str = ""
    """The id that it had."""
    kind: str = ""
    """The kind of a target or a channel, such as `http`."""
    keys: tuple[KeyChange, ...] = ()
    """The keys that differ; rules stand by their ids."""
    refused: tuple[str, ...] = ()
    """Why a watchkeeper that runs would refuse the change."""


def continued(old: Configuration, new: Configuration) -> dict[str, str | None]:
    """Returns the id that each target of the new configuration had in the old one; None for a target that is new."""
    before = {target.id for target in old.targets}
    return {
        target.id: next((name for name in (target.id, *target.former_names) if name in before), None)
        for target in new.targets
    }


def target_changes(old: Configuration, new: Configuration) -> Iterator[EntryChange]:
    """Yields the targets that are not as they were, in the order of the new configuration, and then those that are gone."""
    before = {target.id: target for target in old.targets}
    formers = continued(old, new)
    for at, target in enumerate(new.targets):
        former = formers[target.id]
        if former is None:
            yield EntryChange(group="targets", id=target.id, change="added", at=at, kind=target.kind)
        elif before[former] != target:
            yield _changed(before[former], target, at)
    kept = set(formers.values())
    for name, target in before.items():
        if name not in kept:
            yield EntryChange(group="targets", id=name, change="removed", kind=target.kind)


def _changed(was: Target, target: Target, at: int) -> EntryChange:
    is_renamed = was.id != target.id
    return EntryChange(
        group="targets",
        id=target.id,
        change="renamed" if is_renamed else "changed",
        at=at,
        former=was.id if is_renamed else "",
        kind=target.kind,
        keys=tuple(
            _differing(
                _Sides(_of_target(was), _stated_of(was)), _Sides(_of_target(target), _stated_of(target))
            )
        ),
        refused=tuple(illegal_transitions(was.judged_rules, target.judged_rules)),
    )


def _of_target(target: Target) -> dict[str, Any]:
    """Returns a target as plain data, with the rules by which it is judged in force."""
    plain = _plain(target)
    rules = {rule.id: _plain(rule) for rule in target.judged_rules}
    left_out = {"id", "renamed_from", "default_rules"}
    return {key: value for key, value in plain.items() if key not in left_out} | {"rules": rules}


def _stated_of(target: Target) -> dict[str, Any]:
    """Returns what `_of_target` does, without what stands there by default."""
    rules = {rule.id: _stated(rule) for rule in target.judged_rules}
    return {**_stated(target), "rules": rules}


def other_changes(old: Configuration, new: Configuration) -> Iterator[EntryChange]:
    """Yields what differs beside the targets."""
    for group in ("channels", "routes", "windows", "maintenance"):
        before, after = _by_name(group, getattr(old, group)), _by_name(group, getattr(new, group))
        for at, (name, entry) in enumerate(after.items()):
            kind = _kind_of(entry)
            if name not in before:
                yield EntryChange(group=group, id=name, change="added", at=at, kind=kind)
            elif before[name] != entry:
                keys = tuple(_differing(_Sides.of(before[name]), _Sides.of(entry)))
                yield EntryChange(group=group, id=name, change="changed", at=at, kind=kind, keys=keys)
        for name, entry in before.items():
            if name not in after:
                yield EntryChange(group=group, id=name, change="removed", kind=_kind_of(entry))
    for group in ("runtime", "web", "agents"):
        was, now = getattr(old, group), getattr(new, group)
        if was != now:
            keys = tuple(_differing(_Sides.of(was), _Sides.of(now)))
            change: EntryChangeKind = "added" if was is None else "removed" if now is None else "changed"
            yield EntryChange(group=group, id="", change=change, keys=keys)


def restarting(old: Configuration, new: Configuration) -> tuple[str, ...]:
    """Returns the parts whose change a running watchkeeper takes over by a short stop and start; none where targets alone differ."""
    parts = ("channels", "runtime", "agents", "routes", "windows", "maintenance")
    return tuple(part for part in parts if getattr(old, part) != getattr(new, part))


def _by_name(group: str, entries: tuple[Any, ...]) -> dict[str, Any]:
    return {entry.id or f"{group}[{at}]": entry for at, entry in enumerate(entries)}


def _kind_of(entry: Any) -> str:
    return str(entry.given()) if entry.one_of else ""


def _plain(part: Any) -> dict[str, Any]:
    """Returns a part as plain data; nothing for one that is not there."""
    whole: dict[str, Any] = {} if part is None else _named(msgspec.to_builtins(part))
    return whole


def _stated(part: Any) -> Any:
    """Returns a part as plain data without what it has by default, as a file would state it."""
    if isinstance(part, float) and part.is_integer():
        return int(part)
    if not isinstance(part, msgspec.Struct):
        return msgspec.to_builtins(part)
    config, fields = part.__struct_config__, msgspec.structs.fields(part)
    values = ((field, getattr(part, field.name)) for field in fields)
    tag = {config.tag_field: config.tag} if config.tag_field else {}
    stated = (
        (field.encode_name, value) for field, value in values if value != field.default and value is not UNSET
    )
    return _named({**tag, **{name: _stated(value) for name, value in stated}})


def _named(plain: Any) -> Any:
    """Returns plain data with the mappings that specifications keep as pairs."""
    match plain:
        case dict():
            return {key: _value(key, each) for key, each in plain.items()}
        case list() | tuple():
            return [_named(each) for each in plain]
        case _:
            return plain


def _value(key: str, value: Any) -> Any:
    if key not in _pair_keys():
        return _named(value)
    return dict(value) if isinstance(value, list | tuple) else value


@cache
def _pair_keys() -> frozenset[str]:
    """Returns the keys under which specifications keep the pairs of a mapping."""
    return frozenset(_keys_of_mappings(type_of(Configuration)))


def _keys_of_mappings(kind: inspect.Type) -> Iterator[str]:
    for choice in plain_types(kind):
        match choice:
            case inspect.StructType(fields=fields):
                for field in fields:
                    if any(isinstance(each, inspect.DictType) for each in plain_types(field.type)):
                        yield field.encode_name
                    yield from _keys_of_mappings(field.type)
            case inspect.VarTupleType():
                yield from _keys_of_mappings(choice.item_type)
            case _:
                pass


class _Sides(NamedTuple):
    """One part as plain data: with everything, and with what a file would state alone."""

    whole: Mapping[str, Any]
    stated: Mapping[str, Any]

    @classmethod
    def of(cls, part: Any) -> "_Sides":
        return cls(_plain(part), {} if part is None else _stated(part))

    def below(self, key: str) -> "_Sides":
        whole, stated = self.value(key), self.stated.get(key)
        return _Sides(whole, stated if isinstance(stated, dict) else {})

    def value(self, key: str) -> Any:
        return self.whole.get(key)

    def shown(self, key: str) -> Any:
        """Returns the value of a key of which the other side has none."""
        value = self.value(key)
        if not isinstance(value, dict):
            return value
        stated = self.stated.get(key, {})
        # The key of a probe says its kind.
        return {name: each for name, each in stated.items() if (name, each) != ("kind", key)}


def _differing(before: _Sides, after: _Sides, path: Path = ()) -> Iterator[KeyChange]:
    for key in dict.fromkeys((*before.whole, *after.whole)):
        was, now = before.value(key), after.value(key)
        # To Python, 1 and true are equal; they are two settings of a plugin.
        if was == now and repr(was) == repr(now):
            continue
        if isinstance(was, dict) and isinstance(now, dict):
            yield from _differing(before.below(key), after.below(key), (*path, key))
        elif was is None or now is None:
            yield KeyChange((*path, key), before.shown(key), after.shown(key))
        else:
            yield KeyChange((*path, key), was, now)
