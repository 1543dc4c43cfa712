"""The dashboard under its visitors: cold start, answers one by one, and many sessions at once.

    python benchmarks/dashboard.py DATA

DATA is a root of 35,576 products (`benchmarks/catalogue_root.py`). Starts `lookalike dashboard` and speaks
Streamlit's own WebSocket protocol to it, as its page does in a browser: what a browser spends on drawing is
not counted. Photos are drawn at random from the shop's, with a fixed seed, and uploaded.

Times by the clock grow with what else the machine does; the server's processor time hardly does.
"""

from __future__ import annotations

import argparse
import os
import re
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil
import requests
from query import drawn
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from websockets.sync.client import ClientConnection, connect

import lookalike
from storage.root import Root

REPOSITORY = Path(__file__).parents[1]
COLD_STARTS = 3
ANSWERED = re.compile('<article|class="la-note')  # a card, or why there is none; the style sheet names both
WARMING = 3  # photos before those that are timed
SESSIONS = 20
ASKED_BY_EACH = 5
TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Answer:
    """What one question took.

    :ivar first_s: seconds until the first card.
    :ivar whole_s: seconds until the page was complete.
    :ivar processor_s: of the server's processor.
    :ivar cards: number of cards.
    """

    first_s: float
    whole_s: float
    processor_s: float
    cards: int


