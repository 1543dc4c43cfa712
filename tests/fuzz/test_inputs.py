"""Seeds of the fuzzer, and every input that it found, are read as anything else is (`benchmarks/fuzz.py`)."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.fuzz import READERS

HERE = Path(__file__).parent
INPUTS = sorted(path for reader in READERS for path in (HERE / reader).iterdir())


def test_every_reader_has_seeds() -> None:
    assert {path.parent.name for path in INPUTS} == {*READERS}


@pytest.mark.parametrize("file", INPUTS, ids=[f"{path.parent.name}/{path.name}" for path in INPUTS])
def test_an_input_raises_no_other_error(file: Path) -> None:
    READERS[file.parent.name](file.read_bytes())
