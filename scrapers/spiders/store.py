"""What every spider shares: its arguments, its requests, and what to do about pages that cannot be read."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pydantic
from scrapy import Request, Spider, signals
from scrapy.exceptions import DontCloseSpider
from scrapy.spidermiddlewares.httperror import HttpError

from scrapers.browser.launch import rendered, use_browser
from scrapers.config.store import Store
from scrapers.extract.address import escaped, is_home
from scrapers.extract.page import same_site
from scrapers.http.addresses import RefusedURLError, origin_of
from scrapers.http.credentials import credentials_of, hide_in_logs
from scrapers.items import Source
from scrapers.middlewares.revalidate import NOT_MODIFIED
from scrapers.middlewares.stopped import Stopped
from scrapers.session.crawl_id import new_crawl_id
from scrapers.session.crawl_stats import missing
from scrapers.session.job import Job
from scrapers.session.reject_reasons import is_fault, reason_for
from storage.errors import InputError
from storage.root import Root

if TYPE_CHECKING:
    from typing import Self

    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from scrapy.settings import BaseSettings
    from twisted.python.failure import Failure

FROM_STDIN = "-"
"""The value of `config` that stands for standard input."""
GONE = (404, 410)
MAX_ASKED_AFTER = 500
"""Products that were not met whose own pages one crawl asks for."""


class StoreSpider(Spider):
    """Reads one store. By hand: `scrapy crawl NAME -a store=NAME -a url=URL -a data=DIR`.

    Further arguments: `config` (the whole store as JSON, with its limits; `-` reads it from stdin), `query`
    (words to search for), `crawl_id`, `allow_private=1`, `throttle=0`.
    """

    job: Job
    asked_after: bool

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        """:raises InputError: where the arguments do not make a store."""
        job = _job(cls.name, kwargs)
        hide_in_logs(job.credentials)
        _apply_limits(crawler.settings, job)
        spider = super().from_crawler(crawler)
        spider.job = job
        spider.asked_after = False
        crawler.signals.connect(spider.idle, signal=signals.spider_idle)
        return spider

    async def start(self) -> AsyncIterator[Any]:
        """Asks for the whole store, or for what its search finds."""
        words = self.job.query
        if words:
            self.job.ledger.searched = f"A search for '{words}'"
        for request in self.search(words) if words else self.begin():
            yield request

    def begin(self) -> Iterator[Any]:
        """The first requests of a crawl of the whole store."""
        raise NotImplementedError

    def search(self, words: str) -> Iterator[Any]:
        """The first requests of a crawl of what the store's own search finds."""
        raise NotImplementedError

    @property
    def base_url(self) -> str:
        """The store's address, ending in a slash."""
        return f"{self.job.store.url.rstrip('/')}/"

    def ask(
        self,
        url: str,
        callback: Callable[..., Any],
        *,
        essential: bool = False,
        priority: int = 0,
        render: bool = False,
        meta: Mapping[str, Any] | None = None,
        **cb_kwargs: Any,
    ) -> Iterator[Request]:
        """A request for exactly this address, unless the crawl has used up its pages.

        :param essential: whether the list of products is not whole without this page.
        :param render: whether a browser is to render it.
        :param meta: further notes on the request.
        """
        ledger, limit = self.job.ledger, self.job.store.limits.pages
        if ledger.asked >= limit:
            gap = f"the limit of {limit} pages was reached"
            if gap not in ledger.gaps:
                ledger.gaps.append(gap)
            return
        try:
            origin_of(url)
            request = Request(
                escaped(url),
                callback,
                errback=self.failed,
                priority=priority,
                cb_kwargs=cb_kwargs,
                # Scrapy would write some addresses another way, and take two that differ for one.
                meta={
                    "essential": essential,
                    "verbatim_url": True,
                    **(rendered() if render else {}),
                    **(meta or {}),
                },
            )
        except RefusedURLError as error:
            ledger.reject(url, "fetch", str(error))
            return
        except ValueError:
            ledger.reject(url, "fetch", "it is not a web address")
            return
        ledger.asked += 1
        yield request

    def idle(self) -> None:
        """Asks, once all else is done, what is still to be asked.

        :raises DontCloseSpider: where there is something.
        """
        requests = list(self.last_requests())
        for request in requests:
            self.crawler.engine.crawl(request)
        if requests:
            raise DontCloseSpider

    def last_requests(self) -> Iterator[Request]:
        """The own pages of products that the crawl did not meet: they may be sold still, or say that they are
        gone. Where much is missing, the crawl is not to be believed, and they are not asked for."""
        job, ledger = self.job, self.job.ledger
        if self.asked_after or ledger.searched or ledger.broken or ledger.stopped or not ledger.found:
            return
        self.asked_after = True
        lost = [one for one in missing(ledger.found, job.memory.products) if one not in ledger.gone]
        if ledger.loss(job.memory) > 1 - job.store.limits.suspicious_below:
            return
        for product_id in sorted(lost, key=lambda one: -job.memory.absent.get(one, 0))[:MAX_ASKED_AFTER]:
            url = job.memory.products[product_id].url
            if url and same_site(url, job.store.url):
                yield from self.ask_after(product_id, url)

    def ask_after(self, product_id: str, url: str) -> Iterator[Request]:
        """Asks for the own page of a product that was not met."""
        yield from self.ask(url, self.parse_lost, meta={"product_id": product_id, "address": url})

    def parse_lost(self, response: Response) -> None:
        """Notes a product that was not met as gone where its own page leads to the front page."""
        if response.url != response.meta["address"]:
            self.job.ledger.redirected.add(response.meta["product_id"])
        if self.leads_nowhere(response.url, response.meta["address"]):
            self.job.ledger.gone.add(response.meta["product_id"])

    def failed(self, failure: Failure) -> Iterator[Any] | None:
        """Notes a page that could not be had."""
        request: Request = failure.request  # type: ignore[attr-defined]
        error = failure.value
        if isinstance(error, Stopped):
            return None
        ledger, reason = self.job.ledger, reason_for(error)
        ledger.reject(request.url, "fetch", reason)
        ledger.errors += is_fault(error)
        gone = isinstance(error, HttpError) and error.response.status in GONE
        if request.meta.get("essential"):
            # A shop's menu may lead to what is no more; what its entry names has to be there.
            if not (gone and request.meta.get("discovered")):
                ledger.gaps.append(f"{request.url}: {reason}")
            return None
        lost = request.meta.get("product_id")
        if gone:
            ledger.gone.add(lost or self.product_at(request))
        elif not lost:
            ledger.unread += 1
            self.seen_unread(self.product_at(request))
        return None

    def leads_to_known_page(self, request: Request) -> None:
        """Notes a page that redirects to one that this crawl has asked for already."""
        asked = request.meta["redirect_urls"][0]
        self.job.ledger.reject(asked, "fetch", "it leads to a page that was asked for before")
        product = request.meta.get("product_id") or self.product_at(request)
        self.job.ledger.redirected.add(product)
        if self.leads_nowhere(request.url, asked):
            self.job.ledger.gone.add(product)

    def leads_nowhere(self, url: str, asked: str) -> bool:
        """Whether an address leads to the front page, which is how many shops say that a product is gone."""
        return is_home(url) and not is_home(asked)

    def product_at(self, request: Request) -> str:
        """The product that was read from a request's address before; empty where none was."""
        return self.job.memory.product_at.get(request.meta.get("address", request.url), "")

    def seen_unread(self, product_id: str) -> None:
        """Notes that a product is still listed, though its page was not read."""
        known = self.job.memory.products.get(product_id)
        if known is None or known.removed:
            return
        if self.job.ledger.meet(product_id, known.fields):
            self.job.ledger.images += known.images

    def json_of(self, response: Response) -> Any:
        """The answer as JSON; None, with the reason noted, where it is none."""
        try:
            return json.loads(response.body)
        except ValueError:
            kind = (response.headers.get("Content-Type") or b"").decode("latin-1").split(";")[
                0
            ] or "something else"
            reason = f"it holds {kind}, not JSON"
            self.job.ledger.reject(response.url, "extract", reason)
            if response.meta.get("essential"):
                self.job.ledger.gaps.append(f"{response.url}: {reason}")
            return None


