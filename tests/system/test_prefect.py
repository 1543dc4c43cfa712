"""The night on a real Prefect server with a real worker."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import requests

from flows.child import kill
from storage import generations
from storage.root import Root
from tests.flows.test_alerts import Receiver
from tests.system.prefect_processes import (
    REPO,
    environment,
    free_port,
    prefect,
    processes,
    read,
    running,
    wait_for,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def environ(tmp_path):
    return environment(tmp_path / "prefect")


@pytest.fixture
def folder(tmp_path, install, shops):
    """A folder with settings for three small demo stores, as a user has it."""
    return install(tmp_path / "installed", shops).parent


def scheduled_runs(api, flow):
    scheduled = {"state": {"type": {"any_": ["SCHEDULED"]}}}
    return read(api, "flow_runs", flow_runs=scheduled, flows={"name": {"any_": [flow]}})


def artifacts(api, key="nightly"):
    return requests.post(
        f"{api}/artifacts/latest/filter", json={"artifacts": {"key": {"any_": [key]}}}, timeout=60
    ).json()


def readme_block(start):
    """The shell commands of the README's block that begins with this line."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", (REPO / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    (block,) = [block for block in blocks if block.startswith(start)]
    return block


def test_the_readmes_server_of_your_own_runs_the_night_on_schedule(
    environ, folder, shops, lookalike, tmp_path
):
    settings = (folder / "lookalike.toml").read_text()
    (folder / "lookalike.toml").unlink()
    assert lookalike("init", cwd=folder).returncode == 0
    schedule = '[schedule]\ncron = "30 4 * * *"\ntimezone = "Asia/Tokyo"\n'
    (folder / "lookalike.toml").write_text(settings + schedule)

    # The port that the block names may be in use where the tests run; everything else is word for word.
    port = free_port()
    block = readme_block("export PREFECT_API_URL").replace("4200", str(port))
    api = f"http://127.0.0.1:{port}/api"
    environ |= {
        "PREFECT_SERVER_API_PORT": str(port),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }
    how = {"cwd": folder, "env": environ}
    log = tmp_path / "block.log"
    with log.open("wb") as output:
        shell = subprocess.Popen(
            ["bash", "-e", "-c", block], stdout=output, stderr=output, start_new_session=True, **how
        )
    try:
        assert shell.wait(480) == 0, log.read_text()
        root = Root.open(folder / "data")
        published = generations.current_name(root)
        assert published
        summary = artifacts(api)[0]["data"]
        assert published in summary
        assert all(shop.name in summary for shop in shops)
        for key in ("stores", "coverage", "index"):
            rows = json.loads(artifacts(api, key)[0]["data"])
            assert len(rows) == (1 if key == "index" else len(shops)), key
        for flow, time in (("nightly", "19:30:00"), ("maintain", "03:00:00")):
            runs = wait_for(lambda flow=flow: scheduled_runs(api, flow), "a scheduled run", 90)
            assert all(run["auto_scheduled"] for run in runs)
            assert {run["expected_start_time"][11:19] for run in runs} == {time}

        shops[0].front.stop()
        environ["PREFECT_API_URL"] = api
        again = prefect(*block.splitlines()[-1].partition("#")[0].split()[1:], **how)
        assert again.returncode == 1, again.stdout + again.stderr
        assert generations.current_name(root) == published
        assert "## Failed" in artifacts(api)[0]["data"]
    finally:
        os.killpg(shell.pid, signal.SIGINT)
        psutil.wait_procs(processes(environ["PREFECT_HOME"]), timeout=30)
        kill(processes(environ["PREFECT_HOME"]))


def test_lookalike_nightly_runs_on_prefects_temporary_server(environ, folder, shops, lookalike, stored):
    first = lookalike("nightly", "--json", cwd=folder, **environ)
    assert first.returncode == 0, first.stderr
    night = json.loads(first.stdout)
    assert [crawl["store"] for crawl in night["crawls"]] == [shop.name for shop in shops]
    for flow in ("nightly", "crawl-store", "embed-images", "build-index"):
        assert f"for flow '{flow}'" in first.stderr
    root = Root.open(folder / "data")
    before = stored(root)
    assert before["CURRENT"] == night["index"]["generation"]

    shops[0].front.stop()
    with Receiver().running() as operator, (folder / "lookalike.toml").open("a") as settings:
        settings.write(f'[alerts]\nwebhook = "http://{operator.host}/hook"\n')
        settings.flush()
        second = lookalike("nightly", cwd=folder, **environ)
    [(path, alert)] = operator.asked
    assert (path, shops[0].name in json.loads(alert)["text"]) == ("/hook", True)
    assert second.returncode == 1
    (sentence,) = [line for line in second.stderr.splitlines() if line.startswith("lookalike: ")]
    assert shops[0].name in sentence
    assert "Traceback" not in second.stderr
    assert stored(root) == before


def test_lookalike_deploy_serves_the_night_until_it_is_stopped(environ, folder, tmp_path):
    port = free_port()
    api = f"http://127.0.0.1:{port}/api"
    log = tmp_path / "deploy.log"
    command = [
        "lookalike.cli",
        "deploy",
        "--config",
        str(folder / "lookalike.toml"),
        "--port",
        str(port),
    ]
    with log.open("wb") as stderr, running(command, cwd="/", env=environ, stderr=stderr) as deploy:
        wait_for(lambda: b"Ctrl-C" in log.read_bytes() or deploy.poll() is not None, "the deployment")
        assert deploy.poll() is None, log.read_text()
        assert wait_for(lambda: scheduled_runs(api, "nightly"), "a scheduled run", 90)
        for deployment in ("nightly/nightly", "maintain/nightly"):
            run = prefect("deployment", "run", deployment, "--watch", env={**environ, "PREFECT_API_URL": api})
            assert run.returncode == 0, run.stdout + run.stderr + log.read_text()
        assert generations.current_name(Root.open(folder / "data"))
        assert "| offers |" in artifacts(api, "maintain")[0]["data"]
        deploy.send_signal(signal.SIGINT)
        assert deploy.wait(60) == 130, log.read_text()
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{api}/health", timeout=5)
    # Prefect's server may log troubles of its own while it stops; ours would name our files.
    assert "lookalike/cli.py" not in log.read_text()
