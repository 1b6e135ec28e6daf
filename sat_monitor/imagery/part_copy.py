"""The part of a remote GeoTIFF that lies on some ground, as a local file of which only that part is there.

The head comes first; its directory tells which blocks are needed. They are asked for in a few ranges, which must be of
the same object, and every block that has a checksum proves itself. The whole file comes where it does not begin with
its directory, where the service knows no ranges, and where only a promised sha256 of the whole can prove its blocks.
"""

from __future__ import annotations

import math
import re
import shutil
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rasterio
from rasterio.errors import RasterioError
from rasterio.warp import transform_bounds

from sat_monitor.core.errors import SceneReject
from sat_monitor.core.grid import Grid, Window
from sat_monitor.imagery.cog import GDAL_OPTIONS
from sat_monitor.imagery.fetch import Answer, Door, Errand
from sat_monitor.imagery.geotiff import check_bytes, check_magic, open_geotiff
from sat_monitor.imagery.items import FileFacts
from sat_monitor.imagery.service import Question
from sat_monitor.imagery.tiff_layout import Block, Directory, read_layout
from sat_monitor.imagery.tiff_streams import check_streams, is_checked, stream_fault

_HEAD_BYTES, _MOST_HEAD_BYTES = 1 << 16, 1 << 23
#: Blocks closer than this come in one range, as long as that stays below the other; bytes.
_GAP_BYTES, _RANGE_BYTES = 1 << 17, 1 << 25
#: What GDAL writes before and after each block of a cloud-optimised file, bytes.
_FRAME_BYTES = 4
#: Pixels around the ground, for whoever resamples.
_MARGIN_PX = 8
#: How far a corner may lie from where it was promised, pixels.
_PLACE_PX = 1e-3
_MOST_BYTES = 2 << 30
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_NOTHING = "nothing of this scene"


@dataclass(frozen=True, slots=True)
class RemoteTiff:
    """A file to copy from: its address, what was promised of its bytes under its public name, and of its place.

    `dtypes` are the sample types that it may have; no CRS or transform (six numbers) means that none was promised.
    """

    url: str
    promised: FileFacts
    dtypes: tuple[str, ...]
    epsg: int | None = None
    transform: tuple[float, ...] | None = None


def copy_ground(
    door: Door,
    files: Sequence[RemoteTiff],
    ground: Grid,
    folder: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Path | None]:
    """A copy of each file in `folder` in which `ground` can be read; None for a file that does not lie on it.

    `progress` hears how many of how many ranges are there. Raises ServiceError E19xx, and SceneReject: E1101 to E1104
    as `check_bytes`, E1105 a damaged block, E1201 another CRS or none, E1202 another place or not north-up, E1203 more
    bands than one or another type, E1207 parts of different objects.
    """
    copies = [_Copy(door, file, folder / f"{number}.tif") for number, file in enumerate(files)]
    door.ask_all([copy.head() for copy in copies])
    errands = {copy.path: copy.parts(ground) for copy in copies}
    door.ask_all([errand for some in errands.values() for errand in some or ()], progress)
    return [path if some is not None else None for path, some in errands.items()]


class _Copy:
    """One file on its way: how much of its beginning is here, and which object it is."""

    def __init__(self, door: Door, file: RemoteTiff, path: Path) -> None:
        self.path = path
        self._door = door
        self._file = file
        self._here = 0
        self._total = 0
        self._etag = ""

    def head(self, length: int = _HEAD_BYTES) -> Errand[None]:
        """Ask for the beginning."""
        return Errand(self._range(0, length), self._keep_head)

    def parts(self, ground: Grid) -> list[Errand[None]] | None:
        """What is still to be asked for, None where the file does not lie on the ground."""
        picture = self._picture()
        if picture is None:
            self._complete()
            return [] if _window(self.path, self._file, ground) else None
        with self.path.open("r+b") as file:
            file.truncate(self._total)
        window = _window(self.path, self._file, ground)
        if window is None:
            return None
        wanted, checked = _blocks_in(picture, window, self._file), is_checked(picture)
        return [
            Errand(self._range(start, end - start), self._part_keeper(start, end, blocks if checked else ()))
            for start, end, blocks in _ranges(wanted, self._total)
        ]

    def _picture(self) -> Directory | None:
        """The directory of a picture that can be read in parts, None where the whole file must come."""
        while self._here < self._total:
            try:
                picture = read_layout(self.path)[1][0]
                return picture if is_checked(picture) or self._file.promised.sha256 is None else None
            except EOFError as error:
                needed = max(int(error.args[0]) + 1, 4 * self._here)
                if needed > min(_MOST_HEAD_BYTES, self._total):
                    return None
                self._door.ask_all([self.head(needed)])
            except (ValueError, IndexError, struct.error) as error:
                raise SceneReject("E1105", f"{self._file.promised.href}: {error!r}", _NOTHING) from error
        return None

    def _complete(self) -> None:
        """See that the whole file is here; it was checked as it came."""
        if self._here < self._total:
            self._door.ask(Question(self._file.url, most_bytes=min(self._total, _MOST_BYTES)), self._keep_head)
        if self._here < self._total:
            raise SceneReject("E1101", f"{self._file.promised.href}: {self._here} of {self._total} bytes", _NOTHING)

    def _range(self, start: int, length: int) -> Question:
        headers = {"Range": f"bytes={start}-{start + length - 1}"}
        # A service that knows no ranges may send the whole.
        return Question(self._file.url, headers=headers, most_bytes=_MOST_BYTES if start == 0 else length)

    def _keep_head(self, answer: Answer) -> None:
        start, end, total = self._placed(answer)
        promised = self._file.promised.size
        if start != 0 or (promised is not None and promised != total):
            what = f"{self._file.promised.href}: bytes {start} to {end} of {total}, promised {promised}"
            raise SceneReject("E1207", what, _NOTHING)
        self._total, self._etag, self._here = total, answer.headers.get("etag", ""), end
        shutil.copyfile(answer.path, self.path)
        if end < total:
            check_magic(self.path)
            return
        check_bytes(self.path, self._file.promised)
        if self._file.promised.sha256 is None:
            check_streams(self.path)

    def _part_keeper(self, start: int, end: int, blocks: Sequence[Block]) -> Callable[[Answer], None]:
        def keep(answer: Answer) -> None:
            found = (*self._placed(answer), answer.headers.get("etag", ""))
            if found != (start, end, self._total, self._etag):
                what = f"{self._file.promised.href}: bytes {found}, asked {(start, end, self._total, self._etag)}"
                raise SceneReject("E1207", what, _NOTHING)
            content = answer.content()
            for block in blocks:
                if fault := stream_fault(content[block.start - start : block.end - start], block):
                    what = f"{self._file.promised.href}, block at byte {block.start}: {fault}"
                    raise SceneReject("E1105", what, _NOTHING)
            with self.path.open("r+b") as file:
                file.seek(start)
                file.write(content)

        return keep

    def _placed(self, answer: Answer) -> tuple[int, int, int]:
        """First byte, byte after the last, and size of the object, by what the answer says of itself."""
        told = answer.headers.get("content-range")
        if told is None:
            return 0, answer.size, answer.size
        match = _CONTENT_RANGE.fullmatch(told.strip())
        start, end, total = (int(n) for n in match.groups()) if match else (0, -1, -1)
        if end + 1 - start != answer.size or end >= total:
            raise SceneReject("E1207", f"{self._file.promised.href}: {answer.size} bytes called {told!r}", _NOTHING)
        return start, end + 1, total


