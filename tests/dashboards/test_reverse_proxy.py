"""The reverse proxy of docs/dashboard.md, run by a real nginx as the page writes it."""

from __future__ import annotations

import base64
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPResponse, HTTPSConnection
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.dashboards.test_server import UPGRADE

DOCUMENT = Path(__file__).parents[2] / "docs" / "dashboard.md"
NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
NAME = "shop.example.com"
ALICE = {"Authorization": "Basic " + base64.b64encode(b"alice:opensesame").decode()}

pytestmark = pytest.mark.skipif(not Path(NGINX).exists(), reason="needs nginx: apt-get install nginx-light")


@pytest.fixture(scope="module")
def proxy(dashboard: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The proxy's port. Only ports and paths differ from what the page says."""
    folder = tmp_path_factory.mktemp("nginx")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    write_certificate(folder)
    (folder / "lookalike.passwords").write_text("alice:{PLAIN}opensesame\n")
    (block,) = re.findall(r"```nginx\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    here = block.replace("listen 443", f"listen 127.0.0.1:{port}").replace("/etc/nginx/", f"{folder}/")
    here = here.replace("http://127.0.0.1:8501", dashboard)
    assert here.count(str(folder)) == 3
    assert dashboard in here
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"pid {folder}/pid; error_log stderr; daemon off; events {{}}\nhttp {{ {temporary}\n{here} }}\n"
    )
    user = ["-g", "user root;"] if os.geteuid() == 0 else []
    server = subprocess.Popen([NGINX, "-p", str(folder), "-c", "nginx.conf", *user])
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and server.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        assert server.poll() is None
        yield port
    finally:
        server.terminate()
        server.wait(30)


def write_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    today = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    kind = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(*kind))


def answer(port: int, path: str, headers: dict[str, str], name: str = NAME) -> HTTPResponse:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = HTTPSConnection("127.0.0.1", port, timeout=30, context=context)
    connection.putrequest("GET", path, skip_host=True)
    for key, value in {"Host": name, **headers}.items():
        connection.putheader(key, value)
    connection.endheaders()
    return connection.getresponse()


@pytest.mark.parametrize("path", ["/", "/_stcore/stream", "/static/"])
def test_without_a_password_nothing_is_shown(proxy: int, path: str) -> None:
    assert answer(proxy, path, {}).status == 401
    assert answer(proxy, path, {"Authorization": "Basic YTpi"}).status == 401


def test_with_it_the_page_and_its_web_socket_open(proxy: int) -> None:
    page = answer(proxy, "/", ALICE)
    assert page.status == 200
    assert page.headers["X-Frame-Options"] == "DENY"
    assert answer(proxy, "/_stcore/stream", ALICE | UPGRADE).status == 101


def test_another_name_gets_no_page(proxy: int) -> None:
    """Nginx passes the name on, and the dashboard does not know it."""
    assert answer(proxy, "/", ALICE, "evil.example").status == 421
