"""A process ends with its parent, with real processes that are killed."""

import subprocess
import sys

import psutil
import pytest

GENTLE = "import time; time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"

CHILD = """
import os, subprocess, sys
from flows.child import end_with_parent
end_with_parent(os.getppid(), ask_children={ask}, grace_s=1)
child = subprocess.Popen([sys.executable, "-c", {grandchild!r}], start_new_session=True)
print(os.getpid(), child.pid, flush=True)
{own}
"""

PARENT = """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", {child!r}], start_new_session=True).wait()
"""


TIDY = """
import signal, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
try:
    time.sleep(60)
finally:
    child.kill()
"""


@pytest.mark.parametrize(
    ("ask", "own", "grandchild"),
    [(True, GENTLE, GENTLE), (True, STUBBORN, GENTLE), (False, STUBBORN, STUBBORN), (False, TIDY, STUBBORN)],
)
def test_a_killed_process_takes_its_descendants_with_it(ask, own, grandchild):
    child = CHILD.format(ask=ask, grandchild=grandchild, own=own)
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT.format(child=child)], stdout=subprocess.PIPE, text=True
    )
    family = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
    assert all(process.is_running() for process in family)
    parent.kill()
    parent.wait()
    left = psutil.wait_procs(family, timeout=30)[1]
    for process in left:
        process.kill()
    assert not left
