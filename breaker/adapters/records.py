"""Records of notifications, line by line: from a file, packed or not, or from standard input."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from typing_extensions import Buffer

_PACKED = b"\x1f\x8b"
_BUFFER = 1 << 20
_BLOCK = 4_096


class BrokenRecordError(Exception):
    """A packed record is broken off, or is none from some place on; what was read until there is sound."""


@dataclass(frozen=True, slots=True)
class Lines:
    """An open record.

    Args:
        size: Its bytes as they are stored, or None where that is not known.
        _stored: Those bytes.
        _content: The same, unpacked.
    """

    size: int | None
    _stored: BinaryIO
    _content: BinaryIO

    @property
    def read(self) -> int:
        """How many of its bytes, as they are stored, were read."""
        return self._stored.tell() if self.size is not None else 0

    def blocks(self) -> Iterator[list[bytes]]:
        """Yield the lines, a few thousand at a time.

        Raises:
            BrokenRecordError: It can't be unpacked any further.
        """
        block: list[bytes] = []
        try:
            for line in self._content:
                block.append(line)
                if len(block) == _BLOCK:
                    yield block
                    block = []
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            yield block  # what came before is sound
            raise BrokenRecordError(str(error)) from error
        yield block


@contextmanager
def open_record(path: Path | None) -> Iterator[Lines]:
    """Open a record; it is unpacked where it begins as gzip does, whatever it is called.

    Args:
        path: The file, or None for standard input.

    Raises:
        OSError: It can't be opened.
    """
    if path is None:
        with _unpacked(sys.stdin.buffer) as content:
            yield Lines(None, sys.stdin.buffer, content)
        return
    with path.open("rb", buffering=0) as stored, _unpacked(io.BufferedReader(stored, _BUFFER)) as content:
        yield Lines(path.stat().st_size, stored, content)


@contextmanager
def _unpacked(stream: io.BufferedReader | BinaryIO) -> Iterator[BinaryIO]:
    begins = stream.peek(len(_PACKED)) if isinstance(stream, io.BufferedReader) else b""
    if not begins.startswith(_PACKED):
        yield stream
        return
    with gzip.open(stream, "rb") as content, io.BufferedReader(_OneByOne(content), _BUFFER) as buffered:
        yield buffered


class _OneByOne(io.RawIOBase):
    """What a packed file holds, as far as each read of it goes, so that what comes before an error is read."""

    def __init__(self, content: gzip.GzipFile) -> None:
        self._content = content

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: Buffer) -> int:
        """Read once."""
        view = memoryview(buffer)
        found = self._content.read1(len(view))
        view[: len(found)] = found
        return len(found)
