"""Each way in which a store can fail, on real sockets: what the crawl's row calls it."""

from __future__ import annotations

import datetime as dt
import json
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from scrapy import Request
from scrapy.http import Response

from scrapers.config.store import Limits, Store
from scrapers.middlewares.outcomes import OutcomesMiddleware
from scrapers.session.crawl_stats import CrawlStats
from scrapers.session.failure import (
    RequestOutcomes,
    failure_of,
    failure_of_error,
    failure_of_exit,
    failure_of_status,
)
from storage import tables
from storage.errors import LookalikeError
from storage.root import Root
from storage.verdicts import Failure
from tests.scrapers.webserver import Answer, Site, product_page, sitemap

CRAWL_ALL = """
import json, sys
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.utils.project import get_project_settings
from scrapers.spiders import sitemap

read = sitemap.of_products
def fail_on_purpose(entries):
    for entry in entries:
        if "/bug" in entry.url:
            raise ZeroDivisionError("a bug")
    return read(entries)
sitemap.of_products = fail_on_purpose

process = AsyncCrawlerProcess(get_project_settings())
for crawl in json.load(sys.stdin):
    process.crawl(crawl["strategy"], **crawl["arguments"])
process.start()
"""
"""Crawls many stores in one process, which is much quicker than a process each."""

QUICK = Limits(timeout_s=1, retries=0, patience_s=0.5, retry_after_s=0.5)


