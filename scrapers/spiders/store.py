"""The base of all spiders: arguments, requests, and pages that cannot be read."""

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
from scrapers.session.crawl_stats import missing_products
from scrapers.session.job import Job
from scrapers.session.reject_reasons import is_fault, reason_for
from storage.errors import InputError
from storage.root import Root
from storage.verdicts import RejectStage

if TYPE_CHECKING:
    from typing import Self

    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from scrapy.settings import BaseSettings
    from twisted.python.failure import Failure

FROM_STDIN = "-"
"""The value of `config` that stands for standard input."""
GONE = (404, 410)
MAX_MISSING_REQUESTED = 500
"""Products that were not found whose own pages one crawl requests."""


class StoreSpider(Spider):
    """Reads one store. By hand: `scrapy crawl NAME -a store=NAME -a url=URL -a data=DIR`.

    Further arguments: `config` (the whole store as JSON, with its limits; `-` reads it from stdin), `query`
    (words to search for), `crawl_id`, `allow_private=1`, `throttle=0`.
    """

    job: Job
    missing_requested: bool

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        """:raises InputError: where the arguments do not make a store."""
        job = _job(cls.name, kwargs)
        hide_in_logs(job.credentials)
        _apply_limits(crawler.settings, job)
        spider = super().from_crawler(crawler)
        spider.job = job
        spider.missing_requested = False
        crawler.signals.connect(spider.idle, signal=signals.spider_idle)
        return spider

    async def start(self) -> AsyncIterator[Any]:
        """Requests the whole store, or what its search finds."""
        words = self.job.query
        if words:
            self.job.stats.searched = f"A search for '{words}'"
        for request in self.search(words) if words else self.first_requests():
            yield request

    def first_requests(self) -> Iterator[Any]:
        """The first requests of a crawl of the whole store."""
        raise NotImplementedError

    def search(self, words: str) -> Iterator[Any]:
        """The first requests of a crawl of what the store's own search finds."""
        raise NotImplementedError

    @property
    def base_url(self) -> str:
        """The store's address, ending in a slash."""
        return f"{self.job.store.url.rstrip('/')}/"

    def request(
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
        """Makes a request for exactly this address, unless the crawl has reached its limit of pages.

        :param essential: whether the list of products is incomplete without this page.
        :param render: whether a browser is to render it.
        :param meta: further entries of the request's meta.
        """
        stats, limit = self.job.stats, self.job.store.limits.pages
        if stats.pages_requested >= limit:
            gap = f"the limit of {limit} pages was reached"
            if gap not in stats.gaps:
                stats.gaps.append(gap)
            return
        try:
            origin_of(url)
            request = Request(
                escaped(url),
                callback,
                errback=self.request_failed,
                priority=priority,
                cb_kwargs=cb_kwargs,
                # Scrapy would rewrite some addresses, and take two different ones for the same.
                meta={
                    "essential": essential,
                    "verbatim_url": True,
                    **(rendered() if render else {}),
                    **(meta or {}),
                },
            )
        except RefusedURLError as error:
            stats.reject(url, RejectStage.FETCH, str(error))
            return
        except ValueError:
            stats.reject(url, RejectStage.FETCH, "it is not a web address")
            return
        stats.pages_requested += 1
        yield request

    def idle(self) -> None:
        """Makes the last requests when all others are done.

        :raises DontCloseSpider: where there are any.
        """
        requests = list(self.last_requests())
        for request in requests:
            self.crawler.engine.crawl(request)
        if requests:
            raise DontCloseSpider

    def last_requests(self) -> Iterator[Request]:
        """Requests the own pages of products that were not found: some are still sold, others are gone.

        None are requested if so much is missing that the crawl is not believed.
        """
        job, stats = self.job, self.job.stats
        if self.missing_requested or stats.searched or stats.broken or stats.stopped or not stats.found:
            return
        self.missing_requested = True
        missing = missing_products(stats.found, job.snapshot.products)
        lost = [product_id for product_id in missing if product_id not in stats.gone]
        if stats.loss(job.snapshot) > 1 - job.store.limits.suspicious_below:
            return
        lost.sort(key=lambda product_id: -job.snapshot.missed_crawls.get(product_id, 0))
        for product_id in lost[:MAX_MISSING_REQUESTED]:
            url = job.snapshot.products[product_id].url
            if url and same_site(url, job.store.url):
                yield from self.request_missing_product(product_id, url)

    def request_missing_product(self, product_id: str, url: str) -> Iterator[Request]:
        """Requests the own page of a product that was not found."""
        yield from self.request(
            url, self.parse_missing_product, meta={"product_id": product_id, "address": url}
        )

    def parse_missing_product(self, response: Response) -> None:
        """Notes a product as gone if its own page redirects to the front page."""
        if response.url != response.meta["address"]:
            self.job.stats.redirected.add(response.meta["product_id"])
        if self.is_dead_end(response.url, response.meta["address"]):
            self.job.stats.gone.add(response.meta["product_id"])

    def request_failed(self, failure: Failure) -> Iterator[Any] | None:
        """Notes a page that could not be fetched."""
        request: Request = failure.request  # type: ignore[attr-defined]
        error = failure.value
        if isinstance(error, Stopped):
            return None
        stats, reason = self.job.stats, reason_for(error)
        stats.reject(request.url, RejectStage.FETCH, reason)
        stats.errors += is_fault(error)
        gone = isinstance(error, HttpError) and error.response.status in GONE
        if request.meta.get("essential"):
            # A menu may link to dead pages, but an address that the store's entry names has to exist.
            if not (gone and request.meta.get("discovered")):
                stats.gaps.append(f"{request.url}: {reason}")
            return None
        lost = request.meta.get("product_id")
        if gone:
            stats.gone.add(lost or self.known_product_at(request))
        elif not lost:
            stats.unread += 1
            self.note_still_listed(self.known_product_at(request))
        return None

    def note_redirect_to_known_page(self, request: Request) -> None:
        """Notes a page that redirects to one that this crawl has requested already."""
        requested = request.meta["redirect_urls"][0]
        self.job.stats.reject(requested, RejectStage.FETCH, "it leads to a page that was asked for before")
        product = request.meta.get("product_id") or self.known_product_at(request)
        self.job.stats.redirected.add(product)
        if self.is_dead_end(request.url, requested):
            self.job.stats.gone.add(product)

    def is_dead_end(self, url: str, requested: str) -> bool:
        """Whether an address redirects to the front page, as many stores do if a product is gone."""
        return is_home(url) and not is_home(requested)

    def known_product_at(self, request: Request) -> str:
        """The id of the product that was last read from a request's address; empty if none was."""
        return self.job.snapshot.product_at.get(request.meta.get("address", request.url), "")

    def note_still_listed(self, product_id: str) -> None:
        """Notes a stored product as found although its page was not read."""
        known = self.job.snapshot.products.get(product_id)
        if known is None or known.removed:
            return
        if self.job.stats.note_found(product_id, known.fields):
            self.job.stats.images += known.images

    def json_of(self, response: Response) -> Any:
        """The response as JSON; None if it is none, with the reason noted."""
        try:
            return json.loads(response.body)
        except (ValueError, RecursionError):
            header = (response.headers.get("Content-Type") or b"").decode("latin-1")
            kind = header.split(";")[0] or "something else"
            reason = f"it holds {kind}, not JSON"
            self.job.stats.reject(response.url, RejectStage.EXTRACT, reason)
            if response.meta.get("essential"):
                self.job.stats.gaps.append(f"{response.url}: {reason}")
            return None


def source_of(response: Response, body: bytes | None = None, content_type: str | None = None) -> Source:
    """The source that a product was read from.

    :param body: the part of the response that is about this product; None if all of it is.
    """
    requested = response.meta.get("redirect_urls", [response.url])[0]
    header = (response.headers.get("Content-Type") or b"").decode("latin-1")
    own = body is None
    return Source(
        url=requested,
        content_type=content_type or header.split(";")[0].strip().lower() or "text/html",
        body=response.body if body is None else body,
        fetched_at=datetime.now(UTC),
        own_page=own,
        etag=_header(response, "ETag") if own else None,
        last_modified=_header(response, "Last-Modified") if own else None,
    )


def json_bytes(data: Any) -> bytes:
    """A part of a response as JSON again, with lone surrogates, which UTF-8 cannot hold, escaped."""
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
    """The store as JSON; from stdin, because every user of the machine can read a command line."""
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
