"""Pages that cannot be a product's, and why: challenges, missing pages, password gates."""

from __future__ import annotations

from itertools import islice

from scrapers.extract.page import Page
from scrapers.extract.vocabulary import phrases

MAX_PASSWORDS = 10
"""Password fields that are looked at; a page has one or two forms with them."""
MAX_SMALL = 1500
"""Elements of a page that is little more than a message; the smallest product pages have hundreds."""

CHALLENGE = "it is a challenge page that asks for a browser or a person, not a product"
MISSING = "it says that the page does not exist"
PROTECTED = "it asks for a password: what is behind it is not for show"

_CHALLENGE = phrases("challenge")
_GATE = """boolean(ancestor::form[not(.//input[not(@type) or @type='text' or @type='email' or @type='tel'])]
    [not(ancestor::header or ancestor::footer or ancestor::*[@aria-hidden])])"""
"""Whether a password field is in a form without a user name: that protects a page, not an account."""
_CHALLENGE_MARKS = (
    "//*[@id='challenge-form' or @id='challenge-running' or @id='challenge-error-text' or @id='cf-wrapper'"
    " or @id='px-captcha']",
    "//script[contains(@src,'/cdn-cgi/challenge-platform/') or contains(@src,'captcha-delivery.com')"
    " or contains(@src,'_Incapsula_Resource') or contains(@src,'/px/captcha')"
    " or contains(@src,'captcha.px-cdn')]",
    "//iframe[contains(@src,'captcha-delivery.com') or contains(@src,'_Incapsula_Resource')]",
    "//form[contains(@action,'validateCaptcha') or contains(@action,'/errors/validate')]",
    "//meta[@name='ROBOTS' and @content='NOINDEX, NOFOLLOW']/following::script[contains(@src,'Incapsula')]",
)
_NOT_FOUND = phrases("not_found")


def refusal_of(page: Page) -> str | None:
    """Why a page cannot be a product's, whatever its markup says; None if it may be one."""
    passwords = (one for one in page.tagged["input"] if one.get("type") == "password")
    if any(one.xpath(_GATE) for one in islice(passwords, MAX_PASSWORDS)):
        return PROTECTED
    title = page.title[:200]
    titled = _CHALLENGE.match(title)
    if not titled and page.tagged["h1"]:
        return None
    small = sum(1 for _, _ in zip(range(MAX_SMALL), page.tree.iter(), strict=False)) < MAX_SMALL
    return (
        CHALLENGE if small and (titled or any(page.tree.xpath(mark) for mark in _CHALLENGE_MARKS)) else None
    )


def says_missing(page: Page) -> bool:
    """Whether the title or heading says that the page does not exist, whatever its status was."""
    for text in [page.title, *(heading.text_content() for heading in page.tagged["h1"][:2])]:
        found = _NOT_FOUND.search(text[:120])
        if found and (found.end() - found.start()) >= 0.25 * min(len(text.strip()), 60):
            return True
    return False
