"""docs/operating.md: its units, containers, backup and runbook."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
import yaml

from embedding.index.build import build_index
from flows.config import load_config
from flows.maintain_settings import MaintainSettings
from lookalike.cli import app
from storage import generations, images, tables
from storage.root import Root
from storage.schemas import TABLES
from storage.verdicts import Failure
from tests import catalogues
from tests.docs.pages import REPO

PAGE = (REPO / "docs/operating.md").read_text(encoding="utf-8")
DEPLOY = REPO / "deploy"
UNITS = sorted(path for path in DEPLOY.iterdir() if path.suffix in (".service", ".timer"))
COMMANDS = typer.main.get_command(app)
BIN = Path(sys.executable).parent


def check_command(arguments: list[str]) -> None:
    """A command of ours exists, with the options that it is given."""
    name, *options = arguments
    command = COMMANDS.commands[name]  # type: ignore[attr-defined]
    known = {
        option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
    }
    assert {option for option in options if option.startswith("--")} <= known, arguments


def blocks(section: str) -> list[str]:
    """The shell commands of a section."""
    text = PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    return re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def rows(section: str) -> Iterator[list[str]]:
    """The cells of a section's table, without its head."""
    text = PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    for line in lines[1:]:
        yield [cell.strip() for cell in line.strip("|").split(" | ")]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_is_sound_and_starts_a_command_that_exists(unit: Path, tmp_path: Path) -> None:
    parsed = configparser.ConfigParser(strict=False, interpolation=None)
    parsed.optionxform = str  # type: ignore[assignment]
    parsed.read(unit)
    if unit.suffix == ".service":
        binary, *arguments = shlex.split(parsed["Service"]["ExecStart"])
        assert Path(binary).name == "lookalike"
        check_command(arguments)
    if not (analyze := shutil.which("systemd-analyze")):
        return
    for each in UNITS:  # on a machine where it is not installed
        text = each.read_text().replace("/srv/lookalike/.venv/bin", str(BIN))
        (tmp_path / each.name).write_text(text.replace("/srv/lookalike", str(tmp_path)))
    checked = subprocess.run(
        [analyze, "verify", "--man=no", str(tmp_path / unit.name)],
        capture_output=True,
        text=True,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
    )
    own = [line for line in checked.stderr.splitlines() if "lookalike" in line]
    assert (checked.returncode, own) == (0, []), checked.stderr


def test_the_page_installs_all_units() -> None:
    (install, _) = blocks("Install")
    assert "deploy/*.service deploy/*.timer" in install
    named = set(re.findall(r"lookalike[\w-]*\.(?:service|timer)", install))
    assert named == {unit.name for unit in UNITS} - {"lookalike-check.service"}  # which its timer starts


