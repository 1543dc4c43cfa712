"""`make sbom`: what is installed, for whoever has to know what a release consists of."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.slow
def test_it_names_every_package_that_a_query_needs(tmp_path):
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(REPOSITORY / name, tmp_path)
    (tmp_path / ".venv").symlink_to(REPOSITORY / ".venv")
    subprocess.run(
        ["make", "--old-file=.venv/.installed", "sbom"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        timeout=300,
    )
    listed = json.loads((tmp_path / "sbom.cdx.json").read_text())
    assert listed["bomFormat"] == "CycloneDX"
    assert listed["metadata"]["component"]["name"] == "lookalike"
    versions = {component["name"].lower(): component["version"] for component in listed["components"]}
    assert {"annoy", "deltalake", "numpy", "openvino", "pandas", "pillow", "pyarrow"} <= versions.keys()
    assert all(versions.values())
