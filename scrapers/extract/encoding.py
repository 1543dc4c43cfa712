"""Decodes pages and sitemaps in the encoding that they declare, which may be anything."""

from __future__ import annotations

from w3lib.encoding import html_body_declared_encoding, html_to_unicode, http_content_type_encoding

from scrapers.http.charsets import is_of_the_web


def to_unicode(body: bytes, content_type: str | None = None, default: str = "utf8") -> tuple[str, str]:
    """The encoding of a page or sitemap, and its text.

    :param content_type: the Content-Type header.
    :param default: the encoding where it declares none. Where it declares one that is none, it is UTF-8.
    """
    try:
        declared = http_content_type_encoding(content_type) or html_body_declared_encoding(body)
        usable = declared is None or is_of_the_web(declared)
    except ValueError:  # a name with a null character, for one
        usable = False
    if not usable:
        return "utf-8", body.decode("utf-8", "replace")
    return html_to_unicode(content_type, body, default_encoding=default)
