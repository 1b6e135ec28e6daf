"""Mail over a protected way: a server that cannot prove itself gets neither the password nor the ticket."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.delivery_world import SECRETS, Mailbox, mail_server, mail_sink, post


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for 127.0.0.1 that signs itself, and a server's context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay.test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path, secret = folder / "relay.pem", folder / "relay.key"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, secret)
    return path, context


class Guard:
    """Lets in who knows the password, and remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[bytes] = []

    def __call__(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.told.append(data.password)
        return AuthResult(success=data.password == SECRETS["SAT_MONITOR_SECRET_DESK"].encode(), handled=False)


def served(tmp_path: Path, guard: Guard) -> tuple[Path, dict[str, Any]]:
    path, context = certificate(tmp_path)
    return path, {"tls_context": context, "authenticator": guard, "auth_required": True, "require_starttls": True}


def test_a_trusted_server_gets_the_login_and_the_mail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, guard = post(tmp_path / "home", 1), Guard()
    path, options = served(tmp_path, guard)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with mail_server(Mailbox(), **options) as box:
        place.sinks(mail_sink(box, security="starttls", user="monitor"))
        assert place.run().failed == ()
    assert len(box.taken) == 1
    assert guard.told == [b"battery staple"]


def test_a_server_that_cannot_prove_itself_gets_nothing(tmp_path: Path) -> None:
    place, guard = post(tmp_path / "home", 1), Guard()
    _, options = served(tmp_path, guard)
    with mail_server(Mailbox(), **options) as box:
        place.sinks(mail_sink(box, security="starttls", user="monitor"))
        report = place.run()
    assert "E2102" in report.failed[0]
    assert (box.taken, guard.told) == ([], [])


def test_a_server_without_protection_gets_nothing_where_it_is_asked_for(tmp_path: Path) -> None:
    place = post(tmp_path / "home", 1)
    with mail_server() as box:
        place.sinks(mail_sink(box, security="starttls"))
        report = place.run()
    assert "E2102" in report.failed[0]
    assert box.taken == []


def test_a_wrong_password_keeps_the_tickets_and_is_told_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, guard = post(tmp_path / "home", 2), Guard()
    path, options = served(tmp_path, guard)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with mail_server(Mailbox(), **options) as box:
        place.sinks(mail_sink(box, security="starttls", user="monitor"))
        report = place.run({"SAT_MONITOR_SECRET_DESK": "wrong horse"})
        assert len(report.failed) == 1
        assert "E2102" in report.failed[0]
        assert report.dead == ()
        assert "wrong horse" not in str(report)
        assert b"wrong horse" not in place.home.database.read_bytes()
        place.clock.at += timedelta(hours=1)
        assert len(place.run().sent) == 2