def _window(path: Path, remote: RemoteTiff, ground: Grid) -> Window | None:
    """The pixels of a file that show the ground and a margin, None where there are none."""
    name = remote.promised.href
    try:
        with rasterio.Env(**GDAL_OPTIONS), open_geotiff(path) as file:
            _check_header(file, remote)
            a, _, x0, _, e, y0 = tuple(file.transform)[:6]
            west, south, east, north = transform_bounds(f"EPSG:{ground.epsg}", file.crs, *ground.bounds)
            rows, cols = file.shape
    except (RasterioError, ValueError) as error:
        raise SceneReject("E1105", f"{name}: {error}", _NOTHING) from error
    top, bottom = (north - y0) / e, (south - y0) / e
    left, right = (west - x0) / a, (east - x0) / a
    # Written so that a ground without coordinates in the file's CRS lies outside.
    if not (top < rows and bottom > 0 and left < cols and right > 0):
        return None
    row, col = max(0, math.floor(top) - _MARGIN_PX), max(0, math.floor(left) - _MARGIN_PX)
    last_row, last_col = min(rows, math.ceil(bottom) + _MARGIN_PX), min(cols, math.ceil(right) + _MARGIN_PX)
    return Window(row, col, last_row - row, last_col - col)


def _check_header(file: Any, remote: RemoteTiff) -> None:
    """Raise SceneReject where the header of an open file is not what was promised."""
    name, found = remote.promised.href, tuple(file.transform)[:6]
    code = file.crs.to_epsg() if file.crs else None
    if file.crs is None or remote.epsg not in (None, code):
        raise SceneReject("E1201", f"{name} is in EPSG:{code}, promised was EPSG:{remote.epsg}", _NOTHING)
    if file.count != 1 or file.dtypes[0] not in remote.dtypes:
        what = f"{name} has {file.count} bands of {file.dtypes[0]}, expected one of {' or '.join(remote.dtypes)}"
        raise SceneReject("E1203", what, _NOTHING)
    a, b, _, d, e, _ = found
    promised = remote.transform or found
    if b or d or a <= 0 or e >= 0 or max(abs(x - y) for x, y in zip(found, promised, strict=True)) > _PLACE_PX * a:
        raise SceneReject("E1202", f"{name} has transform {found}, promised was {promised}", _NOTHING)


def _blocks_in(picture: Directory, window: Window, remote: RemoteTiff) -> list[Block]:
    """The blocks of the picture that hold pixels of the window; one of length 0 is absent, which means no data."""
    try:
        blocks, (height, width) = picture.blocks(), picture.block_shape
        across = -(-picture.width // width)
    except ValueError as error:
        raise SceneReject("E1105", f"{remote.promised.href}: {error}", _NOTHING) from error
    rows = range(window.row // height, -(-(window.row + window.height) // height))
    cols = range(window.col // width, -(-(window.col + window.width) // width))
    return [block for row in rows for col in cols if (block := blocks[row * across + col]).length]


def _ranges(blocks: Sequence[Block], total: int) -> Iterator[tuple[int, int, list[Block]]]:
    """(first byte, byte after the last, blocks) of what is to be asked for, near blocks together."""
    run: list[Block] = []
    for block in sorted(blocks, key=lambda b: b.start):
        near = run and block.start - run[-1].end <= _GAP_BYTES and block.end - run[0].start <= _RANGE_BYTES
        if run and not near:
            yield _framed(run, total)
            run = []
        run.append(block)
    if run:
        yield _framed(run, total)


def _framed(run: list[Block], total: int) -> tuple[int, int, list[Block]]:
    if run[-1].end > total:
        raise SceneReject("E1101", f"a block ends at byte {run[-1].end} of {total}", _NOTHING)
    return max(0, run[0].start - _FRAME_BYTES), min(total, run[-1].end + _FRAME_BYTES), run
