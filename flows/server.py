"""The Prefect server that Lookalike starts itself where the user runs none."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import requests

from flows.config import Config
from storage.errors import InputError, LookalikeError
from storage.import_path import import_environment

START_TIMEOUT_S = 180
STOP_TIMEOUT_S = 20
PORTS = 100
FOLDER = ".prefect"
"""The database's folder, beside the settings file: catalogues must not share a database."""

SERVICES_OF_DEPLOYMENTS = (
    "CANCELLATION_CLEANUP",
    "CLEANUP_RECONCILER",
    "FOREMAN",
    "PAUSE_EXPIRATIONS",
    "REPOSSESSOR",
    "TRIGGERS",
)
"""Services of Prefect's that look after workers, pauses and automations, which a single night has none of:
each looks into the database every few seconds."""

DATABASE_VARIABLE = "PREFECT_SERVER_DATABASE_CONNECTION_URL"
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class ServerError(LookalikeError):
    """Prefect's server or worker did not start, or stopped by itself."""


def server_environment(config: Config, environ: Mapping[str, str]) -> dict[str, str]:
    """The settings of Prefect's server as environment variables, without those that `environ` sets.

    :raises InputError: where the database's address names a variable that is not set.
    """
    settings = {
        DATABASE_VARIABLE: _database(config, environ),
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(
            int(timedelta(days=config.prefect.keep_days).total_seconds())
        ),
    }
    return {name: value for name, value in settings.items() if name not in environ}


@contextmanager
def run_server(config: Config, *, host: str, port: int, temporary: bool = False) -> Iterator[str]:
    """Runs Prefect's server while the block runs.

    :param temporary: for one run only: without scheduler and web pages.
    :return: the address of its API.
    :raises InputError: where its database cannot be kept.
    :raises ServerError: where it does not start.
    """
    settings = server_environment(config, os.environ)
    if settings.get(DATABASE_VARIABLE, "").startswith("sqlite"):
        _make_folder(database_folder(config))
    arguments = ["server", "start", "--host", host, "--port", str(port)]
    if temporary:
        arguments += ["--no-ui", "--no-scheduler", "--no-late-runs", "--log-level", "ERROR"]
        settings |= {f"PREFECT_SERVER_SERVICES_{name}_ENABLED": "false" for name in SERVICES_OF_DEPLOYMENTS}
    with run_prefect(arguments, settings, quiet=temporary) as server:
        api = f"http://{host}:{port}/api"
        _wait_until_healthy(api, server)
        yield api


@contextmanager
def run_prefect(
    arguments: list[str], settings: Mapping[str, str], *, quiet: bool = False
) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a `prefect …` process, which ends with the block, and with this process however that ends.

    :param settings: further environment variables.
    :param quiet: whether to drop its standard output; standard error is always shown.
    """
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and fixed arguments
        [sys.executable, "-P", "-m", "flows.child", str(os.getpid()), *arguments],
        # Flows are named by module, so the processes of runs have to find our packages, too.
        env={**os.environ, **settings, **import_environment()},
        stdout=subprocess.DEVNULL if quiet else sys.stderr.fileno(),
        # In a session of its own, so that Ctrl-C reaches only this process, which stops the others in order.
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def database_folder(config: Config) -> Path:
    """The folder of the SQLite database."""
    return (config.file.parent if config.file else Path.cwd()) / FOLDER


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(
            f"Prefect's database cannot be kept in {folder} ({error.strerror}). Make that folder writable, "
            "or name a PostgreSQL database as `prefect.database`."
        ) from None


def catalogue_name(config: Config) -> str:
    """The catalogue's name: that of the settings, else the folder's; the file's if not `lookalike.toml`."""
    if config.name:
        return config.name
    file = config.file or Path.cwd() / "lookalike.toml"
    stem = file.parent.name if file.name == "lookalike.toml" else file.stem
    return re.sub(r"[^a-z0-9.-]+", "-", stem.lower()).strip(".-") or "catalogue"


def choose_port(host: str, port: int, *, exactly: bool) -> int:
    """A free port to listen on.

    :param port: the first port to try.
    :param exactly: whether to try only this port.
    :raises InputError: where it is taken.
    """
    for candidate in range(port, port + (1 if exactly else PORTS)):
        problem = _bind_error(host, candidate)
        if problem is None:
            return candidate
    raise InputError(
        f"Prefect's server cannot listen on {host}:{port} ({problem}). Give another --port, "
        "or set PREFECT_API_URL to the server that is already running."
    )


def free_port(host: str) -> int:
    """Any free port."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _bind_error(host: str, port: int) -> str | None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.strerror
    return None


def _database(config: Config, environ: Mapping[str, str]) -> str:
    if not config.prefect.database:
        return f"sqlite+aiosqlite:///{database_folder(config) / catalogue_name(config)}.db"

    def value(place: re.Match[str]) -> str:
        if not environ.get(place[1]):
            raise InputError(
                f"The environment variable {place[1]} is not set, which `prefect.database` needs. Set it."
            )
        return environ[place[1]]

    address = _VARIABLE.sub(value, config.prefect.database)
    return re.sub(r"^postgresql://", "postgresql+asyncpg://", address)


def _wait_until_healthy(api: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise ServerError(f"Prefect's server ended at once with code {server.returncode}; see above.")
        try:
            if requests.get(f"{api}/health", timeout=5).ok:
                return
        except requests.RequestException:
            pass
        time.sleep(0.2)
    raise ServerError(f"Prefect's server at {api} did not answer within {START_TIMEOUT_S} s.")
