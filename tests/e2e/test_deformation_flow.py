"""The weekly flow in a real Prefect: what is owed is inverted once, and a damaged stack stops no other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sat_monitor.core.home import Home
from sat_monitor.deformation.job import owed_areas
from sat_monitor.deformation.shelf import get_motion, put_stack
from tests.insar_world import sinking, stack_of


@pytest.fixture(scope="module")
def harness() -> Iterator[None]:
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield


def test_a_week_inverts_what_is_owed_and_only_that(tmp_path: Path, harness: None) -> None:
    from flows.deformation import deformation

    home = Home(tmp_path)
    for aoi in ("hill", "torn"):
        put_stack(home.interferograms(aoi), stack_of(sinking((40, 40))))
    with (home.interferograms("torn") / "displacement_m.tif").open("ab") as file:
        file.write(b"\0")
    assert owed_areas(home) == ("hill", "torn")

    paths = deformation(str(tmp_path))

    assert [Path(path).parent.name for path in paths] == ["hill"]
    assert json.loads(Path(paths[0]).read_text(encoding="utf-8"))["measured_share"] == 1.0
    assert np.nanmin(get_motion(home.motion("hill")).velocity_m_per_yr) == pytest.approx(-0.05, abs=1e-3)
    assert owed_areas(home) == ("torn",)
    with pytest.raises(RuntimeError, match="torn"):
        deformation(str(tmp_path))
