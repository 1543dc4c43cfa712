"""Embedding speed: ours, the papers' way, TensorFlow and onnxruntime, in one run.

    pip install '.[benchmarks]'
    python benchmarks/labelled_photos.py ../shared/data PHOTOS
    python benchmarks/embedding.py PHOTOS [--weights fashion] [--rounds 5] [--seconds 4]

What it measures and how is in `embedding_speed.py`. Scripts of this folder that import the package of the
same name find this file first, since Python looks beside a script before anywhere else; it then steps aside.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if __name__ == "__main__":
    from embedding_speed import command_line

    command_line()
elif __name__ == "embedding":
    del sys.modules[__name__]
    importlib.import_module(__name__)
