"""Deflated pixels that prove themselves: every block of a TIFF carries its own end and an Adler-32 of its samples.

libtiff stops as soon as it has the samples of a block. Where damage makes a stream longer, or takes its end away, it
never comes to the checksum and hands out what it has.
"""

from __future__ import annotations

import zlib
from pathlib import Path

from sat_monitor.core.errors import SceneReject
from sat_monitor.imagery.tiff_layout import Block, Directory, is_whole, read_layout

_COMPRESSION, _SUBFILE, _REDUCED = 259, 254, 1
_DEFLATE = (8, 32946)
#: A writer may count the byte that brings the next block to an even position.
_PADDING = (b"", b"\0")
#: Samples in memory at a time.
_PIECE_BYTES = 1 << 24
_NOTHING = "nothing of this scene"


def check_streams(path: Path) -> bool:
    """Whether all pixels are vouched for by checksums of their own; overviews, which nobody reads, are left out.

    True where all blocks are deflate streams that hold, False where the compression has no checksum (none, LZW, ZSTD)
    or blocks are absent, which means no data. Raises SceneReject E1105 where a stream is damaged, goes on after its
    end or is not as long as width, height, bits and samples say, E1101 where it lies beyond the end of the file.
    """
    if not is_whole(path):
        raise SceneReject("E1101", f"{path.name} names parts beyond its end", _NOTHING)
    _, directories = read_layout(path)
    try:
        vouched = [_check_picture(path, d) for d in directories if not d.one(_SUBFILE, 0) & _REDUCED]
        return bool(vouched) and all(vouched)
    except ValueError as error:
        raise SceneReject("E1105", f"{path.name}: {error}", _NOTHING) from error


def is_checked(picture: Directory) -> bool:
    """Whether the blocks of a picture carry checksums; ValueError where it is not said how they are compressed."""
    return picture.one(_COMPRESSION, 1) in _DEFLATE


def _check_picture(path: Path, picture: Directory) -> bool:
    if not is_checked(picture):
        return False
    blocks = picture.blocks()
    with path.open("rb") as file:
        for number, block in enumerate(blocks):
            if block.length:
                file.seek(block.start)
                if fault := stream_fault(file.read(block.length), block):
                    raise SceneReject("E1105", f"{path.name}, block {number} of {len(blocks)}: {fault}", _NOTHING)
    return all(block.length for block in blocks)


def stream_fault(content: bytes, block: Block) -> str:
    """What is wrong with `content`, the deflate stream of a block; "" = nothing."""
    stream = zlib.decompressobj()
    found, piece = 0, b"\0"
    try:
        # One byte more than is due: a longer stream shows itself without being unpacked.
        while piece and found <= block.raw_bytes:
            piece = stream.decompress(content, min(_PIECE_BYTES, block.raw_bytes + 1 - found))
            content, found = stream.unconsumed_tail, found + len(piece)
    except zlib.error as error:
        return str(error)
    if found != block.raw_bytes:
        return f"{found if found < block.raw_bytes else 'more'} bytes of samples, expected {block.raw_bytes}"
    if not stream.eof:
        return "the stream has no end"
    return "" if stream.unused_data in _PADDING else f"{len(stream.unused_data)} bytes after the end of the stream"
