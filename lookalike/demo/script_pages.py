"""A demo storefront whose pages are empty until their script has fetched what the plain pages show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lookalike.demo import schema_pages
from lookalike.demo.reply import Reply, html_reply
from lookalike.demo.shelf import Shelf

PHOTOS = schema_pages.PHOTOS

_FETCHED = "whole"
_SHELL = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Shop</title></head>
<body><div id="root"></div>
<script>
const address = new URL(location.href);
address.searchParams.set("part", "whole");
fetch(address).then((answer) => answer.text()).then((text) => {
  const page = new DOMParser().parseFromString(text, "text/html");
  document.head.innerHTML = page.head.innerHTML;
  document.body.innerHTML = page.body.innerHTML;
});
</script>
<noscript>This shop needs JavaScript.</noscript>
</body>
</html>
"""


def answer(shelf: Shelf, path: str, query: Mapping[str, Sequence[str]]) -> Reply | None:
    """:return: the answer to a path and query; None where there is no such page."""
    reply = schema_pages.answer(shelf, path, query)
    if reply is None or not reply.content_type.startswith("text/html") or _FETCHED in query.get("part", ()):
        return reply
    return html_reply(_SHELL)
