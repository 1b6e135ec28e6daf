"""A TIFF by its own directories: whether it is whole, and where its blocks of pixels lie.

libtiff passes over tags that a cut took away, and with them goes what the file declares as no data, its CRS or its
place: pixels that read well and are wrong.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

#: Bytes of one value by TIFF type number (TIFF 6.0, section 2; BigTIFF adds 16 to 18).
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_INTEGERS = {1: "B", 3: "H", 4: "I", 16: "Q"}
_DOUBLE, _TEXT = 12, 2
#: Offsets and byte counts of strips and of tiles.
_BLOCK_STARTS, _BLOCK_LENGTHS = (273, 324), (279, 325)
_WIDTH, _HEIGHT, _BITS, _SAMPLES, _STRIP_ROWS, _PLANES = 256, 257, 258, 277, 278, 284
_TILE_WIDTH, _TILE_HEIGHT = 322, 323


@dataclass(frozen=True, slots=True)
class Dialect:
    """Byte order, format of an offset and of the number of entries, and where the first directory is named."""

    order: str
    word: str
    entries: str
    first: int

    @property
    def word_bytes(self) -> int:
        """Bytes of an offset, and of a value that lies inside its entry."""
        return struct.calcsize("=" + self.word)

    @property
    def header_bytes(self) -> int:
        """First byte after the header."""
        return self.first + self.word_bytes


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag: its value lies at `start`, `count` times of type `kind`; `inside` the entry itself or elsewhere."""

    number: int
    kind: int
    count: int
    start: int
    inside: bool

    @property
    def end(self) -> int:
        """First byte after the value."""
        return self.start + self.count * _TYPE_BYTES.get(self.kind, 1)


@dataclass(frozen=True, slots=True)
class Block:
    """A strip or tile: where it lies in the file, and how many bytes of samples it holds when decompressed."""

    start: int
    length: int
    raw_bytes: int

    @property
    def end(self) -> int:
        """First byte after the block."""
        return self.start + self.length


