"""Debian's Mosquitto, MariaDB and Dovecot, beside a test."""

import subprocess

import trustme
from debian import WITHIN_S, Daemon, find, identity, unprivileged
from ports import free_port

USER, PASSWORD = "watch", "schön & otto"  # it opens servers that a test has made
NOBODY_MAY = "secret/#"


class Mosquitto(Daemon):
    """A message broker with one login, in clear and by TLS; `secret/` may be neither read nor written."""

    def __init__(self, ca: trustme.CA) -> None:
        super().__init__("mosquitto")
        self.tls_port, self._ca = free_port(), ca

    def command(self) -> list[str]:
        passwords = self.write("passwords", "")
        subprocess.run(
            [find("mosquitto_passwd", "mosquitto"), "-b", str(passwords), USER, PASSWORD],
            check=True,
            capture_output=True,
            **unprivileged(),
        )
        allowed = self.write(
            "acl", f"topic deny {NOBODY_MAY}\ntopic readwrite #\nuser {USER}\ntopic readwrite shop/#\n"
        )
        proof = identity(self.folder, self._ca)
        lines = [
            "per_listener_settings false",
            f"listener {self.port} {self.host}",
            f"listener {self.tls_port} {self.host}",
            f"certfile {proof.certificate}",
            f"keyfile {proof.key}",
            "allow_anonymous false",
            f"password_file {passwords}",
            f"acl_file {allowed}",
        ]
        configuration = self.write("mosquitto.conf", "\n".join(lines) + "\n")
        return [find("mosquitto", "mosquitto"), "-c", str(configuration)]


class MariaDb(Daemon):
    """A MariaDB with a user who may do anything, in the data base `shop`, in clear and by TLS."""

    def __init__(self, ca: trustme.CA) -> None:
        super().__init__("mariadb")
        self._ca = ca
        self.socket = self.folder / "socket"

    def command(self) -> list[str]:
        data, proof = self.folder / "data", identity(self.folder, self._ca)
        install = [
            find("mariadb-install-db", "mariadb-server"),
            "--no-defaults",
            f"--datadir={data}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--skip-name-resolve",
        ]
        subprocess.run(install, check=True, capture_output=True, timeout=WITHIN_S, **unprivileged())
        first = (
            f"CREATE DATABASE shop; CREATE USER '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';"
            f"GRANT ALL ON *.* TO '{USER}'@'%'; CREATE TABLE shop.jobs (id INT);"
            "CREATE USER 'old'@'%' IDENTIFIED VIA ed25519 USING PASSWORD('x');"
        )
        return [
            find("mariadbd", "mariadb-server"),
            "--no-defaults",
            f"--datadir={data}",
            f"--socket={self.socket}",
            f"--port={self.port}",
            f"--bind-address={self.host}",
            f"--ssl-cert={proof.certificate}",
            f"--ssl-key={proof.key}",
            f"--init-file={self.write('first.sql', first.replace(';', ';' + chr(10)))}",
            "--skip-name-resolve",
            "--character-set-server=utf8mb4",
            "--innodb-buffer-pool-size=16M",
            "--plugin-load-add=auth_ed25519",
        ]


class Dovecot(Daemon):
    """A server of mailboxes with one login: in clear with STARTTLS, and by TLS."""

    def __init__(self, ca: trustme.CA) -> None:
        super().__init__("dovecot")
        self.tls_port, self._ca = free_port(), ca

    def command(self) -> list[str]:
        proof = identity(self.folder, self._ca)
        run, account = self.folder / "run", unprivileged()
        user = subprocess.run(
            ["id", "-un"], check=True, capture_output=True, text=True, **account
        ).stdout.strip()
        group = subprocess.run(
            ["id", "-gn"], check=True, capture_output=True, text=True, **account
        ).stdout.strip()
        text = f"""
            protocols = imap
            listen = {self.host}
            base_dir = {run}
            state_dir = {run}
            log_path = {self.folder}/dovecot.log
            default_internal_user = {user}
            default_internal_group = {group}
            default_login_user = {user}
            ssl = yes
            ssl_cert = <{proof.certificate}
            ssl_key = <{proof.key}
            disable_plaintext_auth = yes
            auth_mechanisms = plain login
            auth_failure_delay = 0
            mail_location = maildir:{self.folder}/mail
            passdb {{
              driver = passwd-file
              args = {self.write("users", f"{USER}:{{PLAIN}}{PASSWORD}:::::" + chr(10))}
            }}
            userdb {{
              driver = static
              args = uid={user} gid={group} home={self.folder}
            }}
            service anvil {{
              chroot =
            }}
            service imap-login {{
              chroot =
              inet_listener imap {{
                port = {self.port}
              }}
              inet_listener imaps {{
                port = {self.tls_port}
                ssl = yes
              }}
            }}
        """
        return [find("dovecot", "dovecot-imapd"), "-F", "-c", str(self.write("dovecot.conf", text))]