def test_the_image_holds_all_packages_and_their_requirements() -> None:
    project = tomllib.loads((REPO / "pyproject.toml").read_text())
    text = (DEPLOY / "Containerfile").read_text().replace("\\\n", " ")
    steps = [line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#")]
    assert {name for name, _ in steps} <= {
        *("FROM", "RUN", "WORKDIR", "COPY", "USER", "VOLUME", "ENTRYPOINT", "CMD")
    }
    copied = [source for name, rest in steps if name == "COPY" for source in rest.split()[:-1]]
    assert all((REPO / source).exists() for source in copied)
    packages = project["tool"]["setuptools"]["packages"]["find"]["include"]
    assert {package.rstrip("*") for package in packages} <= set(copied)
    (extras,) = re.findall(r"'\.\[(.*?)\]'", text)
    assert set(extras.split(",")) <= set(project["project"]["optional-dependencies"])
    found = dict(steps)
    assert json.loads(found["ENTRYPOINT"]) == ["lookalike"]
    check_command(json.loads(found["CMD"]))
    assert found["USER"] != "root"


def test_the_services_of_the_compose_file_fit_together() -> None:
    composed = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    services = composed["services"]
    assert set(services) == {"database", "server", "worker"}
    check_command(services["worker"]["command"])
    api = services["worker"]["environment"]["PREFECT_API_URL"]
    assert api == "http://server:4200/api"
    database = services["server"]["environment"]["PREFECT_SERVER_DATABASE_CONNECTION_URL"]
    assert "@database/prefect" in database
    for name, service in services.items():
        assert set(service.get("depends_on", {})) <= set(services), name
        assert all(services[other].get("healthcheck") for other in service.get("depends_on", {}))
    assert all(port.startswith("127.0.0.1:") for port in services["server"]["ports"])
    engine = shutil.which("docker")
    if engine and subprocess.run([engine, "compose", "version"], capture_output=True).returncode == 0:
        checked = subprocess.run(
            [engine, "compose", "--file", str(DEPLOY / "compose.yaml"), "config", "--quiet"],
            capture_output=True,
            text=True,
            env={**os.environ, "POSTGRES_PASSWORD": "secret"},
        )
        assert checked.returncode == 0, checked.stderr


class Installation:
    """An installed catalogue, on which the page's commands are run as they stand there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def small(cls, folder: Path) -> Installation:
        """One with a published generation."""
        made = cls(folder)
        folder.mkdir()
        (folder / "lookalike.toml").write_text(
            'data = "data"\n[crawl]\nserve_for = 36500\n[[stores]]\nname = "a.example"\nurl = "https://a.example"\n'
        )
        root = Root.open(folder / "data", create=True)
        data = [catalogues.jpeg((5 * at, 200 - 5 * at, 90)) for at in range(20)]
        photos = {images.image_id(photo): photo for photo in data}
        products = [catalogues.product("a.example", f"{at}", [photo]) for at, photo in enumerate(photos)]
        vectors = dict(zip(photos, catalogues.clustered(len(photos)), strict=True))
        catalogues.write(root, products, photos, vectors)
        catalogues.write_encoder(root)
        build_index(root, catalogues.MODEL)
        return made

    @property
    def root(self) -> Root:
        """Its data root."""
        return Root.open(self.folder / "data")

    def run(self, commands: str) -> subprocess.CompletedProcess[str]:
        """Runs commands where its folder stands for /srv/lookalike; no service is stopped or started."""
        script = 'systemctl() { echo systemctl "$@"; }\n' + commands.replace(
            "/srv/lookalike", str(self.folder)
        )
        path = os.pathsep.join([str(BIN), os.environ["PATH"]])
        return subprocess.run(
            ["bash", "-e", "-c", script],
            cwd=self.folder.parent,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
        )

    def content(self) -> dict[str, object]:
        """All rows, and what is published."""
        root = self.root
        found: dict[str, object] = {
            table: sorted(map(repr, tables.read(root, table).to_pylist())) for table in TABLES
        }
        folder, facts = generations.open_current(root)
        return found | {"published": folder.name, "facts": facts}


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation.small(tmp_path / "installed")


def test_a_backup_is_restored_whole(installation: Installation) -> None:
    backup, restore = blocks("Backup and restore")
    before = installation.content()
    done = installation.run(backup)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split("\n")[:2] == [
        "systemctl stop lookalike.service",
        "systemctl start lookalike.service",
    ]
    tables.delete(installation.root, "products", "true")
    shutil.rmtree(installation.root.index)
    (installation.folder / "lookalike.toml").unlink()
    done = installation.run(restore)
    assert done.returncode == 0, done.stderr
    assert installation.content() == before
    assert load_config(installation.folder / "lookalike.toml").choose_stores()


def test_a_backup_that_is_damaged_is_noticed(installation: Installation) -> None:
    backup, restore = blocks("Backup and restore")
    for file in installation.root.table_path("images").rglob("*.parquet"):
        data = bytearray(file.read_bytes())
        data[len(data) // 3] ^= 255
        file.write_bytes(data)
    assert installation.run(backup).returncode == 0
    done = installation.run(restore)
    assert done.returncode == 1
    assert "tables/images" in done.stderr


def test_the_runbook_has_each_failure_with_its_advice() -> None:
    listed = {failure: advice for failure, _, advice in rows("Runbook: a store failed")}
    assert listed == {f"`{failure}`": failure.advice for failure in Failure}


def test_the_runbook_quotes_sentences_that_the_code_says() -> None:
    code = "\n".join(
        path.read_text()
        for room in ("storage", "scrapers", "embedding", "flows", "lookalike")
        for path in (REPO / room).rglob("*.py")
    )
    code = re.sub(r'"\s*\n\s*f?"', "", code)  # strings over several lines
    quoted = [
        sentence
        for cell, _ in rows("Runbook: the night failed")
        for sentence in re.findall(r"`([^`]+)`", cell)
        if " " in sentence
    ]
    assert len(quoted) >= 12
    for sentence in quoted:
        for part in re.split(r"…|'nightly'", sentence):
            assert part.strip(" ().:'") in code, sentence


def test_the_page_lists_the_settings_of_upkeep_with_their_defaults() -> None:
    listed = {cells[0].strip("`"): int(cells[-1]) for cells in rows("Upkeep")}
    for name, field in MaintainSettings.model_fields.items():
        if name != "cron":
            assert listed.pop(f"maintain.{name}") == field.default, name
    config = load_config(REPO / "lookalike.example.toml")
    assert listed == {"prefect.keep_days": config.prefect.keep_days, "logs.keep": config.logs.keep}
