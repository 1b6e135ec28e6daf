"""Folder, mail and webhook: what arrives, under which id, and that nothing hostile gets through."""

from __future__ import annotations

import email
import json
from datetime import timedelta
from email.policy import default
from pathlib import Path

import pytest
from pydantic import SecretStr

from sat_monitor.core.errors import DeliveryError
from sat_monitor.core.profile_delivery import DeliverySettings
from sat_monitor.core.surroundings import LayerVersion, Municipality, Ranking, Reason, Surroundings, Zone, ZoneKind
from sat_monitor.delivery.folder import FolderSink
from sat_monitor.delivery.lead import Standing, standing_of
from sat_monitor.delivery.mail import compose, message_id
from sat_monitor.delivery.message import Attachment, Message, MessageKind, message_from_plain, safe_id
from sat_monitor.delivery.webhook import SIGNATURE, TIMESTAMP, is_genuine
from tests.delivery_world import SECRETS, folder_sink, hook_server, hook_sink, lead, mail_server, mail_sink, post
from tests.store_world import NOW, site, ticket

HOSTILE = ["=HYPERLINK(\"http://x\")", "<svg onload=alert(1)>", "a\r\nBcc: all@x.test\r\n\r\nbody", "nul\0", "\u202egnp", "\ud800", "x" * 1_000_000]  # fmt: skip


def message(**changes: object) -> Message:
    plain = {
        "id": "t-1", "kind": "ticket", "subject": "件名", "text": "本文\n二行目\n", "made_at": "2025-07-01T00:00:00Z",
        "facts": {"rank": 1.0}, "files": [],
    }  # fmt: skip
    return message_from_plain({**plain, **changes})


def named(text: str) -> Standing:
    """A standing whose every name from outside is `text`."""
    layer = LayerVersion("zones", "v", text, None, text, "00")
    zone = Zone(ZoneKind.RESIDENTIAL, text, text, None, 1.0, layer)
    around = Surroundings(layers=(layer,), municipality=Municipality("13201", text, False), zones=(zone,))
    reasons = (
        Reason("debris_zone_downstream", 9.0, (("name", text), ("distance_m", 800.0))),
        Reason("zone_residential", 5.0, (("authority", text), ("share_percent", 100.0))),
    )
    return standing_of(site(), ticket(), (around, Ranking(50.0, reasons)), DeliverySettings(), "ja")


PAGE = (Attachment("ticket.pdf", b"%PDF", "00"), Attachment("after.jpg", b"jpg", "11"))


# Folder


