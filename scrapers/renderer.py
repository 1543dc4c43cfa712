"""Pages rendered by a browser outside a crawl, for detection: the same browser, behind the same proxy."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Self, TypeVar

from scrapers.browser import check_browser, find_browser, launch_options, rendered
from scrapers.guard import USER_AGENT, Fetched, FetchError
from scrapers.guarded_proxy import GuardedProxy

if TYPE_CHECKING:
    from playwright.async_api import Browser, Playwright

T = TypeVar("T")

_START_S = 60.0


class Renderer:
    """A browser, running in a thread of its own until the block ends.

    :raises LookalikeError: where none is installed.
    """

    def __init__(self, *, allow_private: bool) -> None:
        self.proxy = GuardedProxy(allow_private=allow_private)
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name="browser", daemon=True)

    def __enter__(self) -> Self:
        check_browser(os.environ)
        self.thread.start()
        try:
            self._run(self._open(), _START_S)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._close(), _START_S)
        self._end()

    def page(self, url: str, *, max_bytes: int, timeout_s: float) -> Fetched:
        """A page as it is after its scripts ran.

        :raises FetchError: where it is not there in time, refused, or too large.
        """
        from playwright.async_api import Error

        self.proxy.begin_page(max_bytes)
        try:
            return self._run(self._render(url, max_bytes, timeout_s), 2 * timeout_s)
        except (Error, TimeoutError) as error:
            refused = next(iter(self.proxy.refused.values()), None)
            reason = str(error).partition("\n")[0][:200] or "no answer in time"
            raise FetchError(refused or f"{url} cannot be rendered ({reason}).") from None

    async def _open(self) -> None:
        from playwright.async_api import async_playwright

        await self.proxy.start()
        self.playwright: Playwright = await async_playwright().start()
        options = launch_options({"executable_path": find_browser(os.environ)}, self.proxy.url)
        self.browser: Browser = await self.playwright.chromium.launch(**options)

    async def _render(self, url: str, max_bytes: int, timeout_s: float) -> Fetched:
        from scrapers.rendering import not_loaded, settled

        context = await self.browser.new_context(
            user_agent=USER_AGENT, **rendered()["playwright_context_kwargs"]
        )
        try:
            page = await context.new_page()
            await page.route(
                "**", lambda route, asked: route.abort() if not_loaded(asked) else route.continue_()
            )
            answer = await page.goto(url, timeout=1000 * timeout_s)
            if not await settled(page, max_bytes):
                raise FetchError(f"{url} is larger than the limit of {max_bytes} bytes.")
            body = (await page.content()).encode("utf-8", "replace")
            status = answer.status if answer else 200
            return Fetched(page.url, status, {"content-type": "text/html; charset=utf-8"}, "text/html", body)
        finally:
            await context.close()

    async def _close(self) -> None:
        await self.browser.close()
        await self.playwright.stop()
        await self.proxy.stop()

    def _run(self, work: Coroutine[Any, Any, T], timeout_s: float) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout_s)

    def _end(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()
