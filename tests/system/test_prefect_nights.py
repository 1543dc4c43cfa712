"""Nights of several deployments on one Prefect server: overlaps, missed nights, kills, neighbours."""

import signal
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psutil
import pytest
import requests

from flows.config import load_config
from lookalike.demo.catalogue import catalogue
from lookalike.demo.storefront import serve
from storage.errors import InputError
from storage.root import Root
from tests.system.prefect_processes import (
    deployed,
    deployment_id,
    environment,
    free_port,
    nights,
    processes,
    read,
    server,
    trigger,
    wait_for,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def environ(tmp_path_factory):
    return environment(tmp_path_factory.mktemp("prefect"))


@pytest.fixture(scope="module")
def api(environ):
    """One Prefect server for all of these tests."""
    with server(dict(environ)) as address:
        yield address


@pytest.fixture
def own(environ, api, tmp_path):
    """An environment whose processes are this test's, with the shared server."""
    return {**environ, "PREFECT_HOME": str(tmp_path / "home"), "PREFECT_API_URL": api}


@pytest.fixture
def client(environ, api, monkeypatch):
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: api}), get_client(sync_client=True) as opened:
        yield opened


@pytest.fixture(scope="module")
def slow_store():
    """A store that takes minutes."""
    with serve(catalogue(100), "schema", crawl_delay=5) as front:
        yield front.url


def install(folder, url, head=""):
    folder.mkdir(parents=True)
    file = folder / "lookalike.toml"
    file.write_text(
        f'{head}\ndata = "data"\n[crawl]\nallow_private = true\nthrottle = false\nretries = 0\n'
        "[crawl.limits]\nretries = 0\n"
        f'[[stores]]\nname = "slow.example"\nurl = "{url}"\nstrategy = "sitemap"\n'
    )
    return file


def states(api, deployment):
    return [night["state_name"] for night in nights(api, deployment)]


def run_of(process):
    """The id of the run that a process works on."""
    return process.environ().get("PREFECT__FLOW_RUN_ID")


def all_free(root):
    """The root's locks, all of which could be taken."""
    for lock in root.files.locks():
        with root.lock(lock):
            pass
    return root.files.locks()


def test_one_night_works_one_waits_the_rest_are_skipped_and_a_killed_one_makes_way(
    own, api, tmp_path, slow_store
):
    file = install(tmp_path / "overlaps", slow_store, 'name = "overlaps"')
    with deployed(file, own, tmp_path / "deploy.log") as deploy:
        deployment = deployment_id(api, "overlaps")
        first = trigger(api, deployment)
        wait_for(lambda: states(api, deployment) == ["Running"], "the first night")
        wait_for(lambda: [*(file.parent / "data" / "locks").glob("nightly*")], "its lock")
        trigger(api, deployment)
        wait_for(lambda: states(api, deployment) == ["Running", "Waiting"], "the second night's waiting")
        trigger(api, deployment)
        wait_for(lambda: states(api, deployment) == ["Running", "Waiting", "Skipped"], "the third's skipping")
        assert "waits already" in nights(api, deployment)[2]["state"]["message"]
        assert nights(api, deployment)[2]["state_type"] == "CANCELLED"

        (engine,) = [
            process
            for process in psutil.Process(deploy.pid).children(recursive=True)
            if "prefect.engine" in process.cmdline() and run_of(process) == first
        ]
        engine.kill()
        wait_for(
            lambda: states(api, deployment) == ["Crashed", "Running", "Skipped"], "the waiting night's turn"
        )

        deploy.send_signal(signal.SIGTERM)
        assert deploy.wait(90) == 130
    assert not psutil.wait_procs(processes(own["PREFECT_HOME"]), timeout=5)[1]
    assert {"nightly", "crawl-slow.example"} >= set(all_free(Root.open(file.parent / "data")))
    assert states(api, deployment) == ["Crashed", "Crashed", "Skipped"]
    stages = read(api, "flow_runs", flow_runs={"deployment_id": {"is_null_": True}})
    assert {stage["state_type"] for stage in stages} <= {"CRASHED", "FAILED"}


