"""Many simulated nights over three stores, with failures of twenty kinds, against an oracle.

    python benchmarks/soak.py OUT [--nights 90] [--products 300] [--seed 0] [--json]

Each night is a process of its own, `lookalike nightly --no-prefect`, whose clock libfaketime (Debian's
package `faketime`) puts a day further. Before it, 2 % of the products change; on every third night something
goes wrong (`soak_faults.py`); every seventh ends with `lookalike maintain`. What is quarantined is rejected
the next day. After each night the published generation is opened, and each product is compared with what the
store sold when it was last read. OUT gets `nights.json`, `soak.png` and the nights' logs. Exits 1 if anything
was lost, doubled or wrong, a failure was not named, or more than one alarm was false.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import processor_time
import tomlkit
from small_encoder import write_small_encoder
from soak_faults import FAULTS, SILENT, Fault
from soak_report import NightRecord, line, plot, summarise
from soak_stores import DIALECTS, Sold, Stores, compare

import lookalike
from embedding.encoder.convert import specify
from embedding.encoder.weights import Weights, write_weights
from storage import tables
from storage.errors import LookalikeError
from storage.root import Root
from storage.verdicts import CrawlStatus

_CHANGED = 0.02
_EVERY = 3
_MAINTAIN_EVERY = 7
_FAKETIME = "*/faketime/libfaketime.so.1"
_SMALL_DISK = 48 * 1024
"""Bytes that a file may have on the night of the full disk."""
_LIMITS = {"timeout_s": 3.0, "retries": 1, "patience_s": 3.0, "retry_after_s": 1.0}


class Soak:
    """The nights.

    :param out: an empty folder.
    """

    def __init__(self, out: Path, stores: Stores, random: Random, silent: str) -> None:
        self.out, self.stores, self._random, self._silent = out, stores, random, silent
        self._clock = next(map(str, Path("/usr/lib").glob(_FAKETIME)), "")
        if not self._clock:
            raise SystemExit("The nights need another clock: run `apt-get install faketime`.")
        self.root = Root.open(out / "data", create=True)
        weights = Weights("soak", {"layer/kernel": np.ones(3, np.float32)}, 16)
        write_weights(out / "soak.npz", weights, int8=False)
        write_small_encoder(self.root, specify(weights))

    def run(self, night: int, fault: Fault | None, store: str) -> NightRecord:
        """Runs one night, and compares what is published."""
        now = datetime.now(UTC) + timedelta(days=night)
        self.stores.change(_CHANGED, now)
        state = self.stores.sold[store]
        began, used = time.monotonic(), processor_time.of_children()
        with ExitStack() as trouble:
            if fault:
                self._begin(fault, state, now, trouble)
            self._write_settings({store: fault.url} if fault and fault.url else {})
            report, words, peak = self._night(night, fault)
        seconds, processor = time.monotonic() - began, processor_time.of_children() - used
        if fault and fault.damage and report.get("failures"):
            words += self._command("repair", night)
            self._write_settings({})
            report, again, peak = self._night(night, None)
            words += again
        statuses = {crawl["store"]: crawl["status"] for crawl in report.get("crawls", ())}
        for name, sold in self.stores.sold.items():
            if statuses.get(name) in (CrawlStatus.COMPLETE, CrawlStatus.PARTIAL):
                sold.accept(
                    in_trouble=statuses[name] == CrawlStatus.PARTIAL or _in_trouble(fault, name == store)
                )
        record = NightRecord(
            night=night,
            fault=fault.name if fault else "",
            store=store if fault and not _of_machine(fault) else "",
            statuses=statuses,
            failures=list(report.get("failures", ())),
            alarm=_alarm(fault, store, statuses, report),
            wrong=self._compare(fault),
            seconds=round(seconds, 2),
            processor_s=round(processor, 2),
            peak_mb=round(peak, 1),
            root_mb=round(_size(self.out / "data") / 1e6, 2),
            files=sum(1 for path in (self.out / "data").rglob("*") if path.is_file()),
            published=self._published(),
            unnamed=_unnamed(fault, store, statuses, _reasons(self.root, night), words),
        )
        self._after(night, statuses)
        return record

    def _begin(self, fault: Fault, state: Sold, now: datetime, trouble: ExitStack) -> None:
        """What goes wrong begins; it ends with `trouble`."""
        state.front.trouble = fault.trouble
        trouble.callback(setattr, state.front, "trouble", None)
        if fault.lie:
            trouble.enter_context(state.front.selling(fault.lie(list(state.now.values())), now))
        if fault.damage:
            fault.damage(self.root)

    def _after(self, night: int, statuses: dict[str, str]) -> None:
        """What the operator does by day."""
        for name, status in statuses.items():
            if status == CrawlStatus.QUARANTINED:
                self._command("reject", night, name)
        if night % _MAINTAIN_EVERY == _MAINTAIN_EVERY - 1:
            self._command("maintain", night)

    def _night(self, night: int, fault: Fault | None) -> tuple[dict[str, Any], str, float]:
        """Runs `lookalike nightly`.

        :return: its report, all it printed, and its peak memory in MB.
        """
        machine = fault.machine if fault else ""
        if machine == "killed":
            running = self._start(night, "nightly", "--no-prefect", "--json", log=f"{night:03}-killed")
            time.sleep(self._random.uniform(0.5, 8))
            running.send_signal(signal.SIGKILL)
            running.wait()
        days = night + (400 if machine == "clock" else 0)
        most = _SMALL_DISK if machine == "full disk" else None
        running = self._start(days, "nightly", "--no-prefect", "--json", log=f"{night:03}", most_bytes=most)
        _, status, used = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
        printed = (self.out / "logs" / f"{night:03}.out").read_text()
        said = (self.out / "logs" / f"{night:03}.err").read_text()
        try:
            report = json.loads(printed)
        except ValueError:
            report = {"failures": [said.strip().splitlines()[-1] if said.strip() else "It printed nothing."]}
        return report, f"{printed}\n{said}", used.ru_maxrss / 1024

    def _command(self, command: str, night: int, *arguments: str) -> str:
        running = self._start(night, command, *arguments, log=f"{night:03}-{command}")
        running.wait()
        return (self.out / "logs" / f"{night:03}-{command}.out").read_text()

    def _start(
        self, days: int, *command: str, log: str, most_bytes: int | None = None
    ) -> subprocess.Popen[bytes]:
        logs = self.out / "logs"
        logs.mkdir(exist_ok=True)
        environ = os.environ | {
            "LD_PRELOAD": self._clock,
            "FAKETIME": f"+{days}d",
        }

        def limit() -> None:
            if most_bytes is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))

        with (logs / f"{log}.out").open("wb") as printed, (logs / f"{log}.err").open("wb") as said:
            return subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "lookalike.cli",
                    *command,
                    "--config",
                    str(self.out / "lookalike.toml"),
                ],
                env=environ,
                stdout=printed,
                stderr=said,
                preexec_fn=limit,
            )

    def _write_settings(self, urls: dict[str, str]) -> None:
        stores = [
            {
                "name": name,
                "url": (urls.get(name) or sold.front.url).replace(SILENT, self._silent),
                "strategy": DIALECTS[name][1],
            }
            for name, sold in self.stores.sold.items()
        ]
        settings = {
            "data": "data",
            "crawl": {"allow_private": True, "throttle": False, "limits": _LIMITS},
            "embed": {"weights": "soak.npz"},
            "stores": stores,
        }
        (self.out / "lookalike.toml").write_text(tomlkit.dumps(settings))

    def _compare(self, fault: Fault | None) -> list[str]:
        """What is wrong with what is published; on the night of a full disk only whether it answers."""
        try:
            shop = lookalike.open(self.out / "data")
            if fault and fault.machine == "full disk":
                return []
            return compare(self.root, shop, self.stores.sold)
        except LookalikeError as error:
            return [str(error)]

    def _published(self) -> int:
        try:
            return len(lookalike.open(self.out / "data"))
        except LookalikeError:
            return 0


def _reasons(root: Root, night: int) -> dict[str, str | None]:
    """The reason that each store's last crawl until then names for not being complete."""
    crawls = tables.read(root, "crawls", columns=["store", "started_at", "failure"]).sort_by("started_at")
    until = datetime.now(UTC) + timedelta(days=night)  # later ones are of a clock that was wrong
    return {row["store"]: row["failure"] for row in crawls.to_pylist() if row["started_at"] <= until}


