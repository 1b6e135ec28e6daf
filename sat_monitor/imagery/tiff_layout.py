"""Whether a TIFF is whole by its own directories.

libtiff passes over tags that a cut took away, and with them goes what the file declares as no data, its CRS or its
place: pixels that read well and are wrong.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

#: Bytes of one value by TIFF type number (TIFF 6.0, section 2; BigTIFF adds 16 to 18).
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_INTEGERS = {1: "B", 3: "H", 4: "I", 16: "Q"}
#: Offsets and byte counts of strips and of tiles.
_BLOCK_STARTS, _BLOCK_LENGTHS = (273, 324), (279, 325)


@dataclass(frozen=True, slots=True)
class _Dialect:
    """Byte order, format of an offset and of the number of entries, and where the first directory is named."""

    order: str
    word: str
    entries: str
    first: int


@dataclass(frozen=True, slots=True)
class _Entry:
    """One tag: its value lies at `start`, `count` times of type `kind`."""

    tag: int
    kind: int
    count: int
    start: int

    @property
    def end(self) -> int:
        """First byte after the value."""
        return self.start + self.count * _TYPE_BYTES.get(self.kind, 1)


def is_whole(path: Path) -> bool:
    """Whether all directories, values and blocks that a TIFF names lie inside its file; its magic is not checked."""
    size = path.stat().st_size
    with path.open("rb") as file:
        try:
            return all(end <= size for end in _ends(file))
        except EOFError:
            return False


def _ends(file: BinaryIO) -> Iterator[int]:
    """First byte after everything that the directories name, each before it is read."""
    dialect = _dialect(file)
    [position] = _numbers(file, dialect.first, dialect.order + dialect.word)
    seen: set[int] = set()
    while position and position not in seen:
        seen.add(position)
        entries, position = _directory(file, position, dialect)
        for entry in entries:
            yield entry.end
        yield from _block_ends(file, entries, dialect)


def _dialect(file: BinaryIO) -> _Dialect:
    order = "<" if file.read(2) == b"II" else ">"
    [version] = _numbers(file, 2, order + "H")
    return _Dialect(order, "Q", "Q", 8) if version == 43 else _Dialect(order, "I", "H", 4)


def _directory(file: BinaryIO, position: int, dialect: _Dialect) -> tuple[list[_Entry], int]:
    """The entries of the directory at `position`, and the position of the next one, 0 = none."""
    [number] = _numbers(file, position, dialect.order + dialect.entries)
    word = struct.calcsize("=" + dialect.word)
    start, step = position + struct.calcsize("=" + dialect.entries), 4 + 2 * word
    entries = []
    for at in range(start, start + number * step, step):
        tag, kind, count, value = _numbers(file, at, f"{dialect.order}HH{dialect.word}{dialect.word}")
        inside = count * _TYPE_BYTES.get(kind, 1) <= word
        entries.append(_Entry(tag, kind, count, at + 4 + word if inside else value))
    [following] = _numbers(file, start + number * step, dialect.order + dialect.word)
    return entries, following


def _block_ends(file: BinaryIO, entries: list[_Entry], dialect: _Dialect) -> Iterator[int]:
    """First byte after each strip or tile; one of length 0 is sparse and lies nowhere."""

    def values(tags: tuple[int, ...]) -> tuple[int, ...]:
        found = [e for e in entries if e.tag in tags and e.kind in _INTEGERS]
        return tuple(v for e in found for v in _numbers(file, e.start, f"{dialect.order}{e.count}{_INTEGERS[e.kind]}"))

    yield from (start + n for start, n in zip(values(_BLOCK_STARTS), values(_BLOCK_LENGTHS), strict=False) if n)


def _numbers(file: BinaryIO, position: int, layout: str) -> tuple[int, ...]:
    """Integers at a position; EOFError where the file ends before."""
    file.seek(position)
    content = file.read(struct.calcsize(layout))
    if len(content) < struct.calcsize(layout):
        raise EOFError(position)
    return struct.unpack(layout, content)
