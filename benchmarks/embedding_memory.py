"""Peak memory of the embedding stage: it must not grow with the number of photos.

    python benchmarks/embedding_memory.py PHOTOS OUT [--photos 50000]

A data root in OUT is filled with real photos, each copied often with a comment of its own in the JPEG, which
makes it another photo to the tables; the stage then embeds a fifth of them, and in a second root all of them,
each in a process of its own whose memory is sampled. The encoder is a small one: what is measured is what
grows, or does not, with the photos.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from small_encoder import write_small_encoder

from embedding.encoder.convert import specify
from embedding.encoder.weights import load_weights
from storage import images, tables
from storage.encoders import EncoderSpec
from storage.root import Root
from storage.schemas import TABLES

_SIZE = 16
_WRITTEN_AT_ONCE = 5000
_SAMPLE_S = 0.05
_EMBED = """
import sys
from embedding.encoder.stage import embed_new_images
from storage.root import Root
outcome = embed_new_images(Root.open(sys.argv[1]), device="cpu")
assert outcome.rejected == 0, outcome
print(outcome.embedded)
"""


def main(source: Path, out: Path, most: int) -> None:
    """Prints the table."""
    photos = pq.read_table(source / "gallery.parquet", columns=["image"])["image"].to_pylist()
    print("| photos | bytes in Parquet | peak memory | seconds |\n|---|---|---|---|")
    for count in (most // 5, most):
        folder = out / f"root-{count}"
        shutil.rmtree(folder, ignore_errors=True)
        root = Root.open(folder, create=True)
        spec = EncoderSpec(**specify(load_weights("fashion")).model_dump() | {"size": _SIZE})
        write_small_encoder(root, spec)  # under the name of the bundled weights, which the stage asks for
        size = _fill(root, photos, count)
        embedded, peak, seconds = _embed(folder)
        assert embedded == count, f"{embedded} of {count} embedded"
        print(f"| {count:,} | {size / 2**30:.2f} GB | {peak / 2**30:.2f} GB | {seconds:.0f} |", flush=True)


def distinct(photos: list[bytes], count: int) -> Iterator[bytes]:
    """So many photos, no two alike in their bytes: JPEGs with a comment after their start marker."""
    for number, image in enumerate(itertools.islice(itertools.cycle(photos), count)):
        comment = str(number).encode()
        yield image[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + image[2:]


def _fill(root: Root, photos: list[bytes], count: int) -> int:
    rest = distinct(photos, count)
    size = 0
    while rows := list(itertools.islice(rest, _WRITTEN_AT_ONCE)):
        size += sum(map(len, rows))
        columns = {name: pa.nulls(len(rows), field.type) for name, field in _fields()}
        columns["image_id"] = pa.array([images.image_id(row) for row in rows])
        columns["bytes"] = pa.array(rows, pa.binary())
        columns["first_seen"] = pa.array([datetime.now(UTC)] * len(rows), pa.timestamp("us", tz="UTC"))
        columns["month"] = pa.array(["2026-11"] * len(rows))
        tables.merge(root, "images", pa.table(columns))
    return size


def _fields() -> list[tuple[str, pa.Field]]:
    return [(field.name, field) for field in TABLES["images"].columns]


def _embed(folder: Path) -> tuple[int, int, float]:
    """Embeds a root in a process of its own.

    :return: photos embedded, peak resident bytes, seconds.
    """
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as said:
        running = subprocess.Popen([sys.executable, "-c", _EMBED, str(folder)], stdout=said)
        peak = 0
        while running.poll() is None:
            peak = max(peak, _resident(running.pid))
            time.sleep(_SAMPLE_S)
        if running.returncode:
            raise RuntimeError(f"The stage ended with {running.returncode}.")
        said.seek(0)
        return int(said.read()), peak, time.perf_counter() - started


def _resident(pid: int) -> int:
    """The peak so far, as the kernel kept it; 0 once the process is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    peaks = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(peaks[0]) * 1024 if peaks else 0


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("source", type=Path, metavar="PHOTOS")
    arguments.add_argument("out", type=Path, metavar="OUT")
    arguments.add_argument("--photos", type=int, default=50_000)
    given = arguments.parse_args()
    main(given.source, given.out, given.photos)
