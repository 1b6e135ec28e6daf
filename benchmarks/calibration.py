"""Whether a sigma is a sigma: share of valid pixels above 2.3 and 3.1 sigma on ground that did not change.

Three Sentinel-1 bursts over California (pack opera_rtc_s1: 21 dates each, almost no change) go through import, stack
and detector as in a night; every valid pixel of every look that has enough references counts. METHOD 6 asks for
shares within a factor of 2 of 1e-2 and 1e-3.

    python benchmarks/calibration.py [--data ../shared/data/opera_rtc_s1]
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from datetime import date
from pathlib import Path

import numpy as np

from sat_monitor.core.clock import system_clock
from sat_monitor.core.home import Home
from sat_monitor.core.profile import Profile
from sat_monitor.imagery.aois import AoiRegistry
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.importer import import_scenes
from sat_monitor.imagery.opera_rtc import opera_rtc_scenes
from sat_monitor.night import NightRequest, run_night
from sat_monitor.store.store import Store

LEVELS = ((2.3, 1e-2), (3.1, 1e-3))
AOI = "calibration"


def scores_by_burst(data: Path, home: Home) -> dict[str, list[np.ndarray]]:
    """Valid scores (sigma) of every look, by burst."""
    archive = Archive(home.archive)
    import_scenes(opera_rtc_scenes, data, AOI, AoiRegistry(home.aoi), Archive(home.inbox), lambda _: None)
    request = NightRequest(home, (AOI,), date(2020, 1, 1), date(2030, 1, 1), Profile())
    report = run_night(request, system_clock, lambda _: None)
    confirmed = sum(aoi.confirmed for aoi in report.aois)
    print(f"confirmed sites over all bursts: {confirmed} (at most 2)")
    scores = defaultdict(list)
    with Store(home.database, system_clock) as store:
        for look in store.looks(AOI):
            change = archive.change_map(AOI, look.scene_id, "sar@1")
            if change.valid.any():
                scores[look.scene_id.split("_")[1]].append(change.score[change.valid])
    return scores


def main() -> int:
    """Print shares per burst and in all; 0 where all lie within a factor of 2."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared/data/opera_rtc_s1")
    args = parser.parse_args()
    if not args.data.is_dir():
        print(f"reference data {args.data.name} is not there: nothing measured")
        return 3
    with tempfile.TemporaryDirectory() as folder:
        by_burst = scores_by_burst(args.data, Home(Path(folder)))
    groups = {**by_burst, "all bursts": [part for parts in by_burst.values() for part in parts]}
    good = True
    for name, parts in groups.items():
        scores = np.concatenate(parts)
        shares = [float((scores > level).mean()) for level, _ in LEVELS]
        within = all(goal / 2 <= share <= goal * 2 for share, (_, goal) in zip(shares, LEVELS, strict=True))
        good &= within or name != "all bursts"
        text = "  ".join(
            f"> {level}: {share:.5f} (goal {goal:g})" for share, (level, goal) in zip(shares, LEVELS, strict=True)
        )
        print(
            f"{name:20s} {len(parts):3d} looks {scores.size:8d} px  {text}  {'within' if within else 'OUTSIDE'} a factor of 2"
        )
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
