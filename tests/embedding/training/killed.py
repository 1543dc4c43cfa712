"""What a training leaves that is killed, without a further training that is only there to be killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path


def copy_as_killed(training: subprocess.Popen[bytes], out: Path, copy: Path) -> list[float]:
    """Copies what a kill after the first checkpoint would leave of a training, which goes on.

    :return: the losses that the copy has noted.
    """
    deadline = time.monotonic() + 300
    while not losses(out) and training.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    training.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, training.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    shutil.copytree(out, copy)
    training.send_signal(signal.SIGCONT)
    return losses(copy)


def losses(out: Path) -> list[float]:
    """The losses that a training has noted so far."""
    history = out / "history.json"
    return json.loads(history.read_text())["loss"] if history.exists() else []
