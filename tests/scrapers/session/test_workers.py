"""What strangers wrote is read in processes that can be ended."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from decimal import Decimal

import pytest

from scrapers.extract.reading import examine_page, product_of_page
from scrapers.session import workers
from scrapers.session.workers import EndedError, TooSlowError, Worker, WorkerError
from storage import images
from storage.errors import UnreadableImageError
from tests.scrapers.by_hand import environment
from tests.scrapers.webserver import photo, product_page

PAGE = product_page("Cap").encode()
ADDRESS = "https://shop.example/p"


def spin() -> None:
    """Holds the interpreter in C for ever, so that none of its threads gets a turn."""
    re.match(r"(a+)+$", "a" * 60 + "b")


def print_and_add(one: int, two: int) -> int:
    print("a library says hello")
    return one + two


class Mischief:
    def __reduce__(self):
        return os.system, ("echo mischief",)


@pytest.fixture
def worker(monkeypatch):
    monkeypatch.setattr(workers, "_WALL_FACTOR", 120.0)  # other programs may leave it little of a processor
    with Worker(cpu_s=0.5) as started:
        yield started


def test_an_answer_is_what_the_function_returns(worker):
    examined = worker.call(examine_page, PAGE, ADDRESS)
    assert examined == examine_page(PAGE, ADDRESS)
    assert (examined.product.title, examined.product.price) == ("Cap", Decimal("19.90"))
    assert len(examined.candidates) > 0 == len(worker.call(product_of_page, PAGE, ADDRESS).candidates)


def test_calls_share_a_process_and_what_is_printed_is_no_answer(worker):
    assert worker.call(print_and_add, 1, two=2) == 3
    process = worker.process
    assert worker.call(images.inspect, photo(1)) == images.inspect(photo(1))
    assert worker.process is process
    worker.close()
    assert process.returncode == 0


def test_an_error_of_ours_comes_as_it_is_and_another_as_a_sentence(worker):
    with pytest.raises(UnreadableImageError, match="not an image"):
        worker.call(images.inspect, b"<!DOCTYPE html>")
    with pytest.raises(WorkerError, match=r"its reading failed: ZeroDivisionError"):
        worker.call(divmod, 1, 0)


def test_a_call_that_takes_too_long_is_ended_and_costs_nothing_else(worker):
    with pytest.raises(TooSlowError, match=r"takes more than 0\.5 seconds"):
        worker.call(spin)
    assert worker.call(print_and_add, 1, two=2) == 3


def test_waiting_costs_no_processor_time_but_ends_as_well(worker, monkeypatch):
    worker.call(time.sleep, 0.8)
    monkeypatch.setattr(workers, "_WALL_FACTOR", 1.0)
    with pytest.raises(TooSlowError):
        worker.call(time.sleep, 30)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL])
def test_a_process_that_dies_costs_one_call(worker, number):
    with pytest.raises(WorkerError, match=f"ended with signal {int(number)}"):
        worker.call(signal.raise_signal, number)
    assert worker.call(print_and_add, 1, two=2) == 3


def test_a_worker_that_is_ended_gives_up_its_call_and_every_later_one():
    worker = Worker()
    ender = threading.Timer(1.0, worker.end)
    ender.start()
    with pytest.raises(EndedError):
        worker.call(time.sleep, 600)
    with pytest.raises(EndedError):
        worker.call(time.sleep, 0)
    worker.close()


INTERRUPTED = """
import signal, time
from scrapers.session.workers import Worker


def interrupt(_number, _frame):
    raise KeyboardInterrupt


def call_interrupted():
    # The timer starts in here, so that on a busy machine, too, it interrupts nothing else.
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    worker.call(time.sleep, 30)


signal.signal(signal.SIGALRM, interrupt)
with Worker() as worker:
    worker.call(divmod, 7, 2)
    try:
        call_interrupted()
    except KeyboardInterrupt:
        print("interrupted")
    print(worker.call(divmod, 9, 2))
"""


def test_an_interrupted_call_leaves_no_answer_to_the_next(tmp_path):
    # Apart: what other tests have loaded must not decide what a signal does.
    command = [sys.executable, "-c", INTERRUPTED]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.stdout, done.stderr) == ("interrupted\n(4, 1)\n", "")


def test_an_answer_makes_this_process_call_nothing(worker, capfd):
    with pytest.raises(WorkerError, match="has no place in an answer"):
        worker.call(Mischief)
    assert "mischief" not in capfd.readouterr().out


def test_the_process_ends_when_its_caller_is_killed(tmp_path):
    code = (
        "import os, signal\nfrom scrapers.session.workers import Worker\nWorker().call(len, [])\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    command = [sys.executable, "-c", code]
    caller = subprocess.Popen(command, cwd=tmp_path, env=environment(), stderr=subprocess.PIPE)
    # The worker writes to the same stderr, which ends when both are gone.
    assert caller.communicate(timeout=60) == (None, b"")
    assert caller.returncode == -signal.SIGKILL
