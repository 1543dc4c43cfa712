"""Sends a store's own headers to its servers, and all requests through its proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapers.session.component import JobComponent

if TYPE_CHECKING:
    from scrapy import Request


class OwnHeadersMiddleware(JobComponent):
    """Adds the headers of the store's entry to requests to its own servers, and removes them from all others.

    A redirect, or a photo on somebody else's server, must not carry the store's secrets there.
    """

    def process_request(self, request: Request) -> None:
        """Sets or removes the headers."""
        credentials = self.job.credentials
        for name in credentials.headers:
            request.headers.pop(name, None)
        request.headers.update(credentials.headers_for(request.url))


class OwnProxyMiddleware(JobComponent):
    """Sends every request through the proxy of the store's entry."""

    def process_request(self, request: Request) -> None:
        """Sets the proxy, and our credentials for it."""
        credentials = self.job.credentials
        if credentials.proxy is None:
            return
        request.meta["proxy"] = credentials.proxy_address
        if credentials.proxy_authorization:
            request.headers["Proxy-Authorization"] = credentials.proxy_authorization.get_secret_value()
