"""Reads untrusted Arrow files.

Arrow checks a message's metadata, but neither its values (an offset beyond its text crashes the reader later)
nor the size of a decompressed buffer. Our files are never compressed.
"""

from __future__ import annotations

import struct

import pyarrow as pa

_MAGIC = b"ARROW1\0\0"
_BATCH, _DICTIONARY = "record batch", "dictionary"
_HEADER, _DATA, _COMPRESSION = 2, 1, 3
"""Numbers of fields in Arrow's flatbuffers: of Message, DictionaryBatch and RecordBatch."""


def read(data: pa.Buffer) -> pa.Table:
    """The table in an Arrow IPC file, in place.

    The messages are read in their order in the file, because the footer's offsets may be hostile.

    :raises ValueError: it holds none, or is compressed.
    """
    if data.size < len(_MAGIC) or data.slice(0, len(_MAGIC)).to_pybytes() != _MAGIC:
        raise ValueError("it is no Arrow file")
    messages = data.slice(len(_MAGIC))
    try:
        for message in pa.ipc.MessageReader.open_stream(messages):
            if message.type in (_BATCH, _DICTIONARY) and _is_compressed(message):
                raise ValueError("it is compressed")
        return pa.ipc.open_stream(messages).read_all()
    except (pa.ArrowException, OSError, struct.error, MemoryError) as error:
        raise ValueError(str(error) or type(error).__name__) from None


def check(table: pa.Table) -> None:
    """Validates every value of a table that was read in place.

    :raises ValueError: a value does not fit its type, such as text beyond its buffer.
    """
    for column in table.columns:
        column.validate(full=True)


def _is_compressed(message: pa.ipc.Message) -> bool:
    metadata = message.metadata.to_pybytes()
    header = _field(metadata, _follow(metadata, 0), _HEADER)
    if header is None:
        raise ValueError("a message has no header")
    batch = _follow(metadata, header)
    if message.type == _DICTIONARY:
        data = _field(metadata, batch, _DATA)
        if data is None:
            raise ValueError("a dictionary has no values")
        batch = _follow(metadata, data)
    return _field(metadata, batch, _COMPRESSION) is not None


def _follow(metadata: bytes, at: int) -> int:
    """The position that a flatbuffer's offset points to."""
    return at + int(struct.unpack_from("<I", metadata, at)[0])


def _field(metadata: bytes, table: int, number: int) -> int | None:
    """The position of a field of a flatbuffer's table; None if it is absent."""
    names = table - struct.unpack_from("<i", metadata, table)[0]
    size = struct.unpack_from("<H", metadata, names)[0]
    place = 4 + 2 * number
    offset = struct.unpack_from("<H", metadata, names + place)[0] if place + 2 <= size else 0
    return table + offset if offset else None
