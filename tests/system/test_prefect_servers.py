"""The Prefect servers that Lookalike starts itself: side by side, killed, and on PostgreSQL."""

import signal
import subprocess
import sys

import psutil
import pytest

from tests.system.postgresql import postgresql_server, query
from tests.system.prefect_processes import (
    deployed,
    deployment_id,
    environment,
    nights,
    processes,
    running,
    trigger,
    wait_for,
)

pytestmark = pytest.mark.slow

DOWN = '[[stores]]\nname = "down.example"\nurl = "http://127.0.0.1:9"\nstrategy = "sitemap"\n'
"""A store that nobody answers for, so that a night is soon over."""

SETTINGS = "[crawl]\nallow_private = true\nretries = 0\n[crawl.limits]\nretries = 0\n"


def install(folder, prefect=""):
    folder.mkdir(parents=True)
    file = folder / "lookalike.toml"
    file.write_text(f'data = "data"\n{SETTINGS}[prefect]\n{prefect}\n{DOWN}')
    return file


def api_of(log):
    """The address that `lookalike deploy` names."""
    words = log.read_text().split()
    return next(word.rstrip(":") for word in words if word.endswith("/api:"))


def end(home, process, number):
    """Ends a process by a signal; what it started has to end, too."""
    process.send_signal(number)
    left = psutil.wait_procs(processes(home), timeout=90)[1]
    assert not left, [child.cmdline() for child in left]


def test_two_catalogues_deployed_at_once_share_nothing_and_end_with_their_command(tmp_path):
    first, second = install(tmp_path / "first"), install(tmp_path / "second")
    one, two = environment(tmp_path / "home1"), environment(tmp_path / "home2")
    log1, log2 = tmp_path / "1.log", tmp_path / "2.log"
    with deployed(first, one, log1) as deploy1, deployed(second, two, log2) as deploy2:
        apis = api_of(log1), api_of(log2)
        assert apis[0] != apis[1]
        for api, file in zip(apis, (first, second), strict=True):
            assert deployment_id(api, "nightly")
            assert (file.parent / ".prefect" / f"{file.parent.name}.db").is_file()
        again = subprocess.run(
            [sys.executable, "-m", "lookalike.cli", "deploy", "--config", str(first)],
            env=one,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert again.returncode == 1
        assert "'deploy'" in again.stderr
        end(one["PREFECT_HOME"], deploy1, signal.SIGKILL)
        end(two["PREFECT_HOME"], deploy2, signal.SIGTERM)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["kill", "term"])
def test_a_night_that_is_ended_takes_its_temporary_server_with_it(tmp_path, number):
    environ = environment(tmp_path / "home")
    file = install(tmp_path / "shop")
    with running(["lookalike.cli", "nightly", "--config", str(file)], env=environ) as night:
        started = f"-m flows.child {night.pid} server start"
        wait_for(
            lambda: any(
                started in " ".join(process.cmdline()) for process in processes(environ["PREFECT_HOME"])
            ),
            "the server's start",
        )
        end(environ["PREFECT_HOME"], night, number)


@pytest.fixture
def postgresql():
    """The address of a PostgreSQL database."""
    with postgresql_server() as database:
        yield database.address


def test_history_is_kept_in_postgresql_for_sixty_days(tmp_path, postgresql):
    file = install(tmp_path / "shop", f'database = "postgresql://prefect:${{SECRET}}@{postgresql}"')
    environ = {
        **environment(tmp_path / "home"),
        "SECRET": "s3cret",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_LOOP_SECONDS": "2",
    }
    log = tmp_path / "deploy.log"
    with deployed(file, environ, log):
        assert "s3cret" not in log.read_text()
        flows = "select flow.name from deployment join flow on flow.id = deployment.flow_id order by 1"
        assert query(postgresql, flows) == ["maintain", "nightly"]
        api = api_of(log)
        deployment = deployment_id(api, "nightly")
        old = trigger(api, deployment, state_type="COMPLETED")
        recent = trigger(api, deployment)
        wait_for(lambda: set(ended(api, deployment)) == {old, recent}, "a night")
        for run, days in ((old, 61), (recent, 59)):
            query(
                postgresql,
                f"update flow_run set end_time = now() - interval '{days} days' where id = '{run}'",
            )
        wait_for(lambda: ended(api, deployment) == [recent], "the old night's removal", 60)
    assert not (file.parent / ".prefect").exists()


def ended(api, deployment):
    over = {"COMPLETED", "FAILED", "CANCELLED", "CRASHED"}
    return [night["id"] for night in nights(api, deployment) if night["state_type"] in over]
