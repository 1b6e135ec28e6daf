"""The archive: one COG and one STAC item per scene and per change map, as a static catalogue that QGIS opens.

Files first, then the item, then the collection: what an item names is there and whole.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from sat_monitor.core.domain import ChangeMap, FloatArray, Layer, Scene, Sensor
from sat_monitor.core.errors import SceneReject
from sat_monitor.core.grid import Grid, Window
from sat_monitor.imagery.catalog import write_collection
from sat_monitor.imagery.cloud import cloud_fraction
from sat_monitor.imagery.cog import Plane, read_cog, write_cog
from sat_monitor.imagery.files import file_sha256, whole_file, write_whole
from sat_monitor.imagery.items import OWN, FileFacts, change_item, file_facts, grid_of, scene_item, scene_of_item
from sat_monitor.imagery.raster import Raster
from sat_monitor.imagery.sensors import SENSORS, check_bands
from sat_monitor.imagery.source import Offer

_SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


class Archive:
    """Scenes and change maps below one folder; a file's hash is checked once per process, before its first window."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._checked: set[Path] = set()
        self._bands: dict[Path, tuple[str, ...]] = {}
        self._touched: set[Path] = set()
        self._batched = False

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Write the collections once, at the end, instead of after every file."""
        outer, self._batched = self._batched, True
        try:
            yield
        finally:
            self._batched = outer
            if not outer:
                self._write_collections()

    def list_again(self, aoi: str) -> None:
        """See that the collections of an AOI list what is there: a writer that was killed may not have come to it."""
        self._touched.update(folder for folder in (self.root / aoi).glob("*") if folder.is_dir())
        if not self._batched:
            self._write_collections()

    def put_scene(self, offer: Offer, raster: Raster) -> Scene:
        """Archive the pixels of an offer; the same pixels again change nothing, a damaged file is written anew.

        An issue that supersedes the archived one takes its place; the older files are kept under `superseded`.
        Raises SceneReject: E1203 wrong bands, E1208 no valid pixel, E1211 other pixels under a known id, E1212 an id
        that cannot be a file name.
        """
        check_id(offer.id)
        check_bands(offer.sensor, raster.bands, offer.id)
        valid = valid_fraction(offer, raster)
        path = self._scene_path(offer.aoi, offer.id)
        pixels = raster.pixels_sha256
        known = self._known(path)
        newer = known is not None and offer.issue is not None and offer.issue.supersedes(known.issue)
        if known is not None and known.pixels_sha256 != pixels:
            if not newer:
                what = f"{offer.id}: pixels {pixels[:12]} now, {known.pixels_sha256[:12]} in the archive"
                raise SceneReject("E1211", what, "the archived scene", offer.id)
            self._set_aside(known, path)
        elif known is not None and not newer and _whole(path, known):
            return known
        spec = SENSORS[offer.sensor]
        names = [name for name in spec.names if name in raster.bands]
        image = path.with_suffix(".tif")
        write_cog(image, raster.grid, {n: Plane(raster.bands[n], spec.band(n).unit) for n in names})
        scl = raster.bands.get("SCL")
        scene = Scene(
            id=offer.id,
            aoi=offer.aoi,
            sensor=offer.sensor,
            platform=offer.platform,
            acquired_at=offer.acquired_at,
            track=offer.track,
            grid=raster.grid,
            valid_fraction=valid,
            cloud_fraction=None if scl is None else cloud_fraction(scl),
            source_id=offer.source_id,
            request_sha256=_request_sha256(offer, raster.grid),
            file_sha256=file_sha256(image),
            pixels_sha256=pixels,
            processing_baseline=offer.processing_baseline,
            simulated=offer.simulated,
            issue=offer.issue,
        )
        item = scene_item(scene, names, image.stat().st_size)
        self._write_item(path, item)
        # As the item tells it: its percentages round, and a scene must be one value now and after a restart.
        return scene_of_item(item)

    def find(self, aoi: str, scene_id: str) -> Scene | None:
        """The archived scene of an id with a whole file, None where there is none."""
        path = self._scene_path(aoi, scene_id)
        known = self._known(path)
        if known is None or not _whole(path, known):
            return None
        return known

    def _set_aside(self, scene: Scene, path: Path) -> None:
        """Keep a scene that is superseded: its item says what it was, its file stays under its own hash."""
        if not _whole(path, scene):
            return
        name = f"{scene.id}_{scene.pixels_sha256[:12]}"
        aside = self.root / scene.aoi / "superseded" / name / f"{name}.json"
        with whole_file(aside.with_suffix(".tif")) as copy:
            shutil.copyfile(path.with_suffix(".tif"), copy)
        item = _load(path)
        item["id"], item["collection"] = name, f"{scene.aoi}-superseded"
        item["assets"]["data"]["href"] = f"./{name}.tif"
        self._write_item(aside, item)

    def scenes(self, aoi: str, sensor: Sensor | None = None) -> list[Scene]:
        """The archived scenes of an AOI, sorted by `Scene.order`."""
        items = (self.root / aoi / "scenes").glob("*/*.json")
        scenes = [scene_of_item(_load(path)) for path in items]
        return sorted((s for s in scenes if sensor in (None, s.sensor)), key=lambda s: s.order)

    def bands(self, scene: Scene) -> tuple[str, ...]:
        """Names of the bands that an archived scene holds, in order."""
        path = self._scene_path(scene.aoi, scene.id)
        if path not in self._bands:
            self._bands[path] = tuple(band["name"] for band in _load(path)["assets"]["data"]["bands"])
        return self._bands[path]

    def read(self, scene: Scene, bands: Sequence[str], grid: Grid) -> dict[str, FloatArray]:
        """Bands of a scene on `grid`, (y, x) float32; NaN outside the scene and where it has no data.

        Raises SceneReject: E1102 where the file is not the one that was archived, E1203, E1206 where the grids do not
        share pixels.
        """
        image = self._scene_path(scene.aoi, scene.id).with_suffix(".tif")
        try:
            row, col = scene.grid.offset(grid)
        except ValueError as error:
            raise SceneReject("E1206", f"{scene.id}: {error}", "the scene", scene.id) from error
        self.check(scene)
        top, left = max(0, row), max(0, col)
        height, width = min(scene.grid.height, row + grid.height) - top, min(scene.grid.width, col + grid.width) - left
        if (height, width) == grid.shape:
            return read_cog(image, bands, Window(top, left, height, width))
        whole = {name: np.full(grid.shape, np.nan, np.float32) for name in bands}
        if height > 0 and width > 0:
            target = Window(top - row, left - col, height, width).slices
            for name, values in read_cog(image, bands, Window(top, left, height, width)).items():
                whole[name][target] = values
        return whole

    def check(self, scene: Scene) -> None:
        """See, once per process, that the file of a scene is the one that was archived; raises SceneReject E1102."""
        image = self._scene_path(scene.aoi, scene.id).with_suffix(".tif")
        if image in self._checked:
            return
        if not image.exists():
            raise SceneReject("E1102", f"{scene.id}: the file is gone from the archive", "its record", scene.id)
        found = file_sha256(image)
        if found != scene.file_sha256:
            what = f"{scene.id}: the file's sha256 is {found[:12]}, recorded is {scene.file_sha256[:12]}"
            raise SceneReject("E1102", what, "the file, unused", scene.id)
        self._checked.add(image)

    def put_change_map(self, aoi: str, change: ChangeMap, scene: Scene) -> None:
        """Archive a change map of `scene`; a recomputed one takes the place of the older."""
        name = f"{change.scene_id}_{change.detector.replace('@', '-')}"
        path = self.root / aoi / "changes" / name / f"{name}.json"
        planes = {
            "score": Plane(change.score, change.score_unit),
            "depth_looks": Plane(change.depth_looks.astype(np.float32), "looks"),
            **{layer: Plane(part.values, part.unit) for layer, part in change.layers.items()},
        }
        pixels = Raster(change.grid, {layer: plane.values for layer, plane in planes.items()}).pixels_sha256
        image = path.with_suffix(".tif")
        if not self._holds(path, pixels, change):
            write_cog(image, change.grid, planes)
            self._checked.discard(image)
            facts = FileFacts(image.name, file_sha256(image), image.stat().st_size)
            self._write_item(path, change_item(change, scene, facts, pixels))

    def change_map(self, aoi: str, scene_id: str, detector: str) -> ChangeMap:
        """The archived change map of a scene by detector id (`sar@1`); raises SceneReject E1102, KeyError if absent."""
        name = f"{scene_id}_{detector.replace('@', '-')}"
        path = self.root / aoi / "changes" / name / f"{name}.json"
        if not path.exists():
            raise KeyError(name)
        item = _load(path)
        facts, properties = file_facts(item["assets"]["data"]), item["properties"]
        image = path.with_suffix(".tif")
        if not image.exists() or file_sha256(image) != facts.sha256:
            what = f"change map {name}: the file is gone or not the archived one"
            raise SceneReject("E1102", what, "the item", scene_id)
        grid = grid_of(properties)
        units = {band["name"]: band["unit"] for band in item["assets"]["data"]["bands"]}
        planes = read_cog(image, tuple(units), Window(0, 0, *grid.shape))
        score, depth = planes.pop("score"), planes.pop("depth_looks")
        return ChangeMap(
            detector=properties[f"{OWN}detector"],
            scene_id=properties[f"{OWN}scene_id"],
            reference_ids=tuple(properties[f"{OWN}reference_ids"]),
            grid=grid,
            score=score,
            score_unit=properties[f"{OWN}score_unit"],
            valid=np.isfinite(score),
            depth_looks=depth.astype(np.int16),
            layers={layer: Layer(values, units[layer]) for layer, values in planes.items()},
            depth_days=properties[f"{OWN}depth_days"],
            registration=properties[f"{OWN}registration"],
            profile_sha256=properties[f"{OWN}profile_sha256"],
        )

    def damaged(self) -> list[Path]:
        """Every file whose bytes are not those that its item promises, or that is missing."""
        bad = []
        for path in sorted(self.root.glob("*/*/*/*.json")):
            facts, image = file_facts(_load(path)["assets"]["data"]), path.with_suffix(".tif")
            if not image.exists() or file_sha256(image) != facts.sha256:
                bad.append(image)
        return bad

    def _scene_path(self, aoi: str, scene_id: str) -> Path:
        return self.root / aoi / "scenes" / scene_id / f"{scene_id}.json"

    def _known(self, path: Path) -> Scene | None:
        return scene_of_item(_load(path)) if path.exists() else None

    def _holds(self, path: Path, pixels_sha256: str, change: ChangeMap) -> bool:
        """Whether a change map is there already, with a file that its item vouches for."""
        if not path.exists():
            return False
        item = _load(path)
        properties, facts = item["properties"], file_facts(item["assets"]["data"])
        same = properties[f"{OWN}pixels_sha256"] == pixels_sha256
        same = same and properties[f"{OWN}reference_ids"] == list(change.reference_ids)
        same = same and properties[f"{OWN}profile_sha256"] == change.profile_sha256
        image = path.with_suffix(".tif")
        return same and image.exists() and file_sha256(image) == facts.sha256

    def _write_item(self, path: Path, item: dict[str, Any]) -> None:
        write_whole(path, json.dumps(item, ensure_ascii=False, indent=1).encode())
        self._bands.pop(path, None)
        self._touched.add(path.parent.parent)
        if not self._batched:
            self._write_collections()

    def _write_collections(self) -> None:
        for folder in sorted(self._touched):
            write_collection(self.root, folder)
        self._touched.clear()


def check_id(scene_id: str) -> None:
    """Raise SceneReject E1212 where an id cannot be the name of a file."""
    if not _SAFE_ID.fullmatch(scene_id):
        raise SceneReject("E1212", f"{scene_id!r}", "nothing of this scene")


def valid_fraction(offer: Offer, raster: Raster) -> float:
    """Share of the raster's pixels that hold data in every required band; raises SceneReject E1208 where none does."""
    spec = SENSORS[offer.sensor]
    needed = [next(n for n in choices if n in raster.bands) for choices in spec.required]
    seen = np.logical_and.reduce([np.isfinite(raster.bands[name]) for name in needed])
    if "SCL" in raster.bands:
        seen &= raster.bands["SCL"] > 0
    fraction = float(seen.mean())
    if fraction == 0.0:
        raise SceneReject("E1208", f"{offer.id}: every pixel is no data", "nothing of this scene", offer.id)
    return fraction


def _whole(path: Path, scene: Scene) -> bool:
    """Whether the file beside an item is the one that was archived."""
    image = path.with_suffix(".tif")
    return image.exists() and file_sha256(image) == scene.file_sha256


def _request_sha256(offer: Offer, grid: Grid) -> str:
    request = f"{offer.source_id}|{offer.id}|{offer.aoi}|{grid}"
    return hashlib.sha256(request.encode()).hexdigest()


def _load(path: Path) -> dict[str, Any]:
    item: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return item