def _of_machine(fault: Fault) -> bool:
    return bool(fault.machine or fault.damage)


def _in_trouble(fault: Fault | None, concerned: bool) -> bool:
    """Whether a store's accepted crawl may have missed something tonight."""
    return fault is not None and ((fault.trouble is not None and concerned) or fault.machine == "full disk")


def _alarm(fault: Fault | None, store: str, statuses: dict[str, str], report: dict[str, Any]) -> str:
    """An alarm that nothing gave reason for; empty if there is none."""
    for sentence in report.get("failures", ()):
        expected = fault is not None and (_of_machine(fault) or store in sentence)
        if not expected:
            return str(sentence)
    unexpected = {
        name: status
        for name, status in statuses.items()
        if status != CrawlStatus.COMPLETE and not (fault and (name == store or _of_machine(fault)))
    }
    return json.dumps(unexpected) if unexpected else ""


def _unnamed(
    fault: Fault | None, store: str, statuses: dict[str, str], crawls: dict[str, str | None], words: str
) -> list[str]:
    """What should have been reported and was not.

    :param crawls: the reason that each store's last crawl names.
    """
    if fault is None:
        return []
    missing = []
    if not _of_machine(fault):
        status, failure = statuses.get(store, CrawlStatus.FAILED), crawls.get(store)
        if status not in fault.statuses:
            missing.append(f"{store} ended {status}, not {' or '.join(fault.statuses)}.")
        if status != CrawlStatus.COMPLETE and failure not in fault.failures:
            missing.append(f"{store} names '{failure}', not {' or '.join(fault.failures)}.")
    if fault.words and not re.search(fault.words, words, re.IGNORECASE):
        missing.append(f"Nothing says /{fault.words}/.")
    return missing


