"""However many photos a visitor sends, few stay in memory."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from dashboards.server import UPLOADS, UPLOADS_OF_SESSION, FewUploads
from lookalike.demo.product import DemoProduct
from storage.root import Root
from tests.dashboards.conftest import served

MEGABYTE = 2**20
SENT = 12


@pytest.fixture(scope="module")
def dashboard(shop_root: Root, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of its own: the other tests' holds the uploads of visitors who left a minute ago."""
    folder = tmp_path_factory.mktemp("uploads")
    with served(folder, folder / "log.txt", "--data", str(shop_root.path)) as address:
        yield address


@pytest.fixture
def page(browser: Browser, dashboard: str) -> Iterator[Page]:
    context = browser.new_context()
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.goto(dashboard)
    page.get_by_test_id("stFileUploader").wait_for()
    yield page
    context.close()


def held_bytes(page: Page, dashboard: str) -> int:
    """Uploads in the server's memory, as Streamlit counts them."""
    text = page.request.get(f"{dashboard}/_stcore/metrics").text()
    found = re.search(r'cache_memory_bytes\{[^}]*"UploadedFileManager"[^}]*\} ([\d.e+]+)', text)
    return int(float(found[1])) if found else 0


def test_a_session_that_sends_photo_after_photo(
    page: Page, dashboard: str, garments: list[DemoProduct]
) -> None:
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request) if request.method == "PUT" else None)
    photo = {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": garments[0].photos[0]()}
    page.set_input_files("input[type=file]", files=[photo])
    expect(page.get_by_role("article").first).to_be_visible(timeout=60_000)
    address = sent[0].url.rpartition("/")[0]
    headers = {name: value for name, value in sent[0].all_headers().items() if name == "x-xsrftoken"}
    large = {"name": "b.jpg", "mimeType": "image/jpeg", "buffer": bytes(MEGABYTE)}
    for number in range(SENT):
        answer = page.request.put(f"{address}/{number}", headers=headers, multipart={"b.jpg": large})
        assert answer.ok, answer.text()
    deadline = time.monotonic() + 30
    while held_bytes(page, dashboard) > UPLOADS_OF_SESSION * MEGABYTE:  # forgotten once it has answered
        assert time.monotonic() < deadline
        page.wait_for_timeout(100)
    assert held_bytes(page, dashboard) >= MEGABYTE
    # The page still answers, and takes the next photo.
    page.set_input_files("input[type=file]", files=[photo | {"buffer": garments[2].photos[0]()}])
    expect(page.get_by_role("article").first).to_be_visible()


def send(uploads: FewUploads, path: str, method: str = "PUT") -> None:
    scope = {"type": "http", "method": method, "path": path}
    with contextlib.suppress(StopIteration):  # it waits for nothing; Playwright's loop is running
        uploads(scope, None, None).send(None)  # type: ignore[arg-type, attr-defined]


@pytest.fixture
def forgotten() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def uploads(forgotten: list[tuple[str, str]]) -> FewUploads:
    async def streamlit(*_: object) -> None:
        pass

    return FewUploads(streamlit, lambda session, file: forgotten.append((session, file)))


def path(session: object, file: object) -> str:
    return f"/_stcore/upload_file/{session}/{file}"


def test_the_oldest_of_a_session_go_and_others_stay(
    uploads: FewUploads, forgotten: list[tuple[str, str]]
) -> None:
    for number in range(5):
        send(uploads, path("mine", number))
        send(uploads, path("yours", 0))
    assert forgotten == [("mine", "0"), ("mine", "1"), ("mine", "2")]


def test_of_very_many_sessions_the_oldest_go(uploads: FewUploads, forgotten: list[tuple[str, str]]) -> None:
    for number in range(UPLOADS + 3):
        send(uploads, path(number, "a"))
    assert forgotten == [("0", "a"), ("1", "a"), ("2", "a")]


@pytest.mark.parametrize(
    "request_",
    [("/", "GET"), (path("mine", 0), "DELETE"), (path("mine", 0), "OPTIONS"), (path("a/b", 0), "PUT")],
)
def test_other_requests_forget_nothing(
    uploads: FewUploads, forgotten: list[tuple[str, str]], request_: tuple[str, str]
) -> None:
    for _ in range(5):
        send(uploads, *request_)
    assert (forgotten, uploads._kept) == ([], {})


def test_an_upload_that_fails_counts_too(forgotten: list[tuple[str, str]]) -> None:
    async def broken(*_: object) -> None:
        raise OSError("the visitor has gone")

    uploads = FewUploads(broken, lambda session, file: forgotten.append((session, file)))
    for number in range(3):
        with pytest.raises(OSError, match="gone"):
            send(uploads, path("mine", number))
    assert forgotten == [("mine", "0")]
