"""Validates an Annoy file from an untrusted source before it is searched.

Annoy does not check the numbers in its file: one out of range reads outside the map and crashes the process,
a cycle of nodes fills the memory. A node is 12 bytes and a vector: the number of items below it, then two
children, or in a leaf as many items as there is room for.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

_HEAD = 3
"""int32 before a node's vector: the count, and two children."""

_BLOCK_NODES = 65_536


def check(file: Path, rows: int, dimensions: int) -> None:
    """Checks every node of a file: inner nodes form trees, and leaves hold items only.

    :param rows: items that it has to hold.
    :raises ValueError: a search might crash or never end.
    """
    width = _HEAD + dimensions
    size = file.stat().st_size
    if not size or size % (4 * width) or size // (4 * width) <= rows:
        raise ValueError(f"it has {size} bytes, which is not {rows} items and trees over them")
    nodes = np.memmap(file, "<i4", "r").reshape(-1, width)
    counts = np.array(nodes[:, 0])
    if counts[-1] != rows or (counts[:rows] != 1).any():
        raise ValueError(f"it does not hold {rows} items")
    room = width - 1
    inner = np.flatnonzero(counts[rows:] > room) + rows
    leaves = np.flatnonzero(counts[rows:] <= room) + rows
    if (counts[leaves] < 1).any():
        raise ValueError("it has a leaf without items")
    for start in range(0, len(leaves), _BLOCK_NODES):
        part = leaves[start : start + _BLOCK_NODES]
        held = np.arange(room) < counts[part, None]
        listed = nodes[part, 1:][held]
        if (listed < 0).any() or (listed >= rows).any():
            raise ValueError("a leaf lists what is no item")
    _check_trees(nodes, counts, inner, rows)


def _check_trees(nodes: np.ndarray, counts: np.ndarray, inner: np.ndarray, rows: int) -> None:
    """Checks that inner nodes form trees: children precede their parent and have no other.

    The roots are copied to the end of the file, so their children have two parents.
    """
    children = np.array(nodes[inner, 1:_HEAD])
    if (children < 0).any() or (children >= inner[:, None]).any():
        raise ValueError("a node's child does not stand before it")
    others = np.flatnonzero(counts != rows)
    copies = int(others[-1]) + 1 if len(others) else rows
    copies = max(copies, rows)
    is_copy = inner >= copies
    if (children[is_copy] >= copies).any():
        raise ValueError("a root is below a root")
    parents = np.bincount(children[~is_copy].ravel(), minlength=len(counts))
    if (parents[rows:] > 1).any():
        raise ValueError("a node has two parents")
