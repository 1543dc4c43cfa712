"""Fuzzes with Atheris what reads strangers' bytes: pages, sitemaps, JSON-LD, images, settings, manifests.

    python -m benchmarks.fuzz            # every reader for a minute
    python -m benchmarks.fuzz page 600   # one of them for ten minutes

Needs `pip install atheris`. Inputs that raise anything but a reader's own error are kept in `tests/fuzz/`, by
reader; `tests/fuzz/test_inputs.py` reads them all. It ends with exit code 1 where it found one.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

CASES = Path(__file__).parent.parent / "tests" / "fuzz"
URL = "https://shop.example/p/cap"
MAX_BYTES = 4096
"""Of an input: larger ones are slower and find little more."""
SECONDS = 60


def read_page(data: bytes) -> None:
    """Extracts a product from a page."""
    from scrapers.extract.reading import product_page

    product_page(data, URL, shapes=frozenset())


def read_sitemap(data: bytes) -> None:
    """Reads a sitemap, and as a robots.txt the sitemaps that it names."""
    from scrapers.extract import sitemap

    sitemap.of_products(
        tuple(sitemap.Entry(url) for url in sitemap.sitemaps_in_robots(data.decode("latin-1"), URL))
    )
    with contextlib.suppress(sitemap.UnreadableSitemap):
        sitemap.read_sitemap(data, URL, max_bytes=100_000)


def read_json_ld(data: bytes) -> None:
    """Mends and normalises JSON-LD."""
    from scrapers.extract.sources import jsonld
    from scrapers.extract.sources.nodes import normalise

    with contextlib.suppress(ValueError):
        normalise(jsonld.loads(data.decode("utf-8", "replace")))


def read_image(data: bytes) -> None:
    """Decodes an image and describes it."""
    from storage import images
    from storage.errors import UnreadableImageError

    for use in (images.decode, images.inspect):
        with contextlib.suppress(UnreadableImageError):
            use(data, max_pixels=100_000)


def read_settings(data: bytes) -> None:
    """Loads a settings file."""
    from flows.config import load_config
    from storage.errors import InputError

    file = Path(_scratch().name) / "lookalike.toml"
    file.write_bytes(data)
    with contextlib.suppress(InputError):
        load_config(file)


@functools.cache
def _scratch() -> tempfile.TemporaryDirectory[str]:
    """A folder of this process: to make and remove one takes ten times as long as to read the settings."""
    return tempfile.TemporaryDirectory()


def read_manifest(data: bytes) -> None:
    """Reads a generation's manifest."""
    from storage import manifest

    with contextlib.suppress(manifest.GenerationError):
        manifest.parse(data, "20261128T092757Z-4979c3d6a810")


READERS: dict[str, Callable[[bytes], None]] = {
    "page": read_page,
    "sitemap": read_sitemap,
    "json_ld": read_json_ld,
    "image": read_image,
    "settings": read_settings,
    "manifest": read_manifest,
}
"""Functions that take anything, and raise only what they say."""


def fuzz(reader: str, seconds: int, folder: Path) -> None:
    """Runs one reader on mutated seeds until it raises or the time is up; Atheris ends the process.

    :param folder: gets what raises, is slow or takes much memory, and the inputs that reach something new.
    """
    import atheris

    with atheris.instrument_imports(include=["scrapers", "storage", "flows"]):
        for seed in (CASES / reader).iterdir():  # the reader's own imports, which would seem to be slow
            READERS[reader](seed.read_bytes())

    def read(data: bytes) -> None:
        try:
            READERS[reader](data)
        except BaseException:  # libFuzzer's own copy is lost if its timer ends the process meanwhile
            (folder / "raised").write_bytes(data)
            raise

    corpus = folder / "corpus"
    corpus.mkdir()
    options = [f"-max_total_time={seconds}", f"-max_len={MAX_BYTES}", "-timeout=20", "-rss_limit_mb=3000"]
    options += [f"-artifact_prefix={folder}/", "-print_final_stats=1", "-verbosity=1"]
    atheris.Setup([sys.argv[0], *options, str(corpus), str(CASES / reader)], read)
    atheris.Fuzz()


def keep(reader: str, folder: Path) -> list[Path]:
    """Keeps the inputs that a run found, named by their content."""
    kept = []
    for file in sorted(path for path in folder.iterdir() if path.is_file()):
        data = file.read_bytes()
        case = CASES / reader / f"found-{hashlib.sha256(data).hexdigest()[:12]}"
        case.write_bytes(data)
        kept.append(case)
    return kept


def main(reader: str | None, seconds: int) -> int:
    """Fuzzes readers, each in a process of its own; the exit code."""
    found = 0
    for name in [reader] if reader else READERS:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "benchmarks.fuzz", name, str(seconds), "--into", folder]
            code = subprocess.run(command).returncode
            kept = keep(name, Path(folder))
        print(f"{name}: exit code {code}, {len(kept)} inputs kept", flush=True)
        found += bool(kept or code)
    return int(found > 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="benchmarks.fuzz", description=__doc__)
    parser.add_argument("reader", nargs="?", choices=READERS)
    parser.add_argument("seconds", nargs="?", type=int, default=SECONDS)
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.into:
        fuzz(given.reader, given.seconds, given.into)
    else:
        sys.exit(main(given.reader, given.seconds))