class Dashboard:
    """A running dashboard."""

    def __init__(self, data: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command = [sys.executable, "-m", "lookalike.cli", "dashboard", "--no-browser"]
        self._process = subprocess.Popen(
            [*command, "--port", str(self.port), "--data", str(data)],
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            stdout=subprocess.DEVNULL,
        )
        while True:
            if self._process.poll() is not None:
                raise SystemExit("The dashboard did not start; its last lines say why.")
            try:
                urllib.request.urlopen(f"{self.address}/_stcore/health", timeout=2).close()
                break
            except OSError:
                time.sleep(0.02)

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def processor_s(self) -> float:
        """Seconds of the processor that it and its workers have spent."""
        spent = [one.cpu_times() for one in self._processes()]
        return sum(one.user + one.system for one in spent)

    def memory_bytes(self) -> int:
        """Memory that it and its workers hold, what they share counted once."""
        return sum(one.memory_full_info().pss for one in self._processes())

    def stop(self) -> None:
        """Ends it."""
        for process in reversed(self._processes()):
            process.terminate()
        self._process.wait()

    def _processes(self) -> list[psutil.Process]:
        process = psutil.Process(self._process.pid)
        return [process, *process.children(recursive=True)]


class Visitor:
    """A visitor's page: what it sends and receives."""

    def __init__(self, dashboard: Dashboard) -> None:
        self._dashboard = dashboard
        self._browser = requests.Session()
        self._browser.get(f"{dashboard.address}/_stcore/health", timeout=TIMEOUT_S)
        token = self._browser.cookies.get("_streamlit_xsrf", "")
        # The server closes what is idle for five seconds, which a busy visitor would run into.
        self._browser.headers.update({"X-Xsrftoken": token, "Connection": "close"})
        self._socket: ClientConnection = connect(
            f"ws://127.0.0.1:{dashboard.port}/_stcore/stream",
            subprotocols=["streamlit", token],  # type: ignore[list-item]
            additional_headers={"Cookie": f"_streamlit_xsrf={token}"},
            max_size=None,
        )
        self._session, self._uploader, self._photos = "", "", 0
        self.opening = self._run("")

    def ask(self, product: str) -> Answer:
        """Asks for products like a product."""
        return self._run(urlencode({"like": product}))

    def upload(self, photo: bytes) -> Answer:
        """Uploads a photo, from the first byte on."""
        began, spent = time.perf_counter(), self._dashboard.processor_s()
        self._photos += 1
        name = f"photo-{self._photos}"
        path = f"/_stcore/upload_file/{self._session}/{name}"
        sent = self._browser.put(
            self._dashboard.address + path, files={"file": ("photo.jpg", photo)}, timeout=TIMEOUT_S
        )
        sent.raise_for_status()
        state = WidgetState(id=self._uploader)
        info = state.file_uploader_state_value.uploaded_file_info.add(
            name="photo.jpg", size=len(photo), file_id=name
        )
        info.file_urls.file_id, info.file_urls.upload_url, info.file_urls.delete_url = name, path, path
        return self._run("", [state], began, spent)

    def leave(self) -> None:
        """Closes the page."""
        self._socket.close()

    def _run(
        self,
        query: str,
        widgets: Sequence[WidgetState] = (),
        began: float | None = None,
        spent: float | None = None,
    ) -> Answer:
        began = time.perf_counter() if began is None else began
        spent = self._dashboard.processor_s() if spent is None else spent
        message = BackMsg()
        message.rerun_script.query_string = query
        message.rerun_script.widget_states.CopyFrom(WidgetStates(widgets=widgets))
        self._socket.send(message.SerializeToString())
        first, cards = 0.0, 0
        for received in self._received():
            kind = received.WhichOneof("type")
            if kind == "new_session":
                self._session = received.new_session.initialize.session_id
            elif kind == "delta":
                element = received.delta.new_element
                if element.WhichOneof("type") == "file_uploader":
                    self._uploader = element.file_uploader.id
                if element.WhichOneof("type") == "html" and ANSWERED.search(element.html.body):
                    first, cards = first or time.perf_counter(), cards + 1
                if element.WhichOneof("type") == "exception":
                    raise RuntimeError(element.exception.message)
            elif kind == "script_finished":
                if received.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                    continue
                break
        ended = time.perf_counter()
        processor_s = self._dashboard.processor_s() - spent
        return Answer((first or ended) - began, ended - began, processor_s, cards)

    def _received(self) -> Iterator[Any]:
        while True:
            yield ForwardMsg.FromString(self._socket.recv(TIMEOUT_S, decode=False))


@contextmanager
def serving(data: Path) -> Iterator[Dashboard]:
    """A dashboard while it is asked."""
    dashboard = Dashboard(data)
    try:
        yield dashboard
    finally:
        dashboard.stop()


def main(data: Path, only: str, questions: int) -> None:
    """Prints the table."""
    products, photos = drawn(lookalike.open(data), Root.open(data))
    print("| question | clock, median, ms | clock, 95th percentile, ms | processor, median, ms |")
    print("|---|---|---|---|")
    if "cold" in only:
        _cold(data, photos[0])
    with serving(data) as dashboard:
        if "warm" in only:
            _warm(dashboard, products[: questions // 2], photos[: questions + WARMING])
        if "load" in only:
            _load(dashboard, photos)


def _cold(data: Path, photo: bytes) -> None:
    opened, answered = [], []
    for _ in range(COLD_STARTS + 1):  # the first reads from the disk
        began = time.perf_counter()
        with serving(data) as dashboard:
            visitor = Visitor(dashboard)
            now = time.perf_counter() - began
            opened.append(Answer(now, now, dashboard.processor_s(), 0))
            first = visitor.upload(photo)
            answered.append(Answer(now + first.first_s, now + first.whole_s, dashboard.processor_s(), 24))
            visitor.leave()
    _line("cold: started, and its first page is complete", opened[1:])
    _line("cold: and a photo's first card", answered[1:])


def _warm(dashboard: Dashboard, products: Sequence[str], photos: Sequence[bytes]) -> None:
    visitor = Visitor(dashboard)
    for photo in photos[:WARMING]:
        visitor.upload(photo)
    answers = [visitor.upload(photo) for photo in photos[WARMING:]]
    _line("a photo: first card", answers)
    _line("a photo: whole page", [Answer(one.whole_s, 0, one.processor_s, one.cards) for one in answers])
    named = [Visitor(dashboard).ask(product) for product in products]
    _line("a link to a product, in a new session: first card", named)
    assert all(one.cards for one in (*answers, *named))


def _load(dashboard: Dashboard, photos: Sequence[bytes]) -> None:
    def visit(number: int) -> list[Answer]:
        visitor = Visitor(dashboard)
        first = number * ASKED_BY_EACH
        mine = [photos[place % len(photos)] for place in range(first, first + ASKED_BY_EACH)]
        answers = [visitor.upload(photo) for photo in mine]
        visitor.leave()
        return answers

    before = dashboard.processor_s()
    with ThreadPoolExecutor(SESSIONS) as pool:
        answers = [answer for some in pool.map(visit, range(SESSIONS)) for answer in some]
    each = (dashboard.processor_s() - before) / len(answers)
    _line(f"{SESSIONS} sessions at once: first card", [Answer(a.first_s, 0, each, a.cards) for a in answers])
    assert all(answer.cards for answer in answers)
    print(f"\n{len(answers)} answers, no error; memory {dashboard.memory_bytes() / 1e6:,.0f} MB.")


def _line(name: str, answers: Sequence[Answer]) -> None:
    clock = sorted(1000 * one.first_s for one in answers)
    last = clock[max(0, round(0.95 * len(clock)) - 1)]
    processor = statistics.median(1000 * one.processor_s for one in answers)
    print(f"| {name} | {statistics.median(clock):,.0f} | {last:,.0f} | {processor:,.0f} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", default="cold warm load", help="some of these words")
    parser.add_argument("--questions", type=int, default=100)
    asked = parser.parse_args()
    main(asked.data, asked.only, asked.questions)
