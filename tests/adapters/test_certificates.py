import datetime as dt
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import given
from hypothesis import strategies as st
from watchkeeper.adapters.certificates import expires_of

KEY = ed25519.Ed25519PrivateKey.generate()
BEGIN = dt.datetime(1950, 1, 1, tzinfo=dt.UTC)
ENDS = st.datetimes(dt.datetime(1950, 1, 2), dt.datetime(9999, 12, 31))  # noqa: DTZ001 - made aware below


def certificate(ends, name="shop.example", serial=1):
    names = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(names)
        .issuer_name(names)
        .public_key(KEY.public_key())
        .serial_number(serial)
        .not_valid_before(BEGIN)
        .not_valid_after(ends)
        .sign(KEY, None)
    )
    return made.public_bytes(serialization.Encoding.DER)


@given(ENDS, st.text("abc", min_size=1, max_size=64), st.integers(1, 2**159 - 1))
def test_the_end_of_any_certificate_is_read_from_its_bytes(ends, name, serial):
    ends = ends.replace(microsecond=0, tzinfo=dt.UTC)
    text = expires_of(certificate(ends, name, serial))

    assert text is not None
    assert ssl.cert_time_to_seconds(text) == ends.timestamp()


@pytest.mark.parametrize(
    ("ends", "text"),
    [
        (dt.datetime(2026, 11, 1, 8, 5, 9, tzinfo=dt.UTC), "Nov  1 08:05:09 2026 GMT"),
        (dt.datetime(3000, 1, 1, tzinfo=dt.UTC), "Jan  1 00:00:00 3000 GMT"),
        (dt.datetime(1999, 12, 31, tzinfo=dt.UTC), "Dec 31 00:00:00 1999 GMT"),
    ],
)
def test_the_end_is_written_as_openssl_writes_it(ends, text):
    assert expires_of(certificate(ends)) == text


WHOLE = certificate(dt.datetime(2026, 11, 1, tzinfo=dt.UTC))


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255), st.integers(0, len(WHOLE)))
def test_bytes_that_are_no_certificate_are_no_accident(place, byte, length):
    damaged = bytearray(WHOLE)
    damaged[place] = byte

    assert isinstance(expires_of(bytes(damaged[:length])), str | None)
    assert expires_of(b"") is None
