"""Takes each guard of `guards.toml` out of a copy of the repository, and names the test that then fails.

    python -m benchmarks.guards             # all, half an hour on one core
    python -m benchmarks.guards webrtc npz  # only those whose line holds one of these words
    python -m benchmarks.guards --kept FILE # goes on where a run with this file was ended

A kept result counts while the guard, its file and its tests are what they were. Each test that fails without
a guard is run once more, with all guards in place. The exit code is 1 if all tests of a guard pass without
it, if a test fails in any case, or if a guard's text is no longer in its file.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
GUARDS = Path(__file__).with_suffix(".toml")
CPU_S = 240
"""Processor time of a guard's tests. Those of a guard against endless work may take more without it, and so
find it; with all guards in place the slowest take a minute."""
_TESTS_FAILED = 1  # pytest's exit code
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


class StaleGuardError(Exception):
    """A guard's text is not in its file, or more than once."""


@dataclass(frozen=True)
class Guard:
    """A line of code that keeps something hostile out.

    :ivar keeps: what it keeps out.
    :ivar file: where it is, below the repository.
    :ivar text: what is taken out, exactly once in the file.
    :ivar instead: what replaces it.
    :ivar tests: pytest's names of the tests of which one has to fail.
    """

    keeps: str
    file: str
    text: str
    instead: str
    tests: tuple[str, ...]

    def take_out(self, source: str) -> str:
        """The file's text without the guard.

        :raises StaleGuardError: the guard is not there, or not only once.
        """
        if (count := source.count(self.text)) != 1:
            raise StaleGuardError(f"{self.file} holds {self.text!r} {count} times, not once.")
        return source.replace(self.text, self.instead)


def read_guards() -> list[Guard]:
    """The guards of `guards.toml`."""
    lines = tomllib.loads(GUARDS.read_text("utf-8"))["guards"]
    return [Guard(**{**line, "tests": tuple(line["tests"])}) for line in lines]


def copy_repository(target: Path) -> None:
    """Copies the files of the working tree that git knows or does not ignore."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (REPOSITORY / name).is_file():  # one that was deleted is still listed
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, target / name)


def run_tests(
    copy: Path, tests: Sequence[str], *options: str, cpu_s: int = resource.RLIM_INFINITY
) -> tuple[int, str]:
    """Runs tests in a copy.

    :param options: more options of pytest.
    :param cpu_s: processor time after which the kernel ends them.
    :return: pytest's exit code, negative for a signal, and what it printed.
    """
    # No bytecode: a file changed twice in a second would be run as it was.
    environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("CI", None)
    command = [sys.executable, "-m", "pytest", "-qrfE", "--tb=line", "-m", "not slow", *options]
    command += ["-p", "no:cacheprovider", f"--basetemp={copy.with_name('pytest')}", *tests]
    done = subprocess.run(
        command,
        cwd=copy,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s)),
    )
    return done.returncode, done.stdout


def failing_test(copy: Path, guard: Guard) -> str | None:
    """The test that fails without a guard; None if the guard survives.

    :raises StaleGuardError: the guard is not there, or its tests cannot be run without it.
    """
    file = copy / guard.file
    original = file.read_text("utf-8")
    file.write_text(guard.take_out(original), "utf-8")
    try:
        code, printed = run_tests(copy, guard.tests, "-x", cpu_s=CPU_S)
    finally:
        file.write_text(original, "utf-8")
    if code == -signal.SIGKILL:
        return f"{guard.tests[0]} (takes more than {CPU_S} s)"
    if code == 0:
        return None
    failed = _FAILED.search(printed)
    if code != _TESTS_FAILED or not failed:
        raise StaleGuardError(f"The tests of '{guard.keeps}' do not run without it:\n{printed[-2000:]}")
    return failed[1]


class Results:
    """What was found, one JSON line each, so that a run that is ended loses nothing.

    :param file: where results are kept; None for this run only.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._found: dict[str, str] = {}
        if file and file.exists():
            for line in file.read_text("utf-8").splitlines():
                self._found |= json.loads(line)

    def get(self, key: str) -> str | None:
        """What was found of this before, if anything."""
        return self._found.get(key)

    def add(self, key: str, found: str) -> None:
        """Keeps a result."""
        if self._found.get(key) != found and self._file:
            with self._file.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps({key: found}) + "\n")
        self._found[key] = found


def digest(copy: Path, tests: Sequence[str], guard: Guard | None = None) -> str:
    """Names what a result depends on: the guard with its file, and the files of its tests."""
    hashed = hashlib.sha256(repr((tests, guard)).encode())
    for name in [*({guard.file} if guard else ()), *(test.partition("::")[0] for test in tests)]:
        path = copy / name
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            hashed.update(file.read_bytes())
    return hashed.hexdigest()


def main(words: Sequence[str], kept: Path | None = None) -> int:
    """Checks all guards, or those whose line holds one of the words; the exit code.

    :param kept: a file of results, used and added to.
    """
    results = Results(kept)
    guards = [guard for guard in read_guards() if not words or any(word in str(guard) for word in words)]
    survivors, failing = 0, set()
    with tempfile.TemporaryDirectory(prefix="guards-") as folder:
        copy = Path(folder) / "repository"
        copy_repository(copy)
        for number, guard in enumerate(guards, 1):
            found, problem = _tried(copy, guard, results)
            survivors += found is None
            failing |= {found} if found else set()
            print(f"{number:3} {guard.keeps}\n    {guard.file}: {found or problem}", flush=True)
        unsound = _failing_anyway(copy, failing, results)
    for test in unsound:
        print(f"{test} fails with all guards in place, so it says nothing. Mend that first.")
    print(f"{len(guards)} guards, {survivors} survive.")
    return int(survivors > 0 or bool(unsound))


def _tried(copy: Path, guard: Guard, results: Results) -> tuple[str | None, str]:
    """The test that fails without a guard, or None and what is wrong."""
    key = digest(copy, guard.tests, guard)
    try:
        found = results.get(key) or failing_test(copy, guard)
    except StaleGuardError as error:
        return None, str(error)
    if found:
        results.add(key, found)
    return found, "SURVIVES"


def _failing_anyway(copy: Path, tests: Iterable[str], results: Results) -> list[str]:
    """Those of the tests that fail though all guards are in place.

    :raises StaleGuardError: they cannot be run.
    """
    functions = sorted({re.split(r"[\[ ]", test)[0] for test in tests})
    untried = [test for test in functions if not results.get(digest(copy, [test]))]
    if not untried:
        return []
    code, printed = run_tests(copy, untried)
    if code not in (0, _TESTS_FAILED):
        raise StaleGuardError(f"The tests do not run with all guards in place:\n{printed[-2000:]}")
    failed = {re.split(r"[\[ ]", test)[0] for test in _FAILED.findall(printed)}
    for test in set(untried) - failed:
        results.add(digest(copy, [test]), "passes")
    return sorted(failed)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="benchmarks.guards", description=__doc__)
    parser.add_argument("words", nargs="*", help="only guards whose line holds one of these words")
    parser.add_argument("--kept", type=Path, help="a file of results, used and added to")
    given = parser.parse_args()
    sys.exit(main(given.words, given.kept))
