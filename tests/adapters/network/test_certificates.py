"""Certificates read from their bytes: names of every spelling, ends, bounds, and bytes that are none."""

import datetime as dt
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.name import _ASN1Type as Written
from hypothesis import given
from hypothesis import strategies as some
from watchkeeper.adapters.net.certificates import NO_FACTS, UNREADABLE, peer_certificate, read_certificate
from watchkeeper.domain.limits import CERTIFICATE_NAME_CHARACTERS_MAX, CERTIFICATE_NAMES_MAX, INTEGER_MAX
from watchkeeper.domain.observation.observation import Observation
from watchkeeper.domain.units import NS_PER_S

OID = x509.NameOID
KEY = ec.generate_private_key(ec.SECP256R1())
BEGIN = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
END = dt.datetime(2031, 11, 1, 8, 5, 9, tzinfo=dt.UTC)


def name_of(*parts) -> x509.Name:
    """Returns a name; each part is an attribute, or several that stand side by side."""
    several = [part if isinstance(part, list) else [part] for part in parts]
    return x509.Name([x509.RelativeDistinguishedName(each) for each in several])


def part(kind, text, written=None):
    return x509.NameAttribute(kind, text, _type=written)


def made(*, issuer=None, subject=None, names=(), ends=END) -> bytes:
    """Returns a certificate in DER."""
    common = name_of(part(OID.COMMON_NAME, "a"))
    built = (
        x509.CertificateBuilder()
        .subject_name(subject or common)
        .issuer_name(issuer or common)
        .public_key(KEY.public_key())
        .serial_number(17)
        .not_valid_before(BEGIN)
        .not_valid_after(ends)
    )
    if names:
        built = built.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return built.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


ISSUERS = [
    (
        name_of(
            part(OID.COUNTRY_NAME, "US"),
            part(OID.ORGANIZATION_NAME, "Let's Encrypt"),
            part(OID.COMMON_NAME, "R11"),
        ),
        "C=US, O=Let's Encrypt, CN=R11",
    ),
    (name_of(part(OID.ORGANIZATION_NAME, 'Acme, Inc. = "x"')), 'O=Acme, Inc. = "x"'),
    (name_of(part(OID.COMMON_NAME, "Über")), "CN=Über"),
    (name_of(part(OID.COMMON_NAME, "Über", Written.BMPString)), "CN=Über"),
    (name_of([part(OID.COMMON_NAME, "a"), part(OID.ORGANIZATIONAL_UNIT_NAME, "b")]), "CN=a, OU=b"),
    (
        name_of(part(OID.DOMAIN_COMPONENT, "example", Written.IA5String), part(OID.LOCALITY_NAME, "Ulm")),
        "DC=example, L=Ulm",
    ),
    (name_of(part(OID.COMMON_NAME, "a\nb")), "CN=a\\nb"),
    (name_of(part(OID.PSEUDONYM, "told by no library"), part(OID.STATE_OR_PROVINCE_NAME, "Ohio")), "ST=Ohio"),
]


@pytest.mark.parametrize(("issuer", "read"), ISSUERS, ids=[read for _, read in ISSUERS])
def test_an_issuer_is_read_in_its_own_order(issuer, read):
    assert read_certificate(made(issuer=issuer)).issuer == read


def test_a_name_in_latin_1_is_read():
    """The type of the last century, which today's libraries no longer write: its number is put in by hand."""
    der = made(issuer=name_of(part(OID.COMMON_NAME, "Ub")))
    written, latin = b"\x0c\x02Ub", b"\x14\x02\xdcb"
    assert der.count(written) == 1
    assert read_certificate(der.replace(written, latin)).issuer == "CN=Üb"


def test_the_names_are_hosts_and_addresses():
    names = [
        x509.DNSName("shop.example"),
        x509.RFC822Name("ops@shop.example"),
        x509.IPAddress(ip_address("192.0.2.1")),
        x509.IPAddress(ip_address("2001:db8::1")),
        x509.DNSName("*.shop.example"),
    ]
    read = read_certificate(made(names=names))
    assert read.names == ("shop.example", "192.0.2.1", "2001:db8::1", "*.shop.example")


def test_names_and_issuers_are_read_up_to_a_bound():
    many = [x509.DNSName(f"{number}.example") for number in range(CERTIFICATE_NAMES_MAX + 1)]
    long = name_of(*[part(OID.ORGANIZATION_NAME, "y" * 64)] * 40)
    read = read_certificate(made(names=many, issuer=long))

    assert (len(read.names), read.names[0]) == (CERTIFICATE_NAMES_MAX, "0.example")
    assert len(read.issuer) == CERTIFICATE_NAME_CHARACTERS_MAX


@pytest.mark.parametrize(
    "end", [END, dt.datetime(2049, 12, 31, 23, 59, 59, tzinfo=dt.UTC), dt.datetime(2050, 1, 1, tzinfo=dt.UTC)]
)
def test_an_end_is_read_in_both_of_its_writings(end):
    """Two digits of the year until 2049, four from then on."""
    assert read_certificate(made(ends=end)).ends_wall_ns == int(end.timestamp()) * NS_PER_S


def test_a_certificate_without_an_end_ends_no_later_than_a_message_can_hold():
    never = dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC)
    shown = peer_certificate([made(ends=never)])
    assert shown.facts(0)["certificate_expires_in_ns"] == INTEGER_MAX


def test_a_chain_ends_with_the_first_of_its_certificates():
    own, authority = made(), made(ends=END - dt.timedelta(days=9))
    facts = peer_certificate([own, b"no certificate", authority]).facts(0)

    ends_ns = int(END.timestamp()) * NS_PER_S
    assert facts["certificate_expires_in_ns"] == ends_ns
    assert facts["certificate_chain_expires_in_ns"] == ends_ns - 9 * 86_400 * NS_PER_S


def test_a_certificate_that_cannot_be_read_gives_no_facts():
    assert peer_certificate([]) is None
    assert peer_certificate([b"no certificate"]).own is UNREADABLE
    assert peer_certificate([b""]).facts(0) == NO_FACTS


SHOWN = made(names=[x509.DNSName("shop.example")])[:-72]
"""Without most of its signature, whose length differs from run to run."""
CHANGED = some.lists(some.tuples(some.integers(0, len(SHOWN) - 1), some.integers(0, 255)), max_size=8)


@given(CHANGED, some.integers(0, len(SHOWN)))
def test_bytes_of_any_peer_are_read_or_are_unreadable(changed, cut):
    """A certificate of which some bytes are others, and the end may be missing: its parser raises nothing."""
    der = bytearray(SHOWN)
    for at, byte in changed:
        der[at] = byte
    for shown in (bytes(der), bytes(der[:cut])):
        facts = peer_certificate([shown]).facts(0)
        assert Observation(**facts).certificate_names == facts["certificate_names"]