def plan(nights: int, random: Random) -> list[Fault | None]:
    """Which night has which fault: every third one, each kind before any comes again; the first has none."""
    faults: list[Fault | None] = []
    waiting: list[Fault] = []
    for night in range(nights):
        if night == 0 or night % _EVERY:
            faults.append(None)
            continue
        if not waiting:
            waiting = random.sample(list(FAULTS), len(FAULTS))
        faults.append(waiting.pop())
    return faults


def main(out: Path, nights: int, products: int, seed: int, as_json: bool) -> int:
    """Runs the nights; returns the exit code."""
    try:
        out.mkdir(parents=True)
    except FileExistsError:
        raise SystemExit(f"{out} exists. Name a new folder.") from None
    random = Random(seed)
    records: list[NightRecord] = []
    with ExitStack() as stack:
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        soak = Soak(out, Stores(stack, products, random), random, address)
        for night, fault in enumerate(plan(nights, random)):
            record = soak.run(night, fault, random.choice(list(DIALECTS)))
            records.append(record)
            (out / "nights.json").write_text(json.dumps([asdict(one) for one in records], indent=1))
            if not as_json:
                print(line(record), flush=True)
    summary = summarise(records)
    plot(records, out / "soak.png")
    print(
        json.dumps(summary) if as_json else "\n".join(f"{name}: {value}" for name, value in summary.items())
    )
    return int(bool(summary["wrong"] or summary["unnamed"] or summary["false_alarms"] > 1))


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("out", type=Path)
    arguments.add_argument("--nights", type=int, default=90)
    arguments.add_argument("--products", type=int, default=300)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--json", action="store_true", dest="as_json")
    sys.exit(main(**vars(arguments.parse_args())))
