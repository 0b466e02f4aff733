"""The `mysql` probe as it is written: a login, or a query whose rows are judged."""

from typing import ClassVar

from ...probe import AddressFamily, Port, Tls
from ...text import MASK
from ..networked import Library, NetworkProbe
from .postgres import SqlText


class Mysql(NetworkProbe, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="mysql"):
    """A login at a server of MySQL or MariaDB, and one query in a transaction that only reads.

    `[BODY]` holds the rows as JSON, a list of mappings from column to value; without a query, the `version` of the server. A
    number in the first column of the first row is the measure `value`.
    """

    facts: ClassVar[frozenset[str]] = frozenset({"CONNECTED", "RESPONSE_TIME", "IP", "BODY"})
    measures: ClassVar[tuple[str, ...]] = ("response_time", "dns", "connect", "tls", "value", "availability")
    library: ClassVar[Library | None] = Library("pymysql", "PyMySQL", "mysql")

    host: str
    """A host name or an address, without the port."""
    port: Port = 3306
    """The port, 1 to 65,535."""
    user: str
    """The user of the login."""
    password: str | None = None
    """The password of the login; it is never shown, and sent in clear to no server."""
    database: str | None = None
    """The database that is connected to; default: none."""
    query: SqlText | None = None
    """One statement, such as `SELECT count(*) FROM jobs`, which may only read; default: the login is all."""
    tls: Tls | None = None
    """TLS, which the server is asked for, and how the certificate is judged; default: in clear."""
    address_family: AddressFamily = "any"
    """Which kind of address of the host is connected to."""

    @property
    def summary(self) -> str:
        return f"MySQL {self.host}:{self.port}{f'/{self.database}' if self.database else ''}"

    def __repr__(self) -> str:
        login = f"user={self.user!r}, password={MASK if self.password else None}, database={self.database!r}"
        # The text of a query may hold a value that is nobody's to read.
        query = f"query={MASK if self.query else None}"
        return f"Mysql({self.host!r}, {self.port}, {login}, {query}, tls={self.tls!r})"
