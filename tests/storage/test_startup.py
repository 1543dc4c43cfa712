"""What a process leaves out when it starts, and when it ends."""

from __future__ import annotations

import subprocess
import sys

import pytest

_RING = """
class Ring:
    def __init__(self):
        self.own = self
    def __del__(self):
        print("collected")
ring = Ring()
del ring
"""


def printed(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(("first", "shown"), [("", "collected\n"), ("end_quickly()", "")])
def test_a_process_that_ends_quickly_collects_no_garbage(first: str, shown: str) -> None:
    begun = "import gc; from storage.startup import end_quickly; gc.disable()"
    assert printed(f"{begun}; {first}{_RING}") == shown


def test_what_is_left_out_is_as_if_it_were_not_installed() -> None:
    code = """
from storage.startup import leave_out
leave_out("json", "pandas")
for name in ("json", "pandas", "pandas.api", "csv"):
    try:
        __import__(name)
        print(name)
    except ModuleNotFoundError as error:
        print(name, error.name)
"""
    assert printed(code).splitlines() == ["json json", "pandas pandas", "pandas.api pandas", "csv"]
