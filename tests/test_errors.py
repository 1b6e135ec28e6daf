"""Numbered errors: every number has a title and a remedy, and is raised by the code or read from it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import sat_monitor
from sat_monitor.core import errors
from sat_monitor.core.errors import ERRORS, SatMonitorError, SceneReject

PACKAGE = Path(sat_monitor.__file__).parent
ROOT = PACKAGE.parent
CODE = "\n".join(
    path.read_text(encoding="utf-8")
    for path in sorted([*PACKAGE.rglob("*.py"), *(ROOT / "flows").rglob("*.py")])
    if path.name != "errors.py"
)
KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, SatMonitorError)]


@pytest.mark.parametrize("number", ERRORS)
def test_every_number_has_a_title_and_a_remedy(number: str) -> None:
    row = ERRORS[number]
    assert re.fullmatch(r"E\d{4}", number)
    assert len(row.title) > 5 and len(row.remedy) > 10 and row.title != row.remedy
    assert not row.title.endswith(".") and not row.remedy.endswith(".")


@pytest.mark.parametrize("number", ERRORS)
def test_every_number_is_used_by_the_code(number: str) -> None:
    assert f'"{number}"' in CODE


def test_the_code_uses_no_number_without_a_row() -> None:
    assert set(re.findall(r'"(E\d{4})"', CODE)) <= set(ERRORS)


def test_titles_tell_the_numbers_apart() -> None:
    assert len({row.title for row in ERRORS.values()}) == len(ERRORS)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_error_of_every_kind_says_what_happened_what_was_kept_and_what_to_do(kind: type[SatMonitorError]) -> None:
    error = kind("E1202", "10 m against 20 m", "the older scene")
    row = ERRORS["E1202"]
    assert str(error) == error.message
    assert error.message == f"E1202 {row.title}: 10 m against 20 m. Kept: the older scene. Do: {row.remedy}"
    assert "Kept" not in kind("E1202", "10 m against 20 m").message
    assert error.row is row


def test_only_what_may_pass_by_itself_is_temporary() -> None:
    assert SceneReject("E1101", "half a file").temporary and SatMonitorError("E1701", "a night runs").temporary
    assert not SceneReject("E1102", "another hash").temporary and not SatMonitorError("E1703", "a gap").temporary


def test_a_reject_names_its_scene_and_an_unknown_number_is_a_defect() -> None:
    assert SceneReject("E1208", "clouds", scene_id="s2-1").scene_id == "s2-1"
    with pytest.raises(KeyError):
        SatMonitorError("E9999", "no such row")
