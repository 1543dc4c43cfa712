"""Refuses requests to private addresses: by URL, and when a host name is resolved."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from scrapy import signals
from scrapy.exceptions import IgnoreRequest
from scrapy.utils.httpobj import urlparse_cached
from twisted.internet.interfaces import IAddress, IHostnameResolver, IHostResolution, IResolutionReceiver
from zope.interface import implementer

from scrapers.http.addresses import (
    RefusedURLError,
    check_host_behind_proxy,
    check_url,
    is_public,
    origin_of,
    refusal,
)
from scrapers.session.component import job_of

if TYPE_CHECKING:
    from typing import Self

    from scrapy import Request
    from scrapy.crawler import Crawler

_LOOKUP_S = 10.0
"""Time to look up a name that a proxy resolves anyway."""


class RefusedRequest(IgnoreRequest):
    """A request that the guard refused; the message is the sentence for `rejects`."""


class GuardMiddleware:
    """Checks each request, also those that redirects lead to, and guards the reactor's name resolution.

    The downloader connects only to addresses that `GuardedResolver` returns, so it does not matter if a name
    changes its address between check and connection.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.allow_private = crawler.settings.getbool("ALLOW_PRIVATE")
        self.behind_proxy = False
        self.names: dict[str, asyncio.Future[None]] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        guard = cls(crawler)
        # Not before the engine starts: Scrapy installs its own resolver late and would replace ours.
        crawler.signals.connect(guard.engine_started, signal=signals.engine_started)
        return guard

    def engine_started(self) -> None:
        """Wraps the reactor's resolver.

        A store's own proxy resolves names itself, and may itself stand in a private network: then each name
        is looked up here before its request goes to the proxy.
        """
        self.behind_proxy = hasattr(self.crawler.spider, "job") and bool(
            job_of(self.crawler).credentials.proxy
        )
        if self.allow_private or self.behind_proxy:
            return
        from twisted.internet import reactor

        guarded = GuardedResolver(reactor.nameResolver)
        reactor.installNameResolver(guarded)

    async def process_request(self, request: Request) -> None:
        """Refuses a private URL, and behind a proxy one whose name resolves to a private address here."""
        try:
            check_url(request.url, allow_private=self.allow_private)
            if self.behind_proxy and not self.allow_private:
                await self._check_name(request.url)
        except RefusedURLError as error:
            raise RefusedRequest(str(error)) from None

    async def _check_name(self, url: str) -> None:
        """:raises RefusedURLError: where the host's name leads to a private address here."""
        host = origin_of(url).host
        if host not in self.names:
            self.names[host] = asyncio.ensure_future(asyncio.to_thread(check_host_behind_proxy, url))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self.names[host]), _LOOKUP_S)


class RefusedNameMiddleware:
    """Turns a refused name into `RefusedRequest`, before Scrapy retries it as one that does not exist."""

    def process_exception(self, request: Request, exception: Exception) -> None:
        """:raises RefusedRequest: where the guard refused the address of the request's host."""
        from twisted.internet import reactor

        resolver = reactor.nameResolver
        host = urlparse_cached(request).hostname or ""
        if isinstance(resolver, GuardedResolver) and host in resolver.refused:
            raise RefusedRequest(str(refusal(request.url, resolver.refused[host]))) from exception


@implementer(IHostnameResolver)
class GuardedResolver:
    """Returns the addresses of a name only if all of them are public.

    :ivar refused: names that lead to a private address, with that address.
    """

    def __init__(self, resolver: Any) -> None:
        self.inner = resolver
        self.refused: dict[str, str] = {}

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[type[IAddress]] | None = None,
        transportSemantics: str = "TCP",
    ) -> IHostResolution:
        """See `IHostnameResolver`."""
        receiver = _CheckingReceiver(resolutionReceiver, hostName, self.refused)
        return self.inner.resolveHostName(receiver, hostName, portNumber, addressTypes, transportSemantics)


@implementer(IResolutionReceiver)
class _CheckingReceiver:
    def __init__(self, receiver: Any, host: str, refused: dict[str, str]) -> None:
        self.receiver = receiver
        self.host = host
        self.refused = refused
        self.addresses: list[Any] = []

    def resolutionBegan(self, resolution: IHostResolution) -> None:
        self.receiver.resolutionBegan(resolution)

    def addressResolved(self, address: Any) -> None:
        self.addresses.append(address)

    def resolutionComplete(self) -> None:
        private = [address.host for address in self.addresses if not is_public(address.host)]
        if private:
            self.refused[self.host] = private[0]
        else:
            for address in self.addresses:
                self.receiver.addressResolved(address)
        self.receiver.resolutionComplete()
