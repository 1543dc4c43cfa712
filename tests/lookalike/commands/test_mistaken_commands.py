"""Mistakes at the command line are said at once, before anything heavy is loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
RUN = """
import sys
from lookalike.cli import main
code = main(sys.argv[1:])
print(sorted({"tensorflow", "keras", "streamlit", "prefect", "scrapy", "openvino"} & set(sys.modules)))
sys.exit(code)
"""


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["dashboard", "--port", "99999"], "--port"),
        (["dashboard", "--port", "0"], "--port"),
        (["dashboard", "--port", "-1"], "--port"),
        (["dashboard", "--port", "http"], "--port"),
        (["dashboard", "--allow-host", "http://x"], "is no host name"),
        (["train", "missing.parquet"], "missing.parquet does not exist"),
        (["train", "missing", "missing2"], "does not exist"),
        (["train", ".", "--from", "missing.npz"], "There are no weights missing.npz"),
        (["train", ".", "--recipe", "missing.toml"], "missing.toml cannot be read"),
        (["evaluate", "missing.parquet"], "missing.parquet does not exist"),
        (["search", "x.jpg", "--in-stock=no"], "--in-stock"),
        (["search", "x.jpg", "-k", "five"], "-k"),
        (["search", "x.jpg", "--output", "sheet.pdf"], "is no .html file"),
        (["products", "--output", "products.xls"], "neither a .csv nor a .parquet file"),
        (["elsewhere"], "PRODUCT"),
        (["history", "a", "b"], "unexpected extra argument"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, list) else "",
)
def test_a_mistake_is_said_at_once(tmp_path: Path, command: list[str], said: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", RUN, *command],
        cwd=tmp_path,
        env={"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2, ended.stderr
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout.strip() == "[]"