def source_of(response: Response, body: bytes | None = None, content_type: str | None = None) -> Source:
    """What a product was read from.

    :param body: the part of the answer that is about this product; None where all of it is.
    """
    asked = response.meta.get("redirect_urls", [response.url])[0]
    header = (response.headers.get("Content-Type") or b"").decode("latin-1")
    own = body is None
    return Source(
        url=asked,
        content_type=content_type or header.split(";")[0].strip().lower() or "text/html",
        body=response.body if body is None else body,
        fetched_at=datetime.now(UTC),
        own_page=own,
        etag=_header(response, "ETag") if own else None,
        last_modified=_header(response, "Last-Modified") if own else None,
    )


def json_bytes(data: Any) -> bytes:
    """A part of an answer as JSON again; half characters, which no file can hold, as their escapes."""
    return json.dumps(data, ensure_ascii=False).encode(errors="backslashreplace")


def _header(response: Response, name: str) -> str | None:
    value = response.headers.get(name)
    return value.decode("latin-1")[:500] if value and response.status != NOT_MODIFIED else None


def _job(strategy: str, arguments: dict[str, Any]) -> Job:
    if not arguments.get("data") or not (arguments.get("config") or arguments.get("url")):
        raise InputError(
            f"`scrapy crawl {strategy}` needs to know what to read and where to store it: "
            "give -a store=NAME -a url=URL -a data=DIR."
        )
    query = " ".join(str(arguments.get("query") or "").split()) or None
    try:
        if arguments.get("config"):
            store = Store.model_validate_json(_config(arguments["config"]))
        else:
            store = Store.model_validate(
                {
                    "name": arguments.get("store") or "store",
                    "url": arguments["url"],
                    "strategy": strategy,
                    "queries": [query] if strategy == "bing" and query else [],
                }
            )
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InputError(f"{'.'.join(map(str, first['loc']))} is not usable: {first['msg']}.") from None
    return Job(
        root=Root.open(arguments["data"], create=True),
        store=store,
        crawl_id=arguments.get("crawl_id") or new_crawl_id(),
        allow_private=_flag(arguments.get("allow_private"), default=False),
        throttle=_flag(arguments.get("throttle"), default=True),
        query=query,
        credentials=credentials_of(store, os.environ),
    )


