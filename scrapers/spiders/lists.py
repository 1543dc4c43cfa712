"""What the spiders share that follow pages listing products: a category's, or the results of a search."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from scrapers.reading import Links, page_links
from scrapers.spiders.pages import PageSpider, content_type_of, is_page
from scrapers.workers import EndedError, WorkerError

if TYPE_CHECKING:
    from scrapy.http import Response

MAX_CATEGORIES = 100
"""Categories of the navigation that are followed where no listing is named."""


class ListSpider(PageSpider):
    """Follows lists of products, page by page, to the products' own pages."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.listings: set[str] = set()

    def search(self, words: str) -> Iterator[Any]:
        """The results of the search that the store's recipe names."""
        recipe = self.job.store.recipe
        url = recipe.search_for(words) if recipe else None
        if url:
            yield from self.ask_listing(url)
        else:
            self.job.ledger.gaps.append("its entry names no `search_url` in [stores.recipe]")

    def ask_listing(self, url: str, *, front: bool = False) -> Iterator[Any]:
        """Asks for a page of a listing, each once."""
        if url not in self.listings:
            self.listings.add(url)
            yield from self.ask_page(url, self.parse_listing, essential=True, priority=10, front=front)

    async def parse_listing(self, response: Response, front: bool = False) -> AsyncIterator[Any]:
        """Asks for the products of a listing and for its next page."""
        try:
            links = await self._links_of(response, front=front)
        except WorkerError as error:
            self.list_not_read(response.url, error)
            return
        if links is None:
            self.job.ledger.gaps.append(f"{response.url}: it holds no page")
            return
        for url in links.listings:
            for request in self.ask_listing(url):
                yield request
        for url in links.products:
            if url not in self.listings:
                for request in self.ask_product(url):
                    yield request

    def list_not_read(self, url: str, error: WorkerError) -> None:
        """Notes a list of products whose reading was given up."""
        if not isinstance(error, EndedError):
            self.job.ledger.reject(url, "extract", str(error))
            self.job.ledger.gaps.append(f"{url}: {error}")

    async def _links_of(self, response: Response, *, front: bool) -> Links | None:
        """Where a listing leads; None where it is no HTML.

        :raises WorkerError: where it cannot be read, or not in time.
        """
        header = content_type_of(response)
        if not is_page(header):
            return None
        return await self.job.reader.answer(
            page_links,
            response.body,
            response.url,
            header,
            self.job.store.recipe,
            max_categories=MAX_CATEGORIES if front else 0,
        )
