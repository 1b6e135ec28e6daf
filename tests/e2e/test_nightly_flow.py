"""The flow does what the plain night does, with artifacts, and one failed AOI does not fail the others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from tests.night_world import AOI_ID, LAST, Place, build

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return build(tmp_path_factory.mktemp("flow") / "home")


@pytest.fixture(scope="module")
def harness() -> Iterator[None]:
    """A throwaway Prefect server of this process."""
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.mark.filterwarnings("ignore")
def test_the_flow_runs_a_night_and_leaves_its_report_as_artifacts(place: Place, harness: None) -> None:
    from prefect.client.orchestration import get_client

    from flows.nightly import nightly

    report = Path(nightly(str(place.home.root), ["nowhere", AOI_ID], date(2026, 8, 25), LAST))
    text = report.read_text(encoding="utf-8")
    assert "FAILED nowhere" in text and f"| {AOI_ID} |" in text
    before = place.dump()
    nightly(str(place.home.root), [AOI_ID], date(2026, 8, 25), LAST)
    assert place.dump() == before
    with get_client(sync_client=True) as client:
        kinds = {artifact.type for artifact in client.read_artifacts()}
    assert {"markdown", "table", "image"} <= kinds


def test_only_temporary_errors_are_tried_again() -> None:
    from flows.nightly import is_temporary
    from sat_monitor.core.errors import AoiError, StoreError

    class Failed:
        def __init__(self, error: Exception) -> None:
            self.error = error

        def result(self, raise_on_failure: bool = True) -> Exception:
            return self.error

    assert is_temporary(None, None, Failed(StoreError("E1705", "busy")))
    assert not is_temporary(None, None, Failed(AoiError("E1504", "nowhere")))
    assert not is_temporary(None, None, Failed(ValueError("a bug")))
