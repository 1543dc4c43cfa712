"""The page's own scripts. The server allows exactly these, by their hashes, so their text is constant."""

from __future__ import annotations

from lookalike import language

SCROLL_UP = "document.querySelector('[data-testid=stMain]')?.scrollTo({top: 0});"

# A pasted picture goes the way of a chosen file. Text that is pasted into a field stays there.
PASTE = """
if (!window.lookalikePaste) {
  window.lookalikePaste = true;
  document.addEventListener('paste', event => {
    const uploader = document.querySelector('.st-key-la-uploader input[type=file]');
    const photo = [...event.clipboardData.files].find(file => file.type.startsWith('image/'));
    if (!uploader || !photo) return;
    event.preventDefault();
    const files = new DataTransfer();
    files.items.add(photo);
    uploader.files = files.files;
    uploader.dispatchEvent(new Event('change', {bubbles: true}));
  });
}
"""

LANGUAGES = {code: f"document.documentElement.lang = '{code}';" for code in language.LANGUAGES}
"""Tells screen readers the page's language."""

ALL = (
    PASTE,
    *LANGUAGES.values(),
    *(script + SCROLL_UP for script in LANGUAGES.values()),
)