def test_the_same_message_twice_leaves_one_folder_that_is_not_touched_again(tmp_path: Path) -> None:
    sink = FolderSink(tmp_path / "out")
    assert sink.send(message(), PAGE) == "t-1"
    stamps = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out" / "t-1").iterdir()}
    sink.send(message(), PAGE)
    assert {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out" / "t-1").iterdir()} == stamps
    assert sorted(stamps) == ["after.jpg", "message.json", "message.txt", "ticket.pdf"]


def test_a_damaged_copy_is_written_again(tmp_path: Path) -> None:
    sink = FolderSink(tmp_path)
    sink.send(message(), PAGE)
    (tmp_path / "t-1" / "ticket.pdf").write_bytes(b"%P")
    sink.send(message(), PAGE)
    assert (tmp_path / "t-1" / "ticket.pdf").read_bytes() == b"%PDF"


@pytest.mark.parametrize("key", ["../../x", "a/b", "..", "票:1"])
def test_an_id_never_leaves_the_root_and_like_ids_stay_apart(tmp_path: Path, key: str) -> None:
    sink = FolderSink(tmp_path / "out")
    sink.send(message(id=key), PAGE)
    sink.send(message(id=key + "?"), PAGE)
    assert len(list((tmp_path / "out").iterdir())) == 2
    assert {p.name for p in tmp_path.iterdir()} == {"out"}


def test_a_disk_that_refuses_is_a_receiver_that_is_down(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file where the folder should be")
    with pytest.raises(DeliveryError, match="E2102") as caught:
        FolderSink(tmp_path / "out").send(message(), PAGE)
    assert caught.value.temporary


# Mail


def test_a_mail_arrives_with_its_page_and_the_id_of_its_ticket(tmp_path: Path) -> None:
    place = post(tmp_path, 1)
    with mail_server() as box:
        place.sinks(mail_sink(box))
        assert not place.run().degraded
    [mail] = box.mails
    assert mail["Message-ID"] == "<ticket-000@city.test>"
    assert mail["To"] == "desk@city.test"
    assert "模擬データ" in mail["Subject"]
    assert "町0" in mail["Subject"]
    parts = {part.get_filename(): part for part in mail.iter_attachments()}
    assert sorted(parts) == ["ticket.geojson", "ticket.pdf"]
    assert parts["ticket.pdf"].get_content().startswith(b"%PDF ticket-000")
    text = mail.get_body(("plain",)).get_content()
    assert "違法性は未確認" in text
    assert "3,480" in text or "3,481" in text


def test_every_try_composes_the_same_bytes() -> None:
    one = [compose(message(), PAGE, "Monitor <m@city.test>", "d@city.test") for _ in range(2)]
    assert one[0] == one[1]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_makes_no_header_of_its_own_and_travels(tmp_path: Path, text: str) -> None:
    place = post(tmp_path, 0)
    place.put(lead(0, standing=named(text)))
    with mail_server() as box:
        place.sinks(mail_sink(box), folder_sink(takes=["ticket"]))
        assert place.run().failed == ()
    [mail] = box.mails
    allowed = {"From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"}
    assert set(mail.keys()) <= allowed
    assert len(str(mail["Subject"])) <= 170
    assert not any(c in str(mail["Subject"]) for c in "\r\n\0\u202e\ud800")
    body = mail.get_body(("plain",)).get_content()
    assert not any(c in body for c in "\0\u202e\ud800")
    assert all(len(line) <= 998 for line in box.taken[0].split(b"\r\n"))


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_message_that_was_hostile_from_the_start_makes_no_header_either(text: str) -> None:
    raw = compose(message(subject=text, text=text), (Attachment(text[:2000], b"", ""),), "m@city.test", "d@city.test")
    mail = email.message_from_bytes(raw, policy=default)
    assert "Bcc" not in mail
    assert mail["To"] == "d@city.test"
    assert not mail.defects


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_an_id_of_any_content_makes_a_legal_message_id(text: str) -> None:
    made = message_id(text, "M <m@city.test>")
    assert made.isascii()
    assert made.count("@") == 1
    assert len(made) < 150
    assert safe_id(text) == safe_id(text)


# Webhook


def test_a_hook_gets_signed_json_that_only_the_secret_verifies(tmp_path: Path) -> None:
    place = post(tmp_path, 1)
    with hook_server() as hook:
        place.sinks(hook_sink(hook, attach=True))
        assert not place.run().degraded
    [(headers, body)] = hook.asked
    secret = SecretStr(SECRETS["SAT_MONITOR_SECRET_HOOK"])
    assert headers["Idempotency-Key"] == "ticket-000"
    assert is_genuine(secret, headers, body, NOW, 300)
    assert not is_genuine(SecretStr("other"), headers, body, NOW, 300)
    assert not is_genuine(secret, headers, body + b" ", NOW, 300)
    assert not is_genuine(secret, headers, body, NOW + timedelta(hours=1), 300)
    assert not is_genuine(secret, {**headers, TIMESTAMP: str(int(headers[TIMESTAMP]) + 1)}, body, NOW, 300)
    assert not is_genuine(secret, {**headers, SIGNATURE: "é"}, body, NOW, 300)
    plain = json.loads(body)
    assert plain["facts"]["municipality"] == "町0"
    assert plain["facts"]["status"] == "candidate"
    assert [file["name"] for file in plain["files"] if "base64" in file] == ["ticket.pdf"]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_in_a_hook_is_json_that_anybody_reads(tmp_path: Path, text: str) -> None:
    place = post(tmp_path, 0)
    place.put(lead(0, standing=named(text)))
    with hook_server() as hook:
        place.sinks(hook_sink(hook))
        assert place.run().failed == ()
    assert json.loads(hook.asked[0][1])["kind"] == MessageKind.TICKET.value


@pytest.mark.parametrize(("status", "code"), [(503, "E2102"), (401, "E2102"), (429, "E2103"), (500, "E2103"), (400, "E2104"), (302, "E2104")])  # fmt: skip
def test_an_answer_of_a_hook_says_whether_to_come_again(tmp_path: Path, status: int, code: str) -> None:
    place = post(tmp_path, 1)
    with hook_server(status) as hook:
        place.sinks(hook_sink(hook))
        report = place.run()
    assert code in report.failed[0]
    assert bool(report.dead) == (code == "E2104")
    assert "127.0.0.1" not in " ".join(report.failed)
