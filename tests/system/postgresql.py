"""A PostgreSQL cluster of a test's own, from Debian's package."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.system.prefect_processes import free_port

PASSWORD = "s3cret"


@dataclass(frozen=True)
class PostgreSQL:
    """A running cluster, with the database `postgres` of the user `prefect`.

    :ivar address: host, port and database.
    """

    address: str
    folder: Path
    user: tuple[str, ...]

    def run(self, name: str, *arguments: str) -> None:
        """Runs one of its programs on the cluster."""
        [*_, binaries] = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        command = [*self.user, str(binaries / name), "-D", str(self.folder / "cluster"), *arguments]
        subprocess.run(command, cwd=self.folder, check=True, stdout=subprocess.DEVNULL)

    def restart(self) -> None:
        """Stops it, which ends all connections, and starts it again."""
        self.run("pg_ctl", "-l", str(self.folder / "log"), "-m", "fast", "-w", "restart")


def query(address: str, sql: str) -> list[str]:
    """What `psql` prints for a statement.

    :param address: of a database, as `PostgreSQL.address`.
    """
    command = ["psql", "-At", "-c", sql, f"postgresql://prefect:{PASSWORD}@{address}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


@contextmanager
def postgresql_server() -> Iterator[PostgreSQL]:
    """Serves a cluster as a user without rights: PostgreSQL refuses root."""
    user = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups") if os.getuid() == 0 else ()
    port = free_port()
    # Not below pytest's own folder, which that user must not enter.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = PostgreSQL(f"127.0.0.1:{port}/postgres", folder, user)
        (folder / "password").write_text(f"{PASSWORD}\n")
        if user:
            shutil.chown(folder, "postgres")
        server.run("initdb", "-U", "prefect", "-A", "scram-sha-256", f"--pwfile={folder / 'password'}")
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        server.run("pg_ctl", "-l", str(folder / "log"), "-o", options, "-w", "start")
        try:
            yield server
        finally:
            server.run("pg_ctl", "-m", "fast", "-w", "stop")
