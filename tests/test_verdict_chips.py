"""What inspectors found becomes training chips: truth on their ground only, none where nobody could tell."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from sat_monitor.core.casework import Origin, Verdict
from sat_monitor.core.clock import system_clock
from sat_monitor.imagery.aois import AoiRegistry
from sat_monitor.imagery.archive import Archive
from sat_monitor.models.bands import Answer
from sat_monitor.models.batches import drawn
from sat_monitor.models.chip_store import save_chips
from sat_monitor.store.store import Store
from sat_monitor.tickets.labels import Label
from sat_monitor.verdict_chips import verdict_chips
from tests.night_world import AOI_ID, build


def test_a_verdict_becomes_a_chip_whose_truth_lies_on_its_ground(tmp_path: Path) -> None:
    place = build(tmp_path / "home")
    place.night()
    home = place.home
    aoi, archive = AoiRegistry(home.aoi).get(AOI_ID), Archive(home.archive)
    with Store(home.database, system_clock) as store:
        ticket = store.tickets(AOI_ID)[0]
        site, scenes = store.site(ticket.site_id), store.scenes(AOI_ID)
    seen_on = max(s.acquired_at for s in scenes).date() - timedelta(days=60)
    found = Label(
        "c1", AOI_ID, site.id, Origin.RANKED, aoi.grid.epsg, site.outline, seen_on, Verdict.IMPROPER_FILL_SUSPECTED, 1.0
    )
    other = replace(found, case_id="c2", verdict=Verdict.NOTHING_FOUND)
    blind = replace(found, case_id="c3", verdict=Verdict.COULD_NOT_REACH)
    chips = list(verdict_chips([found, other, blind, replace(found, aoi="elsewhere")], aoi, archive, scenes))
    assert [chip.source for chip in chips] == ["verdict c1", "verdict c2"]
    true, false = chips
    area = float(true.weight[Answer.CONVERSION].sum()) * aoi.grid.pixel_m**2
    assert area == pytest.approx(site.outline.area, rel=0.3)
    assert np.array_equal(true.truth[Answer.CONVERSION], true.weight[Answer.CONVERSION])
    assert not false.truth.any() and np.array_equal(false.weight, true.weight)
    assert not true.weight[Answer.CHANGE].any()
    files = save_chips(chips, tmp_path / "chips", "verdict-w")
    assert drawn({"verdict": files}, {"verdict": 1.0}, np.random.default_rng(1)).truth.shape[1:] == (128, 128)
