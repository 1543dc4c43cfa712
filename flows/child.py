"""Ends processes whose parent is gone, however it ended.

A signal reaches one process group at most, Prefect gives every run a session of its own, and SIGKILL cannot
be handled: so each process watches its own parent. `python -m flows.child PARENT server start` runs a
`prefect` command that way, for the process with the id PARENT.
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

from storage.startup import end_quickly, leave_out

PARENT_VARIABLE = "LOOKALIKE_WORKER"
"""The environment variable with the id of the worker that started a run; it may be gone before the run
looks."""

LEFT_OUT = ("rfc3987_syntax",)
"""What jsonschema loads in each process of Prefect's if it is installed: its grammar of internationalised
addresses, which no flow's parameters have, takes a second of processor time."""

POLL_S = 1.0
GRACE_S = 40.0
"""Time that a process has to end by itself; a crawl may take 20 s to write its rows."""


def end_with_parent(parent: int, *, ask_children: bool = False, grace_s: float = GRACE_S) -> None:
    """Ends this process soon after its parent is gone; returns at once.

    :param parent: the parent's process id.
    :param ask_children: also send SIGTERM to this process's children; otherwise the process does that itself.
        A child that ignores it is killed after `grace_s`, or by its own watch if this process is gone.
    :param grace_s: seconds from SIGTERM until SIGKILL, which then also ends all children.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(POLL_S)
        this = psutil.Process()
        children, descendants = this.children(), this.children(recursive=True)
        # The children first: after its own SIGTERM this process may end before it can send theirs.
        terminate([*(children if ask_children else ()), this])
        time.sleep(grace_s)
        kill([*descendants, *this.children(recursive=True), this])

    threading.Thread(target=watch, name="parent watch", daemon=True).start()


def end_run_with_worker() -> None:
    """Ends this process, which Prefect's worker started for a run, soon after the worker is gone."""
    end_with_parent(int(os.environ.get(PARENT_VARIABLE) or os.getppid()))


def terminate(processes: Iterable[psutil.Process]) -> None:
    """Sends SIGTERM to processes."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.terminate()


def kill(processes: Iterable[psutil.Process]) -> None:
    """Kills processes."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def main() -> None:
    """Runs `prefect` with the rest of the arguments, until the process that the first one names is gone."""
    end_quickly()
    leave_out(*LEFT_OUT)
    end_with_parent(int(sys.argv.pop(1)), ask_children=True)
    os.environ[PARENT_VARIABLE] = str(os.getpid())
    sys.argv[0] = "prefect"
    runpy.run_module("prefect", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
