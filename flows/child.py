"""Processes that end with the one that started them, however that one ended.

Signals reach a process group at most, Prefect gives every run a session of its own, and SIGKILL cannot be
handled: so each process watches its own parent. `python -m flows.child PARENT server start` runs a `prefect`
command that way, for the process with the id PARENT.
"""

from __future__ import annotations

import os
import runpy
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import suppress

import psutil

PARENT_VARIABLE = "LOOKALIKE_WORKER"
"""Tells a run's process which worker started it; the worker may be gone before the run can look."""

LOOK_EVERY_S = 1.0
GRACE_S = 40.0
"""Time to end by oneself; a crawl alone may take 20 s to write what it has."""


def end_with_parent(parent: int, *, ask_children: bool = False, grace_s: float = GRACE_S) -> None:
    """Ends this process soon after its parent is gone; returns at once.

    :param parent: the parent's process id.
    :param ask_children: also ask this process's children to end; otherwise that is left to the process. A
        child that does not listen is killed after `grace_s`, or by its own watch if this process is gone.
    :param grace_s: seconds from SIGTERM until SIGKILL, which then also ends all children.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_EVERY_S)
        this = psutil.Process()
        children, descendants = this.children(), this.children(recursive=True)
        # The children first: asked itself, this process may be gone before it could ask them.
        terminate([*(children if ask_children else ()), this])
        time.sleep(grace_s)
        kill([*descendants, *this.children(recursive=True), this])

    threading.Thread(target=watch, name="parent watch", daemon=True).start()


def end_run_with_worker() -> None:
    """Ends this process, which Prefect's worker started for a run, soon after the worker is gone."""
    end_with_parent(int(os.environ.get(PARENT_VARIABLE) or os.getppid()))


def terminate(processes: Iterable[psutil.Process]) -> None:
    """Asks processes to end."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.terminate()


def kill(processes: Iterable[psutil.Process]) -> None:
    """Ends processes that did not listen."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def main() -> None:
    """Runs `prefect` with the rest of the arguments, until the process that the first one names is gone."""
    end_with_parent(int(sys.argv.pop(1)), ask_children=True)
    os.environ[PARENT_VARIABLE] = str(os.getpid())
    sys.argv[0] = "prefect"
    runpy.run_module("prefect", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