@dataclass(frozen=True, slots=True)
class Directory:
    """One picture of a TIFF: its tags in file order, from byte `start` to `end`."""

    start: int
    end: int
    tags: tuple[Tag, ...]
    integers: dict[int, tuple[int, ...]]
    doubles: dict[int, tuple[float, ...]]
    texts: dict[int, bytes]

    def one(self, number: int, default: int | None = None) -> int:
        """The only integer of a tag; ValueError where there are several, or none and no default."""
        values = self.integers.get(number, ())
        absent = all(tag.number != number for tag in self.tags)
        if len(values) == 1:
            return values[0]
        if absent and default is not None:
            return default
        raise ValueError(f"tag {number} has values {values[:5]}, expected one")

    @property
    def width(self) -> int:
        """Columns of the picture; ValueError where it does not say."""
        return self.one(_WIDTH)

    @property
    def block_shape(self) -> tuple[int, int]:
        """(rows, columns) of a whole strip or tile; ValueError where the tags do not say."""
        if _TILE_WIDTH in self.integers or _TILE_HEIGHT in self.integers:
            return self.one(_TILE_HEIGHT), self.one(_TILE_WIDTH)
        height = self.one(_HEIGHT)
        return min(self.one(_STRIP_ROWS, height), height), self.one(_WIDTH)

    @property
    def planes(self) -> int:
        """Number of pictures that lie one after the other: 1, or one per sample; ValueError where it is not said."""
        layout = self.one(_PLANES, 1)
        if layout not in (1, 2):
            raise ValueError(f"planar configuration {layout}")
        return self.one(_SAMPLES, 1) if layout == 2 else 1

    def blocks(self) -> list[Block]:
        """All strips or tiles, plane by plane, top first.

        ValueError where their number is not that of the picture, or where tags contradict each other.
        """
        tiled = _TILE_WIDTH in self.integers or _TILE_HEIGHT in self.integers
        numbers = [tag.number for tag in self.tags]
        if len(set(numbers)) < len(numbers):
            raise ValueError("a tag is there twice")
        # GDAL would believe either.
        if _BLOCK_STARTS[not tiled] in numbers or _BLOCK_LENGTHS[not tiled] in numbers:
            raise ValueError("the picture has both strips and tiles")
        starts = self.integers.get(_BLOCK_STARTS[tiled], ())
        lengths = self.integers.get(_BLOCK_LENGTHS[tiled], ())
        raw = self._raw_bytes(tiled)
        if not len(starts) == len(lengths) == len(raw):
            raise ValueError(f"{len(raw)} blocks are needed, {len(starts)} begin and {len(lengths)} have a length")
        return [Block(*block) for block in zip(starts, lengths, raw, strict=True)]

    def _raw_bytes(self, tiled: bool) -> list[int]:
        rows, columns = self.block_shape
        height, width = self.one(_HEIGHT), self.one(_WIDTH)
        bits = set(self.integers.get(_BITS, (1,)))
        if min(rows, columns, height, width) < 1 or len(bits) != 1:
            raise ValueError(f"{height} x {width} pixels of {sorted(bits)} bits in blocks of {rows} x {columns}")
        samples = 1 if self.planes > 1 else self.one(_SAMPLES, 1)
        row_bytes = -(-columns * samples * bits.pop() // 8)
        down, across = -(-height // rows), -(-width // columns)
        if self.planes * down * across > len(self.integers.get(_BLOCK_STARTS[tiled], ())):
            raise ValueError(f"{self.planes} x {down} x {across} blocks are needed")
        last = rows if tiled else height - (down - 1) * rows
        heights = [rows] * (down - 1) + [last]
        return [n * row_bytes for n in heights for _ in range(across)] * self.planes


def is_whole(path: Path) -> bool:
    """Whether all directories, values and blocks that a TIFF names lie inside its file; its magic is not checked."""
    size = path.stat().st_size
    with path.open("rb") as file:
        try:
            dialect = _dialect(file)
            for directory in _directories(file, dialect, size):
                starts = [v for tag in _BLOCK_STARTS for v in directory.integers.get(tag, ())]
                lengths = [v for tag in _BLOCK_LENGTHS for v in directory.integers.get(tag, ())]
                # One of length 0 is sparse and lies nowhere.
                if any(start + n > size for start, n in zip(starts, lengths, strict=False) if n):
                    return False
        except EOFError:
            return False
    return True


def read_layout(path: Path) -> tuple[Dialect, list[Directory]]:
    """How a TIFF writes numbers, and all its directories; EOFError where one lies beyond the end."""
    with path.open("rb") as file:
        dialect = _dialect(file)
        return dialect, list(_directories(file, dialect, path.stat().st_size))


def _directories(file: BinaryIO, dialect: Dialect, size: int) -> Iterator[Directory]:
    """The directories one by one; EOFError where the file ends before one of them or before what it names."""
    [position] = _numbers(file, dialect.first, dialect.order + dialect.word)
    seen: set[int] = set()
    while position and position not in seen:
        seen.add(position)
        start = position
        tags, end, position = _tags(file, start, dialect)
        # Before any value is read: a count of billions is a lie that costs memory.
        if any(tag.end > size for tag in tags):
            raise EOFError(max(tag.end for tag in tags))
        value = partial(_value, file, dialect)
        yield Directory(
            start,
            end,
            tuple(tags),
            {tag.number: value(tag, _INTEGERS[tag.kind]) for tag in tags if tag.kind in _INTEGERS},
            {tag.number: value(tag, "d") for tag in tags if tag.kind == _DOUBLE},
            {tag.number: _bytes(file, tag.start, tag.count) for tag in tags if tag.kind == _TEXT},
        )


def _dialect(file: BinaryIO) -> Dialect:
    order = "<" if file.read(2) == b"II" else ">"
    [version] = _numbers(file, 2, order + "H")
    return Dialect(order, "Q", "Q", 8) if version == 43 else Dialect(order, "I", "H", 4)


def _tags(file: BinaryIO, position: int, dialect: Dialect) -> tuple[list[Tag], int, int]:
    """The tags of the directory at `position`, its end, and the position of the next one, 0 = none."""
    [number] = _numbers(file, position, dialect.order + dialect.entries)
    word = dialect.word_bytes
    start, step = position + struct.calcsize("=" + dialect.entries), 4 + 2 * word
    tags = []
    for at in range(start, start + number * step, step):
        tag, kind, count, value = _numbers(file, at, f"{dialect.order}HH{dialect.word}{dialect.word}")
        inside = count * _TYPE_BYTES.get(kind, 1) <= word
        tags.append(Tag(tag, kind, count, at + 4 + word if inside else value, inside))
    [following] = _numbers(file, start + number * step, dialect.order + dialect.word)
    return tags, start + number * step + word, following


def _value(file: BinaryIO, dialect: Dialect, tag: Tag, letter: str) -> tuple[Any, ...]:
    return _numbers(file, tag.start, f"{dialect.order}{tag.count}{letter}")


def _numbers(file: BinaryIO, position: int, layout: str) -> tuple[Any, ...]:
    """Numbers at a position; EOFError where the file ends before."""
    return struct.unpack(layout, _bytes(file, position, struct.calcsize(layout)))


def _bytes(file: BinaryIO, position: int, number: int) -> bytes:
    # Before seeking: a system refuses positions that no file of its own can have.
    if position + number > os.fstat(file.fileno()).st_size:
        raise EOFError(position)
    file.seek(position)
    return file.read(number)
