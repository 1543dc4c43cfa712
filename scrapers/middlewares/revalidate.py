"""Requests known pages with their validators, so that an unchanged one is answered without a body."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapers.session.component import JobComponent

if TYPE_CHECKING:
    from scrapy import Request

NOT_MODIFIED = 304


class RevalidateMiddleware(JobComponent):
    """Adds `If-None-Match` and `If-Modified-Since` to requests whose meta says `revalidate`."""

    def process_request(self, request: Request) -> None:
        """Adds the headers if an earlier response had validators."""
        if not request.meta.get("revalidate"):
            return
        address = request.url if "redirect_urls" in request.meta else request.meta.get("address", request.url)
        known = self.job.snapshot.fetches.get(address)
        if known is None:
            return
        if known.etag:
            request.headers.setdefault("If-None-Match", known.etag)
        if known.last_modified:
            request.headers.setdefault("If-Modified-Since", known.last_modified)
