"""Pages that cannot be a product's, and why: challenges, missing pages, password gates."""

from __future__ import annotations

import re

from scrapers.extract.page import Page
from scrapers.extract.visible.words import phrases

MAX_SMALL = 1500
"""Elements of a page that is little more than a message; the smallest product pages have hundreds."""

CHALLENGE = "it is a challenge page that asks for a browser or a person, not a product"
MISSING = "it says that the page does not exist"
PROTECTED = "it asks for a password: what is behind it is not for show"

_CHALLENGE_TITLES = re.compile(
    r"^(?:just a moment|attention required|access denied|access to this page has been denied|please wait"
    r"|security check|are you (?:a )?(?:human|robot)|robot check|checking your browser|one more step"
    r"|pardon our interruption|human verification|verify(?:ing)? you are human|ddos-guard"
    r"|bot (?:verification|protection)|request blocked|blocked|un instant|nur einen moment|einen moment"
    r"|un momento|captcha|403 forbidden|request rejected|client challenge)\b",
    re.I,
)
_GATE = """//form[.//input[@type='password']][not(.//input[not(@type) or @type='text' or
    @type='email' or @type='tel'])][not(ancestor::header or ancestor::footer or ancestor::*[@aria-hidden])]"""
"""A form with a password and no user name: it protects a page, not an account."""
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
_MISSING = phrases("""
    page not found | 404 | not found | page cannot be found | page could not be found
    page doesn't exist | page does not exist | page isn't available | no longer exists
    can't find the page | product not found | this page is missing | error 404 | seite nicht gefunden
    seite wurde nicht gefunden | seite existiert nicht | produkt nicht gefunden | nicht gefunden
    page introuvable | page non trouvée | cette page n'existe | produit introuvable | page inexistante
    pagina non trovata | pagina inesistente | prodotto non trovato | página no encontrada
    no se encontró la página | no encontrada | página não encontrada | produto não encontrado
    pagina niet gevonden | niet gevonden | sidan hittades inte | sidan kunde inte
    siden blev ikke fundet | siden finnes ikke | siden findes ikke | sivua ei löytynyt | nie znaleziono
    strona nie istnieje | stránka nenalezena | stránka nebyla nalezena | stránka sa nenašla
    az oldal nem található | pagina nu a fost găsită | stranica nije pronađena | strani ni mogoče najti
    puslapis nerastas | lapa nav atrasta | lehte ei leitud | страницата не е намерена | sayfa bulunamadı
    η σελίδα δεν βρέθηκε | страница не найдена | сторінку не знайдено | товар не найден
    ページが見つかりません | お探しのページ | 页面不存在 | 找不到頁面 | 找不到页面 | 頁面不存在
    페이지를 찾을 수 없습니다 | ไม่พบหน้า | không tìm thấy trang | halaman tidak ditemukan
    الصفحة غير موجودة | הדף לא נמצא
""")


def refusal_of(page: Page) -> str | None:
    """Why a page cannot be a product's, whatever its markup says; None if it may be one."""
    if page.tree.xpath(_GATE):
        return PROTECTED
    title = (page.first("//title") or "")[:200]
    titled = _CHALLENGE_TITLES.search(title)
    if not titled and next(page.tree.iter("h1"), None) is not None:
        return None
    small = sum(1 for _, _ in zip(range(MAX_SMALL), page.tree.iter(), strict=False)) < MAX_SMALL
    return (
        CHALLENGE if small and (titled or any(page.tree.xpath(mark) for mark in _CHALLENGE_MARKS)) else None
    )


def says_missing(page: Page) -> bool:
    """Whether the title or heading says that the page does not exist, whatever its status was."""
    texts = [page.first("//title") or "", *(heading.text_content() for heading in page.tree.iter("h1"))]
    for text in texts[:3]:
        found = _MISSING.search(text[:120])
        if found and (found.end() - found.start()) >= 0.25 * min(len(text.strip()), 60):
            return True
    return False
