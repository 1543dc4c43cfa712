"""A Dask cluster that is not there: this machine does the work."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from distributed import LocalCluster

from flows.night import embed_images
from flows.scale_settings import ScaleSettings
from storage.root import Root
from tests import catalogues
from tests.flows.photos_to_embed import WEIGHTS, config, photos

pytestmark = pytest.mark.slow  # each embeds, and one starts a scheduler


def closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def small(tmp_path: Path) -> Root:
    root = Root.open(tmp_path / "data", create=True)
    catalogues.write_encoder(root, weights=WEIGHTS)
    catalogues.write_photos(root, photos(5))
    return root


def test_a_scheduler_that_is_down_is_a_sentence_and_the_work_is_done(small) -> None:
    address = f"tcp://127.0.0.1:{closed_port()}"
    settings = config(small, address).model_copy(
        update={"scale": ScaleSettings(scheduler=address, wait_s=1.0)}
    )
    done = embed_images(small, settings)
    assert done.embedded == 5
    [sentence] = done.notes
    assert sentence == f"The Dask cluster at {address} cannot be reached, so this machine did its work."
    # Nothing is left to embed, so nobody asks the scheduler.
    assert embed_images(small, settings).notes == ()


def test_a_scheduler_without_workers_is_a_sentence(small) -> None:
    with LocalCluster(
        n_workers=0, processes=True, dashboard_address=":0", silence_logs=logging.ERROR
    ) as idle:
        scale = ScaleSettings(scheduler=idle.scheduler_address, wait_s=0.5)
        done = embed_images(small, config(small).model_copy(update={"scale": scale}))
    assert done.embedded == 5
    assert "has no worker, so this machine did its work." in done.notes[0]


def test_a_missing_package_is_a_sentence(small, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    done = embed_images(small, config(small, "tcp://127.0.0.1:1"))
    assert done.embedded == 5
    assert "needs the package distributed (`pip install 'lookalike[scale]'`)" in done.notes[0]


def test_one_machine_imports_no_dask(small) -> None:
    code = (
        "import sys; from flows.config import Config; from flows.night import embed_images\n"
        "from storage.root import Root\n"
        f"root = Root.open({str(small.path)!r})\n"
        f"embed_images(root, Config(file=None, data=root.path, embed={{'weights': {WEIGHTS!r}}}))\n"
        "print(sorted({'dask', 'distributed', 'opentelemetry.sdk', 'prefect'} & {*sys.modules}))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
