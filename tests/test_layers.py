"""Imports run downward only, rooms on one line do not import each other, heavy guests stay in their rooms."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "sat_monitor"

#: Top first: a module may import from lower lines and from its own room, never from its own line or above.
LINES: tuple[frozenset[str], ...] = (
    frozenset({"cli"}),
    frozenset({"web", "flows"}),
    frozenset({"demo", "audit", "tune", "opendata", "doctor", "finds", "form_findings", "verdict_chips"}),
    frozenset({"standin"}),
    frozenset({"night", "series", "evaluate", "pair"}),
    frozenset({"fold", "delivery"}),
    frozenset({"change_detect", "deformation", "sites", "tickets", "store", "overlays"}),
    frozenset({"models"}),
    frozenset({"simulate"}),
    frozenset({"imagery"}),
    frozenset({"core"}),
)
#: Guests and the only places that may import them.
GUESTS = {
    "prefect": ("flows/",),
    "sentinelhub": ("sat_monitor/imagery/sentinel_hub.py",),
    "fastapi": ("sat_monitor/web/",),
    "sqlalchemy": ("sat_monitor/store/",),
}
#: The night is one job in several files: they are one room. So is the fold of looks, which needs no store and no night.
ROOMS = (
    {"demo_service": "demo"}
    | dict.fromkeys(
        (
            "cli_cases",
            "cli_common",
            "cli_data",
            "cli_deformation",
            "cli_delivery",
            "cli_evaluate",
            "cli_network",
            "cli_opendata",
            "cli_overlays",
            "cli_series",
            "cli_tune",
        ),
        "cli",
    )
    | dict.fromkeys(("checkpoints", "masks", "registration", "scoring"), "fold")
    | dict.fromkeys(
        (
            "approval",
            "casework",
            "desk_draw",
            "detect",
            "motion",
            "observe",
            "publish",
            "report",
            "promotion",
            "services",
            "signs",
        ),
        "night",
    )
)


def modules() -> list[Path]:
    return sorted([*PACKAGE.rglob("*.py"), *(ROOT / "flows").rglob("*.py")])


def room_of(parts: tuple[str, ...]) -> str:
    if parts[0] == "flows":
        return "flows"
    name = parts[1] if len(parts) > 1 else "__init__"
    return "cli" if name == "__main__" else ROOMS.get(name, name)


def imports_of(path: Path, lazy: bool = True) -> set[tuple[str, ...]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = ast.walk(tree) if lazy else tree.body
    found: set[tuple[str, ...]] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {tuple(alias.name.split(".")) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            base = tuple(node.module.split("."))
            found |= {(*base, alias.name) for alias in node.names}
    return found


def line_of(room: str) -> int:
    return next(i for i, rooms in enumerate(LINES) if room in rooms)


@pytest.mark.parametrize("path", modules(), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_a_module_imports_only_from_its_own_room_and_the_lines_below(path: Path) -> None:
    parts = path.relative_to(ROOT).with_suffix("").parts
    room = room_of(parts)
    if room == "__init__":
        assert not {i for i in imports_of(path) if i[0] == "sat_monitor"}
        return
    for target in imports_of(path):
        if target[0] not in ("sat_monitor", "flows") or target == ("sat_monitor", "__version__"):
            continue
        other = room_of(target)
        assert other == room or line_of(other) > line_of(room), f"{'.'.join(parts)} imports {'.'.join(target)}"


@pytest.mark.parametrize("path", modules(), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_a_guest_is_imported_only_where_it_lives(path: Path) -> None:
    place = path.relative_to(ROOT).as_posix()
    for target in imports_of(path):
        allowed = GUESTS.get(target[0])
        assert allowed is None or place.startswith(allowed), f"{place} imports {target[0]}"


def test_the_command_starts_without_heavy_imports() -> None:
    heavy = {"torch", "prefect", "numba", "geopandas", "xarray", "rasterio", "fastapi", "scipy"}
    top = {target[0] for target in imports_of(PACKAGE / "cli.py", lazy=False)}
    assert not top & heavy


def test_every_file_of_the_package_belongs_to_a_line() -> None:
    rooms = {room_of(path.relative_to(ROOT).with_suffix("").parts) for path in modules()} - {"__init__"}
    assert rooms <= frozenset().union(*LINES)
