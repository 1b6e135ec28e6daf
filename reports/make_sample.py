"""Make the committed samples anew: two tickets of the demo (Japanese, English) and the picture of the README.

python reports/make_sample.py
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from PIL import Image

from sat_monitor.core.home import Home
from sat_monitor.demo import run_demo

ROOT = Path(__file__).resolve().parents[1]
PANELS = ("before.jpg", "after.jpg", "score.jpg", "location.jpg")
SIDE_PX = 420


def main() -> None:
    """Run the demo in both languages; the highest ticket of each place becomes the sample of one."""
    with tempfile.TemporaryDirectory() as folder:
        for lang, place in (("ja", "demo-tama"), ("en", "demo-oshima")):
            report = run_demo(Home(Path(folder) / lang), lambda _: None, lang)
            ticket = max((t for t in report.tickets if t.name.startswith(place)), key=_priority)
            sample = ROOT / "reports" / "sample" / lang
            shutil.rmtree(sample, ignore_errors=True)
            sample.mkdir(parents=True)
            for name in ("ticket.pdf", "ticket.geojson", "ticket.json"):
                shutil.copyfile(ticket / name, sample / name)
            if lang == "ja":
                _join([ticket / name for name in PANELS], ROOT / "docs" / "images" / "demo-ticket.png")


def _priority(folder: Path) -> float:
    record = json.loads((folder / "ticket.geojson").read_text(encoding="utf-8"))
    return float(record["features"][0]["properties"]["priority"])


def _join(pictures: list[Path], out: Path) -> None:
    joined = Image.new("RGB", (SIDE_PX * len(pictures) + 8 * (len(pictures) - 1), SIDE_PX), "white")
    for number, path in enumerate(pictures):
        small = Image.open(path).resize((SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS)
        joined.paste(small, (number * (SIDE_PX + 8), 0))
    out.parent.mkdir(parents=True, exist_ok=True)
    joined.quantize(256).save(out, optimize=True)


if __name__ == "__main__":
    main()
