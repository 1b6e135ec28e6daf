"""The wheel, installed outside the checkout, runs the whole demo from there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from shapely.geometry import shape

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


def run(command: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "SAT_MONITOR", "NUMBA"))}
    return subprocess.run(
        command, cwd=folder, env={**clean, **environment}, capture_output=True, text=True, timeout=600, check=False
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    done = run([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)], ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    [made] = out.glob("*.whl")
    return made


def test_the_wheel_carries_code_places_and_templates_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {"sat_monitor", "flows", *(top for top in tops if top.endswith(".dist-info"))}
    assert sum(name.startswith("sat_monitor/data/aoi/") and name.endswith(".geojson") for name in names) == 12
    assert "sat_monitor/data/templates/ticket.typ" in names
    assert "sat_monitor/profiles/default.toml" in names


def test_the_demo_runs_from_the_installed_wheel_and_a_ticket_meets_a_true_fill(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--no-deps",
        "--no-index",
        "-q",
        "--target",
        str(site),
        str(wheel),
    ]
    assert run(install, tmp_path).returncode == 0
    where = run(
        [sys.executable, "-c", "import sat_monitor; print(sat_monitor.__file__)"], tmp_path, PYTHONPATH=str(site)
    )
    assert where.stdout.strip().startswith(str(site))
    done = run([sys.executable, "-m", "sat_monitor", "demo", "--home", "home"], tmp_path, PYTHONPATH=str(site))
    assert done.returncode == 0, done.stderr[-2000:]
    assert "simulated" in done.stdout and "truth.geojson" in done.stdout
    truth = [shape(f["geometry"]) for f in json.loads((tmp_path / "home/truth.geojson").read_text())["features"]]
    tickets = [json.loads(p.read_text())["features"][0] for p in (tmp_path / "home/tickets").glob("*/ticket.geojson")]
    assert any(shape(ticket["geometry"]).intersects(fill) for ticket in tickets for fill in truth)
    assert all(ticket["properties"]["simulated"] for ticket in tickets)
