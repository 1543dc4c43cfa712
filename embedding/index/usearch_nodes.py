"""Validates a usearch file from an untrusted source before it is searched.

Like Annoy, usearch does not check the numbers in its file. The file holds the vectors, a head of
64 bytes, a head of the graph, each row's level, and its node: key and level, then for each level down to the
lowest how many neighbours it has, and which.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

_HEAD = struct.Struct("<7s3H4B3QB")
_HEAD_BYTES = 64
_GRAPH = struct.Struct("<5Q")
_NODE_BYTES = 10
_FLOAT16_BYTES = 2
_MOST_LINKS = 4096
_BLOCK_NODES = 65_536


def check(file: Path, rows: int, dimensions: int) -> None:
    """Checks every node of a file: each link leads to an existing node of that level.

    :param rows: rows that it has to hold.
    :raises ValueError: a search might crash.
    """
    data = np.memmap(file, np.uint8, "r")
    try:
        held, width = struct.unpack_from("<2I", data.data, 0)
        at = 8 + held * width
        magic, *_, present, deleted, length, _multi = _HEAD.unpack_from(data.data, at)
        size, links, links_below, top, entry = _GRAPH.unpack_from(data.data, at + _HEAD_BYTES)
    except struct.error:
        raise ValueError("it is cut short") from None
    if magic != b"usearch" or (length, width) != (dimensions, _FLOAT16_BYTES * dimensions):
        raise ValueError(f"it holds no vectors of {dimensions} dimensions")
    if {held, size, present} != {rows} or deleted:
        raise ValueError(f"it does not hold {rows} rows")
    if max(links, links_below) > _MOST_LINKS:
        raise ValueError("its nodes have too many links")
    at += _HEAD_BYTES + _GRAPH.size
    levels = data[at : at + 2 * rows].view("<i2").astype(np.int64)
    above, below = 4 + 4 * links, 4 + 4 * links_below
    sizes = _NODE_BYTES + below + levels * above
    starts = at + 2 * rows + np.r_[0, np.cumsum(sizes)]
    if len(levels) != rows or (levels < 0).any() or starts[-1] != len(data):
        raise ValueError("its nodes do not fill it")
    if entry >= rows or top != levels[entry]:
        raise ValueError("its entry is none")
    _check_nodes(data, starts[:-1], levels, below, above)


def _check_nodes(data: np.ndarray, starts: np.ndarray, levels: np.ndarray, below: int, above: int) -> None:
    rows = len(levels)
    for level in range(int(levels.max(initial=0)) + 1):
        on_level = np.flatnonzero(levels >= level)
        offset = _NODE_BYTES + (below + (level - 1) * above if level else 0)
        length = above if level else below
        for first in range(0, len(on_level), _BLOCK_NODES):
            part = on_level[first : first + _BLOCK_NODES]
            if not level:
                heads = _gathered(data, starts[part], _NODE_BYTES)
                keys, noted = heads[:, :8].copy().view("<u8")[:, 0], heads[:, 8:].copy().view("<i2")[:, 0]
                if (keys != part).any() or (noted != levels[part]).any():
                    raise ValueError("a node is not of its row")
            links = _gathered(data, starts[part] + offset, length).view("<u4")
            counts = links[:, :1]
            if (counts > links.shape[1] - 1).any():
                raise ValueError("a node has more links than there is room for")
            linked = links[:, 1:][np.arange(links.shape[1] - 1) < counts]
            if (linked >= rows).any() or (levels[linked] < level).any():
                raise ValueError("a link leads to no node")


def _gathered(data: np.ndarray, starts: np.ndarray, length: int) -> np.ndarray:
    """The bytes from each start on: uint8 [n, length]."""
    return np.ascontiguousarray(data[starts[:, None] + np.arange(length)])
