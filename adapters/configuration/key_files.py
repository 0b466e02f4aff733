"""Private keys that clients show certificates with: whether a key can be used, in words of our own."""

import ssl
from enum import Enum
from pathlib import Path


class KeyFault(Enum):
    """Why a certificate cannot be shown with its key; the words are those of a configuration."""

    NO_CERTIFICATE = "holds no certificate that can be read: write it as PEM"
    NO_KEY = "holds no private key that can be read: write it as PEM"
    NO_KEY_BESIDE = "holds no private key that can be read: name the file of the key under key_file"
    FOREIGN_KEY = "is the key of another certificate: name the one that belongs to it"
    FOREIGN_KEY_BESIDE = "holds the key of another certificate: name the file of its own under key_file"
    LOCKED = "is encrypted: give its pass phrase under key_password"
    WRONG_PHRASE = "is encrypted: key_password does not open it"

    @property
    def is_of_certificate(self) -> bool:
        """Whether the file of the certificate is to be mended, whatever file the key stands in."""
        return self is KeyFault.NO_CERTIFICATE


def key_fault_of(certificate: str, key: str | None, password: str | None) -> KeyFault | None:
    """Returns why a private key cannot be used, None where it can; `key` is None where it stands in the file of its certificate.

    OpenSSL never asks for a pass phrase here.
    """
    asked: list[bool] = []

    def pass_phrase() -> str:
        asked.append(True)
        return password or ""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # A short key is judged where it is shown, by the peer and by the library that shows it.
    context.set_ciphers("ALL:@SECLEVEL=0")
    try:
        context.load_cert_chain(certificate, key, pass_phrase)
    except (OSError, ValueError) as error:
        if getattr(error, "reason", "") == "KEY_VALUES_MISMATCH":
            return KeyFault.FOREIGN_KEY_BESIDE if key is None else KeyFault.FOREIGN_KEY
        if asked:
            return KeyFault.WRONG_PHRASE if password else KeyFault.LOCKED
        # OpenSSL says the same of either file.
        if not holds_certificate(Path(certificate)):
            return KeyFault.NO_CERTIFICATE
        return KeyFault.NO_KEY_BESIDE if key is None else KeyFault.NO_KEY
    return None


def holds_certificate(file: Path) -> bool:
    """Whether a file has a certificate as PEM that can be read."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(file)
    except (OSError, ValueError):  # of ssl too
        return False
    return context.cert_store_stats()["x509"] > 0
