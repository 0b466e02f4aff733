"""Parts that the modules of several probers share: TLS, the family of addresses, secrets and sizes."""

import re
from typing import Any, NamedTuple

from ..imported import literal, placed
from ..source import PeerPart

_FAMILIES = {"ip4": "ipv4", "ip6": "ipv6"}
_SIZE = re.compile(r"(\d+)\s*([KMG]?)i?B?", re.IGNORECASE)
_SIZES = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}
_TLS_VERSIONS = {"TLS10": "1.0", "TLS11": "1.1", "TLS12": "1.2", "TLS13": "1.3"}
TLS_FILES = {
    "ca_file": "ca_file",
    "cert_file": "certificate_file",
    "key_file": "key_file",
    "server_name": "server_name",
}
"""Keys of `tls_config` that are texts here, too."""


class Made(NamedTuple):
    """A template of a module."""

    kind: str
    """The kind of probe."""
    probe: dict[str, Any]
    """Its keys."""
    expect: list[Any]
    """The conditions."""


def family_of(options: PeerPart) -> dict[str, Any]:
    """Returns the family of addresses: that which is preferred, or the only one where nothing else is fallen back to."""
    preferred, falls_back = (
        options.text("preferred_ip_protocol"),
        options.flag("ip_protocol_fallback", default=True),
    )
    family = _FAMILIES.get(preferred or "ip6")
    if falls_back:
        return {
            "address_family": placed(
                options, "preferred_ip_protocol", preferred and family and f"prefer_{family}"
            )
        }
    return {"address_family": placed(options, "ip_protocol_fallback", family)}


def tls_of(stated: PeerPart | None) -> dict[str, Any]:
    """Returns how certificates are judged and shown."""
    if stated is None:
        return {}
    found: dict[str, Any] = {
        ours: placed(stated, key, literal(text))
        for key, ours in TLS_FILES.items()
        if (text := stated.text(key)) is not None
    }
    if stated.flag("insecure_skip_verify"):
        found["verify"] = placed(stated, "insecure_skip_verify", False)
        # Nothing is held against the authorities there, either.
        found.pop("ca_file", None)
    oldest = stated.text("min_version")
    if oldest is not None and oldest not in _TLS_VERSIONS:
        stated.leave("min_version", "a version such as TLS12 is expected here")
    found["minimum_version"] = placed(stated, "min_version", _TLS_VERSIONS.get(oldest or ""))
    return found


def secret_of(part: PeerPart, key: str) -> str | None:
    """Returns the text of a key, or the reference to the file that `KEY_file` names."""
    stated, path = part.text(key), part.text(f"{key}_file")
    return f"${{file:{path}}}" if path else None if stated is None else literal(stated)


def size_of(part: PeerPart, key: str) -> Any:
    """Returns a size in bytes; None where none is stated, and for 0, which is no limit there."""
    stated = part.text(key)
    if stated is None:
        return None
    size = _SIZE.fullmatch(stated)
    if size is None:
        part.leave(key, "a size such as 1MB is expected here")
        return None
    return placed(part, key, (int(size[1]) * _SIZES[size[2].upper()]) or None)
