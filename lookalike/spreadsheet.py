"""Text for CSV files, which people open with a spreadsheet."""

from __future__ import annotations

_FORMULA = (*"=+-@", *"\t\r\n", *"\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}", "\uff0d", "\uff20")
"""What a spreadsheet takes for the beginning of a formula, see OWASP's "CSV Injection"."""


def harmless(text: str) -> str:
    """A store's text so that a spreadsheet shows it and computes nothing: with `'` before a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
