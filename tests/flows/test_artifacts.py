"""What Prefect shows of a night cannot fail it: artifacts that break are told, and the night is judged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flows import alerts, flows, night
from flows.config import Config
from flows.night_outcome import Night
from storage.root import Root
from tests.flows.test_night import NOW, STORES

TABLES = {"stores": [{"store": "a"}], "coverage": [], "quarantine": [], "index": []}
GOOD = Night(NOW, NOW, (), None, None, ())
BAD = Night(NOW, NOW, (), None, None, ("'a' is down.",))


def failing_for(name: str, made: list[str]) -> Callable[..., None]:
    """Notes the artifacts that are made, but for one, which Prefect refuses."""

    def make(key: str, **_: object) -> None:
        if key == name:
            raise ConnectionError("Prefect's server is away")
        made.append(key)

    return make


@pytest.mark.parametrize("done", [GOOD, BAD])
@pytest.mark.parametrize("broken", ["", "nightly", *TABLES, "night_tables"])
def test_an_artifact_that_breaks_costs_neither_the_night_nor_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str, done: Night
) -> None:
    made: list[str] = []
    sent: list[alerts.Alert] = []
    for artifact in ("create_markdown_artifact", "create_table_artifact"):
        monkeypatch.setattr(flows, artifact, failing_for(broken, made))

    def tables(*_: object) -> dict[str, list[dict[str, str]]]:
        if broken == "night_tables":
            raise ConnectionError("Prefect's server is away")
        return TABLES

    monkeypatch.setattr(flows.artifacts, "night_tables", tables)
    monkeypatch.setattr(night, "run_nightly", lambda *_, **__: done)
    monkeypatch.setattr(alerts, "send", lambda _, alert, __: sent.append(alert) or [])
    Root.open(tmp_path / "data", create=True)
    settings = Config(file=None, data=tmp_path / "data", stores=STORES)
    if done.ok:
        judged = flows._nightly(settings)
    else:
        with pytest.raises(flows.NightFailedError) as caught:
            flows._nightly(settings)
        judged = caught.value.night
    assert judged.failures == done.failures
    expected = {"nightly"} if broken == "night_tables" else {"nightly", *TABLES} - {broken}
    assert set(made) == expected
    assert len(judged.untold) == len(sent) == bool(broken)
    if broken:
        assert "ConnectionError: Prefect's server is away" in judged.untold[0]
        assert sent[0].reasons == judged.untold
