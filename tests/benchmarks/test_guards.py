"""The list of guards that `benchmarks/guards.py` takes out, and that it notices what survives."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest

from benchmarks import guards
from benchmarks.guards import Guard, StaleGuardError, failing_test, read_guards

REPOSITORY = Path(__file__).parent.parent.parent
GUARDS = read_guards()


def test_there_are_guards_and_each_is_one_line() -> None:
    assert len(GUARDS) >= 45
    assert len({guard.keeps for guard in GUARDS}) == len(GUARDS)
    lines = guards.GUARDS.read_text("utf-8").splitlines()
    assert sum(line.lstrip().startswith("{ keeps = ") for line in lines) == len(GUARDS)


@pytest.mark.parametrize("guard", GUARDS, ids=[guard.keeps for guard in GUARDS])
def test_a_guard_and_its_tests_are_there(guard: Guard) -> None:
    source = (REPOSITORY / guard.file).read_text("utf-8")
    ast.parse(guard.take_out(source))  # what is left of the file can be run
    for test in guard.tests:
        file, _, function = test.partition("::")
        assert (REPOSITORY / file).exists(), test
        assert not function or f"def {function}(" in (REPOSITORY / file).read_text("utf-8"), test


@pytest.mark.parametrize("text", ["is no longer there", "limit"])
def test_a_stale_guard_is_an_error(text: str) -> None:
    with pytest.raises(StaleGuardError, match=r"bound\.py holds .* times, not once"):
        Guard("too much", "bound.py", text, "", ()).take_out("limit = 3\nlimit += 1\n")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A repository of one guard and two tests, of which one looks at the guard."""
    copy = tmp_path / "repository"
    copy.mkdir()
    (copy / "bound.py").write_text("def cut(text):\n    return text[:3]\n")
    tests = "from bound import cut\ndef test_cut():\n    assert cut('abcd') == 'abc'\n"
    (copy / "test_bound.py").write_text(f"{tests}def test_any():\n    assert cut('ab')\n")
    return copy


def test_the_test_that_fails_without_a_guard_is_named_and_the_guard_is_put_back(copy: Path) -> None:
    tests = ("test_bound.py",)
    guard = Guard("long texts", "bound.py", "[:3]", "", tests)
    assert failing_test(copy, guard) == "test_bound.py::test_cut"
    assert "[:3]" in (copy / "bound.py").read_text()
    assert (
        failing_test(copy, Guard("long texts", "bound.py", "[:3]", "", ("test_bound.py::test_any",))) is None
    )
    with pytest.raises(StaleGuardError, match="do not run without it"):
        failing_test(copy, Guard("long texts", "bound.py", "[:3]", "(", tests))


def test_an_ended_run_goes_on_and_a_test_that_always_fails_says_nothing(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    guard = Guard("long texts", "bound.py", "[:3]", "", ("test_bound.py",))
    monkeypatch.setattr(guards, "read_guards", lambda: [guard])
    monkeypatch.setattr(guards, "copy_repository", lambda target: shutil.copytree(copy, target))
    kept = tmp_path / "kept.jsonl"
    assert guards.main([], kept) == 0
    first = kept.read_text()
    monkeypatch.setattr(guards, "run_tests", lambda *_: pytest.fail("they were run before"))
    assert guards.main([], kept) == 0
    assert kept.read_text() == first
    monkeypatch.undo()
    (copy / "test_bound.py").write_text("def test_cut():\n    assert False\n")
    monkeypatch.setattr(guards, "read_guards", lambda: [guard])
    monkeypatch.setattr(guards, "copy_repository", lambda target: shutil.copytree(copy, target))
    capsys.readouterr()
    assert guards.main([], kept) == 1  # the tests are others now
    assert "test_bound.py::test_cut fails with all guards in place" in capsys.readouterr().out
