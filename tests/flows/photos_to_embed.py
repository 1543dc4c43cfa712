"""Photos and settings of the tests of a Dask cluster."""

from __future__ import annotations

from typing import Any

from flows.config import Config
from storage import images
from storage.root import Root
from tests import catalogues

WEIGHTS = "untrained"


def photos(count: int) -> dict[str, bytes]:
    """So many small photos by their ids; each hundredth cannot be read."""
    made = {}
    for at in range(count):
        data = catalogues.jpeg((at % 256, at // 256 % 256, at // 65536 + 90), size=(16, 16))
        made[images.image_id(f"{at}".encode())] = b"no photo" if at % 100 == 7 else data
    return made


def config(root: Root, scheduler: str = "", **other: Any) -> Config:
    data = root.path if root.bucket is None else str(root)
    scale = {"scheduler": scheduler, "wait_s": 20.0}
    return Config(file=None, data=data, embed={"weights": WEIGHTS}, scale=scale, **other)
