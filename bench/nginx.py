"""A light local server in a process of its own: nginx with one worker, plain and over TLS, on many loopback addresses."""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

ADDRESSES = 50
"""Distinct addresses, so that closed connections (a minute each in TIME_WAIT) never use up the ports."""
READY_WITHIN_S = 10.0
INSTALL = "nginx is not installed; on Debian: apt-get install nginx-light"

CONFIGURATION = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log crit;
worker_rlimit_nofile 20000;
events {{ worker_connections 8192; multi_accept on; }}
http {{
  access_log off; keepalive_timeout 75; server_tokens off;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  ssl_session_tickets off; ssl_session_cache off; ssl_protocols TLSv1.3; ssl_ecdh_curve X25519;
  server {{
    listen 0.0.0.0:{plain} backlog=8192 reuseport; {secure}
    default_type application/json;
    location / {{ return 200 '{{"status": "ok", "queue": 3, "version": "1.2.3"}}'; }}
    location /bad {{ return 503 'no'; }}
  }}
}}
"""
SECURE = "listen 0.0.0.0:{port} ssl backlog=8192; ssl_certificate {folder}/c.pem; ssl_certificate_key {folder}/k.pem;"


class Nginx:
    """A running server."""

    def __init__(self, folder: Path, core: int) -> None:
        self.plain, self.secure = _free_port(), _free_port()
        self.authority = folder / "authority.pem"
        _certificate(folder, self.authority)
        settings = folder / "nginx.conf"
        secure = SECURE.format(port=self.secure, folder=folder)
        settings.write_text(CONFIGURATION.format(folder=folder, plain=self.plain, secure=secure))
        binary = shutil.which("nginx") or "/usr/sbin/nginx"
        self.process = subprocess.Popen([binary, "-e", str(folder / "error.log"), "-c", str(settings)])
        os.sched_setaffinity(self.process.pid, {core})
        _await(self.plain)
        _await(self.secure)

    def url(self, number: int, *, secure: bool = False, path: str = "/") -> str:
        """One of many URLs, all answered alike."""
        scheme, port = ("https", self.secure) if secure else ("http", self.plain)
        return f"{scheme}://{address(number)}:{port}{path}?n={number}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.terminate()
        self.process.wait()


def installed() -> bool:
    return bool(shutil.which("nginx")) or Path("/usr/sbin/nginx").exists()


def address(number: int) -> str:
    return f"127.0.0.{1 + number % ADDRESSES}"


def _certificate(folder: Path, authority: Path) -> None:
    import trustme

    issuer = trustme.CA()
    leaf = issuer.issue_cert(*(address(number) for number in range(ADDRESSES)))
    issuer.cert_pem.write_to_path(str(authority))
    leaf.private_key_pem.write_to_path(str(folder / "k.pem"))
    (folder / "c.pem").write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _await(port: int) -> None:
    """Waits until the port accepts connections."""
    ends_s = time.monotonic() + READY_WITHIN_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1.0).close()
        except ConnectionRefusedError:
            if time.monotonic() > ends_s:
                raise
            time.sleep(0.02)
        else:
            return
