"""Which of several nights works, waits or is skipped."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.turns import Run, decide_turn

START = datetime(2026, 11, 28, 3, tzinfo=UTC)


def at(minutes):
    return START + timedelta(minutes=minutes)


def run(number, due, began, ended=False):
    return Run(UUID(int=number), at(due), at(began), ended)


@pytest.mark.parametrize(
    ("me", "others", "what"),
    [
        pytest.param(run(1, 0, 0), [], "work", id="alone"),
        pytest.param(run(2, 5, 5), [run(1, 0, 0)], "wait", id="due while another works"),
        pytest.param(run(3, 7, 7), [run(1, 0, 0), run(2, 5, 5)], "skip", id="another waits already"),
        pytest.param(run(2, 2, 12), [run(1, 0, 12)], "skip", id="late, beside another late one"),
        pytest.param(run(1, 0, 12), [run(2, 2, 12)], "work", id="late, and the first of several"),
        pytest.param(
            run(2, 2, 14), [run(1, 0, 12, ended=True)], "skip", id="late, after one that did its work"
        ),
        pytest.param(run(2, 13, 14), [run(1, 0, 12, ended=True)], "work", id="due after the last one began"),
        pytest.param(
            run(3, 13, 15),
            [run(1, 0, 12, ended=True), run(2, 5, 14)],
            "work",
            id="beside one that is about to be skipped",
        ),
    ],
)
def test_a_turn(me, others, what):
    assert verdict(decide_turn(me, others)) == what


def verdict(decided):
    return "skip" if decided.skip else "wait" if decided.wait else "work"


@dataclass
class Machine:
    """Nights of one deployment, each decided as its process would decide it."""

    running: list[Run] = field(default_factory=list)
    ended: list[Run] = field(default_factory=list)
    working: dict[UUID, datetime] = field(default_factory=dict)
    skipped: list[Run] = field(default_factory=list)

    def look(self, me, now):
        decided = decide_turn(me, [other for other in (*self.running, *self.ended) if other.id != me.id])
        if verdict(decided) == "work":
            self.working.setdefault(me.id, now)
        elif verdict(decided) == "skip":
            self.running.remove(me)
            self.skipped.append(me)

    def look_all(self, order, now):
        for me in order.draw(st.permutations([run for run in self.running if run.id not in self.working])):
            self.look(me, now)

    def finish(self, now):
        for me in [run for run in self.running if run.id in self.working]:
            self.running.remove(me)
            self.ended.append(replace(me, ended=True))


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.booleans()), max_size=8), st.data())
def test_one_works_one_waits_and_no_due_night_goes_undone(arrivals, data):
    """Nights begin at any time after they were due, look in any order, and end at any time."""
    machine = Machine()
    for number, (due, delay, somebody_ends) in enumerate(
        sorted(arrivals, key=lambda arrival: arrival[0] + arrival[1])
    ):
        now = at(due + delay)
        if somebody_ends:
            machine.finish(now)
        machine.running.append(run(number + 1, due, due + delay))
        if data.draw(st.booleans()):
            machine.look_all(data, now)
            assert len([run for run in machine.running if run.id in machine.working]) <= 1
            assert len([run for run in machine.running if run.id not in machine.working]) <= 1
    now = at(100)
    while machine.running:
        machine.look_all(data, now)
        machine.finish(now)
    for missed in machine.skipped:
        assert any(began >= missed.due for began in machine.working.values()), missed