@contextmanager
def listening(answer: Any, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server that treats each connection as `answer` does; its port."""
    with socket.create_server(("127.0.0.1", 0)) as server, ExitStack() as connections:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                    connections.callback(connection.close)
                    answer(context.wrap_socket(connection, server_side=True) if context else connection)
                except OSError:
                    if server.fileno() < 0:
                        return

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def reset(connection: socket.socket) -> None:
    """Breaks a connection after the request."""
    connection.recv(1000)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()


def self_signed(folder: Path) -> ssl.SSLContext:
    """A server's side of TLS with a certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + dt.timedelta(days=1))
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "certificate.pem").write_bytes(pem + secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem")
    return context


CHALLENGE = "<title>Just a moment...</title><form id='challenge-form'></form>"
EMPTY_SHOP = "<title>About us</title><h1>About us</h1><p>We sell fine things.</p>"


def every_page(answer: Answer) -> dict[str, Answer]:
    """Answers of a store whose sitemap can be read, and whose product pages all answer this."""
    return {
        "/robots.txt": Answer(status=404),
        "/sitemap.xml": Answer(),
        **{f"/p/{n}": answer for n in range(4)},
    }


def good_pages(count: int) -> dict[str, Answer]:
    """Product pages without photos."""
    return {f"/p/{n}": Answer(product_page(f"Shirt {n}")) for n in range(count)}


SITES: dict[str, tuple[Failure, dict[str, Any]]] = {
    "403 on all": (Failure.BLOCKED, {"*": Answer("no", 403)}),
    "401 on all": (Failure.BLOCKED, {"*": Answer("no", 401)}),
    "429 on all": (Failure.BLOCKED, {"*": Answer("slow down", 429)}),
    "403 on pages": (Failure.BLOCKED, every_page(Answer("no", 403))),
    "a challenge on pages": (Failure.BLOCKED, every_page(Answer(CHALLENGE))),
    "500 on all": (Failure.SERVER_ERROR, {"*": Answer("oops", 500)}),
    "503 on pages": (Failure.SERVER_ERROR, every_page(Answer("oops", 503))),
    "404 on all": (Failure.NOT_FOUND, {}),
    "404 on pages": (Failure.NOT_FOUND, every_page(Answer("gone", 404))),
    "410 on pages": (Failure.NOT_FOUND, every_page(Answer("gone", 410))),
    "robots forbids all": (
        Failure.ROBOTS,
        {"/robots.txt": Answer("User-agent: *\nDisallow: /", content_type="text/plain")},
    ),
    "robots forbids pages": (
        Failure.ROBOTS,
        {
            **every_page(Answer(product_page("Shirt"))),
            "/robots.txt": Answer("User-agent: *\nDisallow: /p/", content_type="text/plain"),
        },
    ),
    "a sitemap that is a page": (Failure.PLATFORM, {"/sitemap.xml": Answer("<h1>Welcome</h1>")}),
    "an empty sitemap": (Failure.EMPTY, {"/sitemap.xml": Answer(sitemap())}),
    "pages without products": (Failure.NO_PRODUCTS, every_page(Answer(EMPTY_SHOP))),
    "more pages than the limit": (Failure.INCOMPLETE, {**every_page(Answer()), **good_pages(4)}),
    "a slow crawl": (Failure.OUT_OF_TIME, {**every_page(Answer()), **good_pages(4)}),
    "a bug": (Failure.EXCEPTION, {"/sitemap.xml": Answer()}),
    "damaged tables": (Failure.STORAGE, {**every_page(Answer()), **good_pages(4)}),
}
STRATEGIES = {
    "shopify answers pages": ("shopify", Failure.PLATFORM, {"*": Answer("<h1>Welcome</h1>")}),
    "woocommerce answers pages": ("woocommerce", Failure.PLATFORM, {"*": Answer("<h1>Welcome</h1>")}),
    "woocommerce forbids": ("woocommerce", Failure.BLOCKED, {"*": Answer("no", 403)}),
    "listing breaks": ("listing", Failure.SERVER_ERROR, {"*": Answer("oops", 502)}),
}
LIMITS = {
    "more pages than the limit": QUICK.model_copy(update={"pages": 4}),
    "a slow crawl": QUICK.model_copy(update={"seconds": 1.5, "delay_s": 1.0}),
}
SEARCHES = {
    "bing refuses": Failure.REFUSED,
    "bing breaks off": Failure.CONNECTION,
    "bing has no name": Failure.DNS,
}
"""Stores that are only searched, at the addresses of other cases."""
SOCKETS = {
    "no such name": Failure.DNS,
    "refuses": Failure.REFUSED,
    "never answers": Failure.TIMEOUT,
    "breaks off": Failure.CONNECTION,
    "bad certificate": Failure.TLS,
}
EXPECTED = (
    {name: failure for name, (failure, _) in SITES.items()}
    | {name: failure for name, (_, failure, _) in STRATEGIES.items()}
    | SOCKETS
    | SEARCHES
)


def name_of(case: str) -> str:
    return case.replace(" ", "-")


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The row of `crawls` of each store."""
    folder = tmp_path_factory.mktemp("failures")
    sound, damaged = (Root.open(folder / name, create=True) for name in ("sound", "damaged"))
    tables.append(damaged, "offers", [{"store": "damaged-tables", "product_id": "1"}])
    for file in damaged.table_path("offers").glob("*.parquet"):
        file.write_bytes(b"")
    with ExitStack() as servers:
        urls = {}
        for name, pages in [
            *((name, pages) for name, (_, pages) in SITES.items()),
            *((name, pages) for name, (_, _, pages) in STRATEGIES.items()),
        ]:
            site = servers.enter_context(Site().running())
            urls[name] = site.url
            if (listed := pages.get("/sitemap.xml")) and not listed.body:
                paths = ["/bug"] if name == "a bug" else [path for path in pages if path.startswith("/p/")]
                nested = f"<sitemapindex><sitemap><loc>{site.url}/bug.xml</loc></sitemap></sitemapindex>"
                body = nested if name == "a bug" else sitemap(*(site.url + path for path in paths))
                pages = {**pages, "/sitemap.xml": Answer(body, content_type="application/xml")}
            site.pages = pages
            if everything := pages.get("*"):
                site.answer = lambda seen, answer=everything: answer  # type: ignore[method-assign]
        hanging = servers.enter_context(listening(lambda connection: None))
        breaking = servers.enter_context(listening(reset))
        encrypted = servers.enter_context(listening(lambda connection: None, self_signed(folder)))
        with socket.create_server(("127.0.0.1", 0)) as closed:
            urls["refuses"] = f"http://127.0.0.1:{closed.getsockname()[1]}"
        urls["no such name"] = "http://no-such-store.invalid"
        urls["never answers"] = f"http://127.0.0.1:{hanging}"
        urls["breaks off"] = f"http://127.0.0.1:{breaking}"
        urls["bad certificate"] = f"https://127.0.0.1:{encrypted}"
        others = ("refuses", "breaks off", "no such name")
        urls |= {search: urls[other] for search, other in zip(SEARCHES, others, strict=True)}
        crawls = []
        for name, url in urls.items():
            strategy = (
                STRATEGIES[name][0] if name in STRATEGIES else "bing" if name in SEARCHES else "sitemap"
            )
            limits, queries = LIMITS.get(name, QUICK), ["dress"] if strategy == "bing" else []
            store = Store(name=name_of(name), url=url, strategy=strategy, limits=limits, queries=queries)
            arguments = {"config": store.model_dump_json(), "allow_private": "1", "throttle": "0"}
            arguments["data"] = str(damaged if name == "damaged tables" else sound)
            crawls.append({"strategy": strategy, "arguments": arguments})
        done = subprocess.run(
            [sys.executable, "-c", CRAWL_ALL],
            input=json.dumps(crawls),
            text=True,
            capture_output=True,
            timeout=120,
        )
    rows = [row for root in (sound, damaged) for row in tables.read(root, "crawls").to_pylist()]
    assert len(rows) == len(crawls), done.stderr[-3000:]
    return {row["store"]: row for row in rows}


@pytest.mark.parametrize(("case", "failure"), EXPECTED.items())
def test_a_failure_has_its_class(case: str, failure: Failure, crawled: dict[str, dict[str, Any]]) -> None:
    row = crawled[name_of(case)]
    assert row["status"] in ("failed", "partial"), row
    assert row["failure"] == failure, row


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (OSError(28, "No space left on device"), Failure.DISK_FULL),
        (OSError(27, "File too large"), Failure.DISK_FULL),
        (OSError(30, "Read-only file system"), Failure.STORAGE),
        (LookalikeError("The table 'offers' cannot be read."), Failure.STORAGE),
        (MemoryError(), Failure.OUT_OF_MEMORY),
        (ssl.SSLCertVerificationError("certificate has expired"), Failure.TLS),
        (KeyError("price"), Failure.EXCEPTION),
    ],
)
def test_an_error_has_its_class(error: Exception, failure: Failure) -> None:
    assert failure_of_error(error) == failure
    with pytest.raises(LookalikeError) as wrapped:
        raise LookalikeError("It failed.") from error
    known_by_cause = failure in (Failure.DISK_FULL, Failure.OUT_OF_MEMORY, Failure.TLS)
    assert failure_of_error(wrapped.value) == (failure if known_by_cause else Failure.STORAGE)


@pytest.mark.parametrize(
    ("code", "problem", "overdue", "oom_kills", "failure"),
    [
        (-signal.SIGKILL, "", True, 0, Failure.OUT_OF_TIME),
        (-signal.SIGKILL, "", False, 1, Failure.OUT_OF_MEMORY),
        (-signal.SIGKILL, "", False, 0, Failure.INTERRUPTED),
        (-signal.SIGTERM, "", False, 1, Failure.INTERRUPTED),
        (-signal.SIGSEGV, "", False, 0, Failure.EXCEPTION),
        (1, "MemoryError: cannot allocate", False, 0, Failure.OUT_OF_MEMORY),
        (1, "OSError: [Errno 28] No space left on device", False, 0, Failure.DISK_FULL),
        (1, "ImportError: no module", False, 0, Failure.EXCEPTION),
    ],
)
def test_a_process_that_ended_without_a_word_has_its_class(
    code: int, problem: str, overdue: bool, oom_kills: int, failure: Failure
) -> None:
    assert failure_of_exit(code, problem, overdue=overdue, oom_kills=oom_kills) == failure


@pytest.mark.parametrize(
    ("status", "failure"),
    [(200, None), (304, None), (403, Failure.BLOCKED), (404, Failure.NOT_FOUND), (521, Failure.SERVER_ERROR)],
)
def test_a_status_has_its_class(status: int, failure: Failure | None) -> None:
    assert failure_of_status(status) == failure


@pytest.mark.parametrize(
    ("failed", "failure"),
    [
        ([], Failure.INCOMPLETE),
        ([Failure.NOT_FOUND] * 3, Failure.INCOMPLETE),
        ([Failure.NOT_FOUND] * 3 + [Failure.SERVER_ERROR], Failure.SERVER_ERROR),
    ],
)
def test_dead_links_are_not_why_a_crawl_is_partial(failed: list[Failure], failure: Failure) -> None:
    outcomes = RequestOutcomes(answered=9)
    for one in failed:
        outcomes.note_failure(one)
    assert failure_of(outcomes, cause=None, found=True, has_gap=True, product_pages=9) == failure


@pytest.mark.parametrize(
    ("meta", "status", "essential"),
    [
        ({"essential": True}, 404, [Failure.NOT_FOUND]),
        ({"essential": True, "discovered": True}, 404, []),
        ({"essential": True, "discovered": True}, 410, []),
        ({"essential": True, "discovered": True}, 503, [Failure.SERVER_ERROR]),
    ],
)
def test_a_dead_link_of_a_menu_is_not_essential(
    meta: dict[str, bool], status: int, essential: list[Failure]
) -> None:
    job = SimpleNamespace(stats=CrawlStats())
    middleware = OutcomesMiddleware(SimpleNamespace(spider=SimpleNamespace(job=job)))  # type: ignore[arg-type]
    url = "https://shop.example/c/old"
    middleware.process_response(Request(url, meta=meta), Response(url, status=status))
    assert [*job.stats.outcomes.essential] == essential


def test_every_class_has_its_own_advice() -> None:
    advice = [failure.advice for failure in Failure]
    assert len(set(advice)) == len(advice)
    assert all(sentence.endswith(".") for sentence in advice)
