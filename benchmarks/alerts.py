"""What a DIST-ALERT status is worth as evidence: ln of the share of their time that converted points bear it, over others'.

The points are OPERA's own validation of 2024 (pack opera_alert_points); converted and other points are told apart as the
scorer of ../shared/tools does. Blocks are drawn anew for the 95 % interval. The figures, rounded down to tenths and made
to rise with the status, are the table of `sat_monitor/change_detect/alerts.py`.

    python benchmarks/alerts.py
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd

from sat_monitor.change_detect.alerts import SUPPORT
from sat_monitor.core.domain import Sensor

SHARED = Path(__file__).resolve().parents[2] / "shared"
DATA = SHARED / "data/opera_alert_points"
COLUMNS = {
    (Sensor.DIST_S1, "GEN"): ("sar_dist_s1_status.csv.gz", "labels"),
    (Sensor.DIST_HLS, "GEN"): ("optical_dist_hls.csv.gz", "GEN-DIST-STATUS"),
    (Sensor.DIST_HLS, "VEG"): ("optical_dist_hls.csv.gz", "VEG-DIST-STATUS"),
}
DRAWS = 500


def scorer() -> ModuleType:
    """The module that tells converted points from others."""
    spec = importlib.util.spec_from_file_location("score_series", SHARED / "tools/score_series.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shares(status: pd.DataFrame, column: str) -> pd.DataFrame:
    """Share of its time that each point bears each of the codes 0 to 8, (point, code), with `truth` and `block`."""
    known = status[status[column].between(0, 8)]
    table = pd.crosstab(known["ID"], known[column], normalize="index").reindex(columns=range(9), fill_value=0.0)
    return table.join(known.groupby("ID")[["truth", "block"]].first())


def ratio(table: pd.DataFrame) -> np.ndarray:
    """ln of the ratio of mean shares, (code); half a point's look is added to both so that none is infinite."""
    own, other = (table[table["truth"] == t][list(range(9))].mean().to_numpy() for t in (1, 0))
    return np.log((own + 1e-4) / (other + 1e-4))


def main() -> int:
    """Print ratio, interval and the table's figure for each product, layer and status."""
    if not DATA.is_dir():
        print(f"reference data {DATA.name} is not there: nothing measured")
        return 3
    truth = scorer().point_truth(str(DATA))[["ID", "truth", "block"]]
    print("product   layer status  ln ratio  95 % interval   counted (nats, before alert_share)")
    for (sensor, layer), (name, column) in COLUMNS.items():
        status = pd.read_csv(DATA / name, dtype={"ID": str}).merge(truth, on="ID")
        table = shares(status, column)
        blocks, rng = [group for _, group in table.groupby("block")], np.random.default_rng(0)
        drawn = [ratio(pd.concat([blocks[i] for i in rng.integers(0, len(blocks), len(blocks))])) for _ in range(DRAWS)]
        low, high = np.quantile(drawn, (0.025, 0.975), axis=0)
        for code, value in enumerate(ratio(table)):
            interval = f"{low[code]:5.2f} to {high[code]:5.2f}"
            print(
                f"{sensor.value:9} {layer:5} {code:6}  {value:8.2f}  {interval}   {SUPPORT[sensor, layer][code]:4.1f}"
            )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
