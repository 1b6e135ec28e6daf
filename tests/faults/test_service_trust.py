"""Services that lie and lead astray (faults B7 to B9): no byte of another machine, time or question is believed."""

from __future__ import annotations

import datetime as dt
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sat_monitor.core.domain import Sensor
from sat_monitor.core.errors import ServiceError
from sat_monitor.imagery.archive import Archive
from sat_monitor.standin import faults
from sat_monitor.standin.holdings import Holdings
from sat_monitor.standin.server import Asked, Reply, Rule, Sender, StandIn
from tests.service_world import PROCESS, SEARCH, Canary, World, aoi, outcome, world


def spoil(hub: World, sender: Sender, times: int = 1, where: str = PROCESS) -> None:
    hub.stand_in.rules.append(Rule(where, sender, times))


# B7: led astray


@pytest.fixture
def canary() -> Iterator[tuple[StandIn, Canary]]:
    trap = Canary()
    with StandIn([trap]) as server:
        yield server, trap


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "target",
    [
        "{canary}/x",
        "file:///etc/passwd",
        "http://169.254.169.254/latest",
        "ftp://127.0.0.1/x",
        "//{canary_host}/x",
        "http://u:p@{host}/x",
    ],
)
def test_a_redirect_off_the_list_is_refused(hub: World, canary: tuple[StandIn, Canary], target: str, code: int) -> None:
    server, trap = canary
    where = target.format(canary=server.url, canary_host=server.host, host=hub.stand_in.host)
    source = hub.source()
    wanted = hub.offers(source)[0]
    spoil(hub, faults.redirect(where, code), times=99)
    # What was posted is not sent elsewhere as a GET: that would be another question.
    assert outcome(source, wanted) in ("E1907", "E1910")
    assert not trap.hits and hub.processed() <= 1


def test_a_catalogue_cannot_lead_to_another_machine_either(hub: World, canary: tuple[StandIn, Canary]) -> None:
    server, trap = canary
    spoil(hub, faults.redirect(f"{server.url}/search"), times=9, where=SEARCH)
    with pytest.raises(ServiceError, match="E1907"):
        hub.offers()
    assert not trap.hits


def test_a_redirect_within_the_service_is_followed(hub: World) -> None:
    source = hub.source()
    wanted = hub.offers(source)[0]
    spoil(hub, faults.redirect(f"{hub.stand_in.url}/api/v1/process"))
    assert outcome(source, wanted) == "pixels" and hub.processed() == 2


def test_a_redirect_in_a_circle_ends(hub: World) -> None:
    source = hub.source()
    wanted = hub.offers(source)[0]
    spoil(hub, faults.redirect("/api/v1/process"), times=99)
    assert outcome(source, wanted) == "E1907" and hub.processed() <= 6


# B8: who is it, and when


def certificate(folder: Path, begins: int, ends: int, name: str = "127.0.0.1") -> tuple[ssl.SSLContext, Path]:
    """A self-signed certificate valid between days from now, as a server's context and as a file to trust."""
    from ipaddress import ip_address

    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(7).not_valid_before(now + dt.timedelta(begins)).not_valid_after(now + dt.timedelta(ends))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(name))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .add_extension(x509.KeyUsage(True, False, False, False, False, True, True, False, False), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = folder / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    trusted = folder / "trusted.pem"
    trusted.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context, trusted


CERTIFICATES = {
    "good": (-1, 9, "127.0.0.1", True, "listed"),
    "expired": (-9, -1, "127.0.0.1", True, "E1908"),
    "of tomorrow": (1, 9, "127.0.0.1", True, "E1908"),
    "of another": (-1, 9, "127.0.0.2", True, "E1908"),
    "unknown": (-1, 9, "127.0.0.1", False, "E1908"),
}


@pytest.mark.parametrize("name", CERTIFICATES)
def test_a_certificate_that_does_not_hold_is_refused(holdings: Holdings, tmp_path: Path, name: str) -> None:
    begins, ends, subject, known, expected = CERTIFICATES[name]
    context, trusted = certificate(tmp_path, begins, ends, subject)
    client = ssl.create_default_context(cafile=str(trusted)) if known else None
    with world(holdings, tmp_path / "fetch", context) as hub:
        try:
            found = hub.offers(hub.source(hub.door(trust=client)))
            result = "listed" if len(found) == 8 else "short"
        except ServiceError as error:
            result = error.code
        assert result == expected
        assert expected == "listed" or not hub.stand_in.log


@pytest.mark.parametrize("days", [-400.0, -1.0, 1.0, 4000.0])
def test_a_server_whose_clock_is_wrong_is_not_believed(hub: World, days: float) -> None:
    source = hub.source()
    wanted = hub.offers(source)[0]
    spoil(hub, faults.wrong_clock(days), times=99)
    assert outcome(source, wanted) == "E1908" and hub.processed() == 1


# B9: answers to other questions


class Proxy:
    """Answers an image request with the body that answered the first one: a cache that forgot to look."""

    def __init__(self) -> None:
        self.kept: bytes | None = None

    def __call__(self, handler: object, reply: Reply) -> None:
        from sat_monitor.standin.server import send

        self.kept = self.kept or reply.body
        send(handler, replace(reply, body=self.kept))  # type: ignore[arg-type]


def test_the_answer_to_another_date_is_refused(hub: World) -> None:
    source = hub.source()
    first, second = [o for o in hub.offers(source) if o.sensor is Sensor.S2][:2]
    spoil(hub, Proxy(), times=99)
    assert [outcome(source, first), outcome(source, second)] == ["pixels", "E1207"]


def test_the_answer_to_another_sensor_is_refused(hub: World) -> None:
    source = hub.source()
    offers = hub.offers(source)
    sar, optical = (next(o for o in offers if o.sensor is sensor) for sensor in (Sensor.S1, Sensor.S2))
    spoil(hub, Proxy(), times=99)
    assert [outcome(source, sar), outcome(source, optical)] == ["pixels", "E1207"]


def test_the_answer_to_another_place_is_refused(hub: World) -> None:
    source = hub.source()
    wanted = hub.offers(source)[0]
    spoil(hub, Proxy(), times=99)
    assert outcome(source, wanted) == "pixels"
    moved = replace(aoi(), grid=replace(aoi().grid, x0=aoi().grid.x0 + 100.0))
    with pytest.raises(Exception, match="E1207"):
        source.fetch(wanted, moved)


# All of them


def test_what_is_fetched_is_what_the_provider_holds(hub: World) -> None:
    source = hub.source()
    archive: Archive = hub.holdings.archive
    held = {(s.sensor, s.acquired_at): s for s in archive.scenes("plot")}
    for wanted in hub.offers(source):
        scene = held[wanted.sensor, wanted.acquired_at]
        bands = ("VV", "VH") if wanted.sensor is Sensor.S1 else ("B02", "B04", "B08", "SCL")
        planes = archive.read(scene, bands, aoi().grid)
        fetched = source.fetch(wanted, aoi()).bands
        for band in bands:
            np.testing.assert_allclose(fetched[band], planes[band], atol=2e-7)


def test_every_request_carries_a_token_and_says_who_asks(hub: World) -> None:
    source = hub.source()
    source.fetch(hub.offers(source)[0], aoi())
    asked: list[Asked] = hub.stand_in.asked("/api/")
    assert all(a.headers["authorization"].startswith("Bearer ") for a in asked)
    assert all(a.headers["user-agent"].startswith("sat_monitor/") for a in asked)