def _config(argument: str) -> str:
    """The store as JSON. What stands on a command line, every user of the machine can read."""
    return sys.stdin.read() if argument == FROM_STDIN else argument


def _flag(value: object, *, default: bool) -> bool:
    return default if value is None else str(value).lower() in ("1", "true", "yes", "on")


def _apply_limits(settings: BaseSettings, job: Job) -> None:
    limits = job.store.limits
    for name, value in {
        "ALLOW_PRIVATE": job.allow_private,
        "AUTOTHROTTLE_ENABLED": job.throttle,
        "CONCURRENT_REQUESTS": 2 * limits.connections,
        "CONCURRENT_REQUESTS_PER_DOMAIN": limits.connections,
        "DOWNLOAD_DELAY": limits.delay_s,
        "DOWNLOAD_MAXSIZE": limits.page_bytes,
        "DOWNLOAD_TIMEOUT": limits.timeout_s,
        "RETRY_TIMES": limits.retries,
        "CRAWL_DELAY_MAX": limits.crawl_delay_s,
        "RETRY_AFTER_MAX": limits.retry_after_s,
        "RETRY_AFTER_PATIENCE": limits.patience_s,
    }.items():
        settings.set(name, value, priority="spider")
    if job.store.render:
        use_browser(settings)
    if job.store.locale:
        headers = {
            **settings.getdict("DEFAULT_REQUEST_HEADERS"),
            "Accept-Language": job.store.locale.replace("_", "-"),
        }
        settings.set("DEFAULT_REQUEST_HEADERS", headers, priority="spider")
