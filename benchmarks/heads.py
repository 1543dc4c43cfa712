"""Fits the heads of a weights file to labelled photos and prints how good they are.

    python benchmarks/labelled_photos.py ../shared/data PHOTOS
    python benchmarks/heads.py WEIGHTS.npz OUT.npz PHOTOS/{catalogue,catalogue_small,street}.parquet

WEIGHTS is a file, `fashion` or `fashion-fast`; OUT is the file written, with the heads, and may be WEIGHTS
itself. The network's weights stay as they are stored, and so does the name of the encoder.
"""

from __future__ import annotations

import sys
from importlib import resources
from pathlib import Path

from embedding.encoder.weights import BUNDLED, BUNDLED_FAST, load_weights, write_with_heads
from embedding.training.add_heads import heads_for, tables
from lookalike.commands import terminal

LABELS = ("article_type", "colour", "gender", "usage", "season", "category")


def main(source: str, out: Path, files: list[Path]) -> None:
    """Fits, prints and writes."""
    with terminal.progress() as advance:
        recognition = heads_for(
            load_weights(source),
            files,
            LABELS,
            on_progress=lambda what, done, total: advance(f"embed {what}", done, total),
        )
    terminal.print_lines(tables(recognition))
    bundled = resources.files("embedding.encoder") / "weights" / f"{source}.npz"
    with resources.as_file(bundled) as path:
        write_with_heads(path if source in (BUNDLED, BUNDLED_FAST) else Path(source), out, recognition.heads)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), [Path(file) for file in sys.argv[3:]])
