"""Fixtures for all rooms."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from storage.root import Root

REPOSITORY = Path(__file__).parent.parent
SHARED = Path(os.environ.get("LOOKALIKE_SHARED", REPOSITORY.parent / "shared"))

_skipped: list[str] = []
_ROOMS = ("storage", "scrapers", "embedding", "flows", "lookalike")


def pytest_configure() -> None:
    """Lets processes that tests start receive Ctrl-C: a shell starts background jobs with it ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _own_main() -> Iterator[None]:
    """Puts `__main__` back: Streamlit's `AppTest` leaves a page there, which processes of spawn would run."""
    own = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = own


def pytest_report_header() -> str | None:
    """Says which tests are left out for lack of data."""
    return f"Tests marked `shared` are deselected: {SHARED} is not there." if _without_shared() else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Marks the tests that use the fixture `shared`, and deselects them where there is no such data."""
    needing = [item for item in items if "shared" in getattr(item, "fixturenames", ())]
    for item in needing:
        item.add_marker("shared")
    if needing and _without_shared():
        items[:] = [item for item in items if item not in needing]
        config.hook.pytest_deselected(items=needing)


def _without_shared() -> bool:
    """Whether to do without the shared data. CI never does: nobody would notice."""
    return not (SHARED / "data" / "README.md").is_file() and not os.environ.get("CI")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remembers what was skipped, but for lack of a GPU."""
    if report.skipped and not hasattr(report, "wasxfail") and "gpu" not in report.keywords:
        _skipped.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a skipped test has failed: nobody would notice that it never runs."""
    if _skipped and os.environ.get("CI"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says why a run in CI failed without a failed test."""
    if _skipped and os.environ.get("CI"):
        terminalreporter.write_line(f"Skipped in CI, which counts as failed: {', '.join(_skipped)}", red=True)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real photos and pages that development machines and CI have beside the repository.

    Tests that use it are marked `shared`; where it is missing they are deselected, and fail in CI.
    """
    if not SHARED.is_dir():
        pytest.fail(f"CI needs the real photos and pages in {SHARED}.")
    return SHARED


@pytest.fixture(scope="session", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache of the tests' own, also for the processes they start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _loggers() -> Iterator[None]:
    """Undoes what a command run inside the test set on the rooms' loggers."""
    loggers = [logging.getLogger(room) for room in _ROOMS]
    before = [(logger.handlers, logger.level, logger.propagate) for logger in loggers]
    yield
    for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """A fresh data root."""
    return Root.open(tmp_path / "data", create=True)


@pytest.fixture(scope="session")
def fashion_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled encoder as `embed` writes it: a folder named after its model.

    It takes TensorFlow half a minute of processor time, so the processes of one run share it.
    """
    from embedding.encoder.convert import convert, specify
    from embedding.encoder.weights import load_weights

    weights = load_weights("fashion")
    of_the_run = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        of_the_run = of_the_run.parent
    folder = of_the_run / "encoders" / specify(weights).model
    with FileLock(of_the_run / "encoders.lock"):
        if not folder.exists():
            unfinished = tmp_path_factory.mktemp("encoder") / folder.name
            convert(weights, unfinished)
            folder.parent.mkdir(exist_ok=True)
            shutil.move(unfinished, folder)
    return folder


@pytest.fixture
def root_with_encoder(root: Root, fashion_encoder: Path) -> Root:
    """A fresh data root that already holds the bundled encoder."""
    shutil.copytree(fashion_encoder, root.encoders / fashion_encoder.name)
    return root
