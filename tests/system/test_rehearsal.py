"""docs/operating.md, rehearsed: deploy, alerts, a killed night, a restarted PostgreSQL, a restore."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from lookalike.demo.catalogue import catalogue
from lookalike.demo.storefront import serve
from storage import generations, tables
from storage.root import Root
from tests import catalogues
from tests.flows.test_alerts import mail as mail
from tests.flows.test_alerts import web as web
from tests.system.postgresql import PASSWORD, postgresql_server, query
from tests.system.prefect_processes import deployed, deployment_id, environment, nights, trigger, wait_for
from tests.system.test_operating import Installation, blocks
from tests.system.test_prefect_nights import ENDED, run_of
from tests.system.test_prefect_servers import api_of

pytestmark = pytest.mark.slow  # Prefect's server, two nights and a minute that comes when it comes

PRODUCTS = 8
SETTINGS = """\
data = "data"
[crawl]
allow_private = true
throttle = false
retries = 0
serve_for = 36500
[crawl.limits]
retries = 0
[embed]
weights = "untrained"
[schedule]
cron = "{at.minute} {at.hour} * * *"
[prefect]
database = "postgresql://prefect:${{SECRET}}@{database}"
[alerts]
webhook = "http://{web}/${{HOOK}}"
smtp = "smtp://{mail}"
mail_from = "lookalike@shop.example"
mail_to = ["operator@shop.example"]
[[stores]]
name = "slow.example"
url = "{url}"
strategy = "sitemap"
[[stores]]
name = "down.example"
url = "http://127.0.0.1:9"
strategy = "sitemap"
"""


def install(folder: Path, **values: Any) -> Root:
    """An installation on a bare machine, with a small encoder in place of the bundled one."""
    folder.mkdir()
    (folder / "lookalike.toml").write_text(SETTINGS.format(**values))
    root = Root.open(folder / "data", create=True)
    catalogues.write_encoder(root, weights="untrained")
    return root


def test_an_installation_is_operated_as_the_page_says(tmp_path: Path, web: Any, mail: Any) -> None:
    mailbox, mail_server = mail
    folder, log = tmp_path / "installed", tmp_path / "deploy.log"
    environ = {**environment(tmp_path / "prefect"), "SECRET": PASSWORD, "HOOK": "hook"}
    scheduled_for = datetime.now(UTC) + timedelta(minutes=4)
    with serve(catalogue(PRODUCTS), "schema", crawl_delay=2) as front, postgresql_server() as database:
        root = install(
            folder,
            at=scheduled_for,
            database=database.address,
            web=web.host,
            mail=mail_server,
            url=front.url,
        )
        with deployed(folder / "lookalike.toml", environ, log) as deploy:
            api = api_of(log)
            deployment = deployment_id(api, "nightly")
            by_hand = trigger(api, deployment)
            kill_the_night(deploy.pid, by_hand, root)
            wait_for(lambda: state(api, by_hand)["state_type"] == "CRASHED", "the crash's notice", 240)
            scheduled = wait_for(lambda: running_besides(api, by_hand), "the scheduled night", 300)
            wait_for(lambda: crawling(root), "its crawl")
            database.restart()
            wait_for(lambda: state(api, scheduled)["state_type"] in ENDED, "its end", 300)
            assert state(api, scheduled)["auto_scheduled"]
        check_night(state_after(database.address, scheduled), root)
    told = json.loads(web.asked[-1][1])
    assert web.asked[-1][0] == "/hook"
    [reason] = told["reasons"]
    assert "down.example" in reason
    to, message = mailbox.mails[-1]
    assert to == ["operator@shop.example"]
    assert "down.example" in message.get_payload()
    restore(folder, root)


def kill_the_night(deploy: int, run: str, root: Root) -> None:
    """Kills the process of a night while it crawls."""
    wait_for(lambda: crawling(root), "the crawl")
    (engine,) = [
        process
        for process in psutil.Process(deploy).children(recursive=True)
        if "prefect.engine" in process.cmdline() and run_of(process) == run
    ]
    engine.kill()
    wait_for(lambda: not crawling(root), "the end of its crawl", 120)


def crawling(root: Root) -> bool:
    """Whether some process crawls into a data root."""
    wanted = f"data={root}"
    return any(wanted in (process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"]))


def state(api: str, run: str) -> dict[str, Any]:
    (row,) = [row for row in nights(api) if row["id"] == run] or [{"state_type": "SCHEDULED"}]
    return row


def running_besides(api: str, run: str) -> str:
    """Another night that is running; empty if none is."""
    return next((row["id"] for row in nights(api) if row["id"] != run and row["state_name"] == "Running"), "")


def state_after(database: str, run: str) -> str:
    """The state of a run in the database itself."""
    (name,) = query(database, f"select state_name from flow_run where id = '{run}'")
    return name


def check_night(state_name: str, root: Root) -> None:
    """The night published what it read, and failed for the store that is down only."""
    assert state_name == "Failed"
    assert tables.read(root, "products").num_rows == PRODUCTS
    name = generations.current_name(root)
    assert name is not None
    assert generations.read_manifest(root, name).counts.products == PRODUCTS


def restore(folder: Path, root: Root) -> None:
    """Backs up and restores by the page's own commands."""
    backup, restoring = blocks("Backup and restore")
    installation = Installation(folder)
    before = installation.content()
    done = installation.run(backup)
    assert (done.returncode, done.stderr) == (0, "")
    shutil.rmtree(root.path)
    done = installation.run(restoring)
    assert done.returncode == 0, done.stderr
    assert installation.content() == before
