"""Finds the texts that a visitor reads, and compiles translations: `python -m lookalike.locales.update`.

New texts come into each language's `lookalike.po` without a translation; texts that are gone leave it.
"""

from __future__ import annotations

import ast
import io
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from jinja2 import Environment
from jinja2.ext import extract_from_ast

from lookalike.language import DOMAIN, ENGLISH, LANGUAGES, LOCALES
from lookalike.templates import TEMPLATES

REPOSITORY = Path(__file__).parents[2]
ROOMS = ("dashboards", "lookalike")
FORMS = {"_": 1, "translated": 1, "marked": 1, "plural": 2}
"""How many of its arguments are texts, by the name of what marks them."""

COLUMNS = 110


def texts() -> Catalog:
    """All texts in English, without translations."""
    found = Catalog(domain=DOMAIN, fuzzy=False)
    for room in ROOMS:
        for file in sorted((REPOSITORY / room).rglob("*.py")):
            for text in texts_of(file.read_text("utf-8")):
                found.add(text, locations=[(str(file.relative_to(REPOSITORY)), 1)])
    for source in TEMPLATES.values():
        for _, _, message in extract_from_ast(Environment().parse(source), ("_",)):  # noqa: S701 - not rendered
            english = message[0] if isinstance(message, tuple) else message  # before the values of its names
            if english:  # a variable has none
                found.add(english, locations=[("lookalike/templates.py", 1)])
    return found


def texts_of(source: str) -> list[str | tuple[str, ...]]:
    """The texts that a module marks; babel's own reader skips those within f-strings.

    :return: of `plural`, both forms.
    """
    calls = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FORMS
    ]
    found = []
    for call in calls:
        forms = tuple(
            argument.value
            for argument in call.args[: FORMS[call.func.id]]  # type: ignore[attr-defined]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
        )
        if forms:
            found.append(forms if len(forms) > 1 else forms[0])
    return found


def read(language: str) -> Catalog:
    """A language's translations; empty where there are none yet."""
    file = po_file(language)
    with io.BytesIO(file.read_bytes() if file.exists() else b"") as stream:
        return read_po(stream, locale=language, domain=DOMAIN)


def po_file(language: str) -> Path:
    """Where a language's translations stand."""
    return LOCALES / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def compiled(catalogue: Catalog) -> bytes:
    """Translations as `gettext` reads them."""
    stream = io.BytesIO()
    write_mo(stream, catalogue)
    return stream.getvalue()


def main() -> None:
    """Updates and compiles all languages."""
    wanted = texts()
    for language in LANGUAGES:
        if language == ENGLISH:
            continue
        catalogue, file = read(language), po_file(language)
        catalogue.update(wanted, no_fuzzy_matching=True)
        catalogue.obsolete.clear()
        catalogue.fuzzy = False
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as stream:
            write_po(
                stream, catalogue, width=COLUMNS, omit_header=False, include_lineno=False, sort_output=True
            )
        file.with_suffix(".mo").write_bytes(compiled(catalogue))
        missing = [message.id for message in catalogue if message.id and not message.string]
        print(f"{language}: {len(catalogue)} texts, {len(missing)} without a translation")


if __name__ == "__main__":
    main()
