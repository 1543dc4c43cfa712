"""Counts how requests ended, so that a crawl that is not complete can say why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapy.utils.httpobj import urlparse_cached

from scrapers.session.component import JobComponent
from scrapers.session.failure import failure_of_error, failure_of_status
from storage.verdicts import Failure

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.http import Response

BUSY = 429


class OutcomesMiddleware(JobComponent):
    """Sees each request once, after its last retry. Photos are left out: a store works without them."""

    def process_response(self, request: Request, response: Response) -> Response:
        """Counts an answer. A robots.txt that is missing or forbidden forbids nothing."""
        failure = failure_of_status(response.status)
        robots = urlparse_cached(request).path == "/robots.txt"
        if request.meta.get("photo") or (robots and response.status < 500 and response.status != BUSY):
            return response
        essential = bool(request.meta.get("essential"))
        if failure == Failure.NOT_FOUND and request.meta.get("discovered"):
            essential = False  # a menu may link to dead pages
        if failure:
            self.job.stats.outcomes.note_failure(failure, essential=essential)
        else:
            self.job.stats.outcomes.note_answer(essential=essential)
        return response

    def process_exception(self, request: Request, exception: Exception) -> None:
        """Counts a failure."""
        if request.meta.get("photo"):
            return
        if failure := failure_of_error(exception):
            self.job.stats.outcomes.note_failure(failure, essential=bool(request.meta.get("essential")))