def test_of_the_nights_that_were_missed_one_runs(own, api, tmp_path):
    """The machine was down while four nights were due, one more than a worker starts at once."""
    file = install(tmp_path / "missed", f"http://127.0.0.1:{free_port()}", 'name = "missed"')
    register(file, api)
    deployment = deployment_id(api, "missed")
    for minutes in range(8, 0, -2):
        trigger(api, deployment, (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat())
    with deployed(file, own, tmp_path / "deploy.log"):
        wait_for(lambda: len(nights(api, deployment)) == 4, "the missed nights' end")
        wait_for(lambda: {n["state_type"] for n in nights(api, deployment)} <= ENDED, "their end")
    seen = nights(api, deployment)
    # The store is down, so the night that ran has failed.
    assert sorted(night["state_name"] for night in seen) == ["Failed", *["Skipped"] * 3]
    sentences = {night["state"]["message"] for night in seen if night["state_name"] == "Skipped"}
    assert all("does the work of this one, due at" in sentence for sentence in sentences)


ENDED = {"COMPLETED", "FAILED", "CANCELLED", "CRASHED"}


def register(file, api):
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows.deployment import register

    with temporary_settings({PREFECT_API_URL: api}):
        return register(load_config(file, environ={}))


def test_a_night_whose_worker_is_killed_ends_with_it(own, client, api, tmp_path, slow_store):
    from flows.flows import FLOWS
    from flows.heartbeats import watch_heartbeats

    file = install(tmp_path / "orphans", slow_store, 'name = "orphans"')
    with deployed(file, own, tmp_path / "deploy.log") as deploy:
        watch_heartbeats(client, [flow.name for flow in FLOWS], silence=timedelta(seconds=60))  # not 120
        deployment = deployment_id(api, "orphans")
        trigger(api, deployment)
        wait_for(lambda: len(processes(own["PREFECT_HOME"])) >= 4, "the crawl")
        deploy.kill()
        assert not psutil.wait_procs(processes(own["PREFECT_HOME"]), timeout=90)[1]
    all_free(Root.open(file.parent / "data"))
    wait_for(lambda: set(states(api, deployment)) == {"Crashed"}, "the crash's notice", 240)


def test_runs_that_died_with_the_machine_are_marked_crashed(client, api, tmp_path):
    from prefect.states import Pending, Running

    from flows.heartbeats import crash_silent_runs

    file = install(tmp_path / "dead", "http://127.0.0.1:9", 'name = "dead"')
    _, (deployment, _) = register(file, api)
    running, pending, alive = (
        client.create_flow_run_from_deployment(deployment, state=state)
        for state in (Running(), Pending(), Running())
    )
    assert crash_silent_runs(client, deployment) == 0
    silence = timedelta(seconds=30)

    def look():
        send_heartbeat(api, alive.id)
        crash_silent_runs(client, deployment, silence=silence, start=timedelta(seconds=1))
        return client.read_flow_run(running.id).state_name != "Running"

    wait_for(look, "the crash's notice")
    names = [client.read_flow_run(run.id).state_name for run in (running, pending, alive)]
    assert names == ["Crashed", "Crashed", "Running"]


def send_heartbeat(api, run):
    from flows.heartbeats import HEARTBEAT

    event = {
        "event": HEARTBEAT,
        "id": str(uuid4()),
        "occurred": datetime.now(UTC).isoformat(),
        "resource": {"prefect.resource.id": f"prefect.flow-run.{run}"},
    }
    requests.post(f"{api}/events", json=[event], timeout=60).raise_for_status()


def test_catalogues_on_one_server_leave_each_other_alone(client, api, tmp_path):
    def names():
        return {
            (row["name"], row["work_pool_name"], row["parameters"]["config"])
            for row in read(api, "deployments")
            if str(tmp_path) in row["parameters"]["config"]
        }

    first = install(tmp_path / "first", "http://127.0.0.1:9")
    second = install(tmp_path / "Second Shop", "http://127.0.0.1:9")
    place, _ = register(first, api)
    assert (place.full_name, place.pool) == ("nightly/nightly", "local")
    place, _ = register(second, api)
    assert (place.full_name, place.pool) == ("nightly/second-shop", "second-shop")
    assert register(first, api)[0].name == "nightly"
    both = {("nightly", "local", str(first)), ("second-shop", "second-shop", str(second))}
    assert names() == both

    namesake = install(tmp_path / "elsewhere" / "second-shop", "http://127.0.0.1:9")
    with pytest.raises(InputError, match=f"nightly/second-shop.*{second}.*`name` of its own.*{namesake}"):
        register(namesake, api)
    assert names() == both

    # With another name, the catalogue leaves its old place.
    first.write_text('name = "third"\n' + first.read_text())
    assert register(first, api)[0].full_name == "nightly/third"
    assert names() == {("third", "third", str(first)), ("second-shop", "second-shop", str(second))}


def test_deploying_again_does_not_renew_the_automation(client, api, tmp_path):
    """Renewed, it forgets the runs whose heartbeat it has heard."""
    file = install(tmp_path / "again", "http://127.0.0.1:9", 'name = "again"')
    register(file, api)
    (before,) = read(api, "automations")
    register(file, api)
    assert read(api, "automations") == [before]
