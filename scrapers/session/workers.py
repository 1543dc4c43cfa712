"""Worker processes that parse untrusted input, so that parsing can be ended if it takes too long.

Any parser may hang or crash on hostile input, and a thread cannot be ended. A worker takes one call at a
time: a function of a module, by its name, and its arguments. The kernel limits its processor time and the
caller its wall time. If a worker exceeds a limit, or dies for another reason, that call fails and the next
one starts a new worker.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import io
import os
import pickle
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import IO, Any, ParamSpec, Self, TypeVar

from scrapers.session import malloc_trim
from storage.errors import LookalikeError
from storage.import_path import import_environment
from storage.startup import end_quickly

P = ParamSpec("P")
T = TypeVar("T")

CPU_S = 5.0
"""Processor time for one call; the slowest page of the benchmark takes half a second."""
_WALL_FACTOR = 12.0
"""Wall time for one call, as a multiple of its processor time."""
_START_S = 120.0
_LENGTH = struct.Struct("!Q")
_READY = b"\n"


class WorkerError(LookalikeError):
    """A call gave no answer; the message says why, as the end of a sentence about what was read."""


class TooSlowError(WorkerError):
    """A call exceeded its time."""


class EndedError(WorkerError):
    """A call failed because its worker was ended."""


class Worker:
    """A process that starts with the first call. Calls from several threads wait for each other."""

    def __init__(self, cpu_s: float = CPU_S) -> None:
        """:param cpu_s: processor time that one call may take."""
        self.cpu_s = cpu_s
        self.process: subprocess.Popen[bytes] | None = None
        self.ended = False
        self._turn = threading.Lock()
        self._too_late = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """What a function returns for these arguments, or raises.

        :param function: of a module, found there by its name.
        :raises TooSlowError: where it takes more than its time.
        :raises WorkerError: where its process ends for another reason, or raises another error than ours.
        """
        question = pickle.dumps((function, args, kwargs), protocol=pickle.HIGHEST_PROTOCOL)
        with self._turn:
            if self.ended:
                raise EndedError("its reading was given up")
            process = self.process = self.process or self._start()
            try:
                answer = self._answer(process, question)
            except BaseException:  # Ctrl-C, for one: the next call must not read this one's answer
                process.kill()
                self._failure(process)
                raise
            if answer is None:
                raise self._failure(process)
        try:
            kind, value = _Answers(io.BytesIO(answer)).load()
        except pickle.UnpicklingError as error:
            raise WorkerError(f"its reading gave no answer of ours ({error})") from None
        if kind == "raised":
            raise value
        result: T = value
        return result

    def close(self) -> None:
        """Ends the process once it has answered."""
        with self._turn:
            process, self.process = self.process, None
        if process is not None:
            with contextlib.suppress(OSError):
                process.communicate()

    def end(self) -> None:
        """Ends the process at once: the running call and all later ones fail."""
        self.ended = True
        process = self.process
        if process is not None:
            process.kill()

    def _answer(self, process: subprocess.Popen[bytes], question: bytes) -> bytes | None:
        """The answer to a question; None if the process ended before."""
        self._too_late = False
        late = threading.Timer(_WALL_FACTOR * self.cpu_s, self._kill, [process])
        late.start()
        try:
            stdin, stdout = _pipes(process)
            stdin.write(_LENGTH.pack(len(question)))
            stdin.write(question)
            stdin.flush()
            return _message(stdout)
        except OSError:
            return None
        finally:
            late.cancel()

    def _kill(self, process: subprocess.Popen[bytes]) -> None:
        self._too_late = True
        process.kill()

    def _failure(self, process: subprocess.Popen[bytes]) -> WorkerError:
        """Why a process gave no answer."""
        self.process = None
        for pipe in _pipes(process):
            with contextlib.suppress(OSError):
                pipe.close()
        code = process.wait()
        if self.ended:
            return EndedError("its reading was given up")
        if self._too_late or code == -signal.SIGPROF:
            seconds = self.cpu_s * (_WALL_FACTOR if self._too_late else 1)
            return TooSlowError(f"its reading takes more than {seconds:g} seconds")
        how = f"signal {-code}" if code < 0 else f"code {code}"
        return WorkerError(f"its reading ended with {how}; there may be too little memory")

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-P", "-m", "scrapers.session.workers", str(self.cpu_s)]
        environment = os.environ | import_environment()
        process = subprocess.Popen(  # noqa: S603 - our own interpreter
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        late = threading.Timer(_START_S, process.kill)
        late.start()
        try:
            if _pipes(process)[1].read(len(_READY)) != _READY:
                raise self._failure(process)
        finally:
            late.cancel()
        return process


class AsyncWorker(Worker):
    """A worker whose calls can be awaited; a thread waits for its answers."""

    def __init__(self, cpu_s: float = CPU_S) -> None:
        super().__init__(cpu_s)
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="worker")

    async def answer(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """As `call`."""
        called = partial(self.call, function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self.thread, called)

    def close(self) -> None:
        """Ends the process once all calls are answered, or at once if the worker was ended."""
        self.thread.shutdown(wait=not self.ended)
        super().close()


class _Answers(pickle.Unpickler):
    """Unpickles our dataclasses and errors only, since the answering process parsed hostile bytes."""

    def find_class(self, module: str, name: str) -> Any:
        if module.partition(".")[0] in ("scrapers", "storage", "decimal", "builtins"):
            found = super().find_class(module, name)
            if isinstance(found, type) and (
                dataclasses.is_dataclass(found)
                or issubclass(found, Decimal | frozenset | StrEnum | Exception)
            ):
                return found
        raise pickle.UnpicklingError(f"{module}.{name} has no place in an answer")


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None:
        raise OSError("the process has no pipes")
    return process.stdin, process.stdout


def _message(stream: IO[bytes]) -> bytes | None:
    header = stream.read(_LENGTH.size)
    if len(header) < _LENGTH.size:
        return None
    [length] = _LENGTH.unpack(header)
    message = stream.read(length)
    return message if len(message) == length else None


def answer_all(questions: IO[bytes], answers: IO[bytes], cpu_s: float) -> None:
    """Answers calls until the input ends, as it does if the caller is killed.

    A call that takes too much processor time ends the process, since nothing handles the timer's signal.
    """
    answers.write(_READY)
    answers.flush()
    while (question := _message(questions)) is not None:
        function, args, kwargs = pickle.loads(question)  # noqa: S301 - from the process that started this one
        signal.setitimer(signal.ITIMER_PROF, cpu_s)
        answer = _answered(function, args, kwargs)
        signal.setitimer(signal.ITIMER_PROF, 0)
        answers.write(_LENGTH.pack(len(answer)))
        answers.write(answer)
        answers.flush()
        size = len(question)
        del question, args, kwargs, answer
        malloc_trim.trim_after(size)


def _answered(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
    try:
        return pickle.dumps(("returned", function(*args, **kwargs)), protocol=pickle.HIGHEST_PROTOCOL)
    except LookalikeError as error:
        return pickle.dumps(("raised", error))
    except Exception as error:
        problem = f"its reading failed: {type(error).__name__}: {error}"[:500]
        return pickle.dumps(("raised", WorkerError(problem)))


def main() -> None:
    """Answers on standard output; what a library prints goes to standard error instead."""
    end_quickly()
    # Ctrl-C is for the caller, which closes this when it needs no more answers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        answer_all(sys.stdin.buffer, answers, float(sys.argv[1]))


if __name__ == "__main__":
    from scrapers.session import workers  # errors must be those of the module that the caller knows

    workers.main()
