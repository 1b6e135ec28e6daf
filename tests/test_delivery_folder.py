from __future__ import annotations

from pathlib import Path

import pytest

from sat_monitor.core.errors import SatMonitorError, TicketError
from sat_monitor.tickets.sinks import FolderSink


def _ticket(folder: Path) -> Path:
    folder.mkdir()
    (folder / "ticket.pdf").write_bytes(b"%PDF page")
    (folder / "after.jpg").write_bytes(b"picture")
    (folder / ".ticket.pdf.part").write_bytes(b"half")
    return folder


def test_delivering_twice_leaves_one_delivery_and_the_same_receipt(tmp_path: Path) -> None:
    sink, folder = FolderSink(tmp_path / "out"), _ticket(tmp_path / "t")
    first = sink.deliver(folder, "t-1")
    stamps = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out" / "t-1").iterdir()}
    assert sink.deliver(folder, "t-1") == first
    assert {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out" / "t-1").iterdir()} == stamps
    assert sorted(stamps) == ["after.jpg", "ticket.pdf"]
    assert [name for name, _ in first.files] == ["after.jpg", "ticket.pdf"]
    assert first.body()["place"] == "t-1"


def test_a_damaged_copy_is_written_again(tmp_path: Path) -> None:
    sink, folder = FolderSink(tmp_path / "out"), _ticket(tmp_path / "t")
    sink.deliver(folder, "t-1")
    (tmp_path / "out" / "t-1" / "ticket.pdf").write_bytes(b"%PD")
    sink.deliver(folder, "t-1")
    assert (tmp_path / "out" / "t-1" / "ticket.pdf").read_bytes() == b"%PDF page"


@pytest.mark.parametrize("key", ["../../x", "a/b", "..", "票:1"])
def test_a_key_never_leaves_the_root_and_like_keys_stay_apart(tmp_path: Path, key: str) -> None:
    sink, folder = FolderSink(tmp_path / "out"), _ticket(tmp_path / "t")
    sink.deliver(folder, key)
    sink.deliver(folder, key + "?")
    assert len(list((tmp_path / "out").iterdir())) == 2
    assert {p.name for p in tmp_path.iterdir()} == {"out", "t"}


def test_a_folder_without_a_page_is_not_delivered(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    with pytest.raises(TicketError, match="E1801"):
        FolderSink(tmp_path / "out").deliver(tmp_path / "t", "t-1")


def test_a_disk_that_refuses_is_a_temporary_error(tmp_path: Path) -> None:
    folder = _ticket(tmp_path / "t")
    (tmp_path / "out").write_text("a file where the folder should be")
    with pytest.raises(SatMonitorError, match="E1302") as caught:
        FolderSink(tmp_path / "out").deliver(folder, "t-1")
    assert caught.value.temporary
