"""Counts the characters that a regular expression looks at, by matching as Python's `re` does: backtracking.

`re` itself counts nothing, and seconds depend on the machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

MOST = 6
"""A larger bound of a repetition is taken for this one: it only multiplies the steps by a constant, which
would look like growth on short texts."""

_CATEGORIES = {
    op.CATEGORY_DIGIT: str.isdigit,
    op.CATEGORY_SPACE: str.isspace,
    op.CATEGORY_WORD: lambda char: char.isalnum() or char == "_",
}
_NEGATED = {
    op.CATEGORY_NOT_DIGIT: op.CATEGORY_DIGIT,
    op.CATEGORY_NOT_SPACE: op.CATEGORY_SPACE,
    op.CATEGORY_NOT_WORD: op.CATEGORY_WORD,
}
_SINGLE = (op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN)
_REPEATS = (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT)


class Steps:
    """One search of a text after the other, as `finditer` does, with the characters looked at so far."""

    def __init__(self, pattern: re.Pattern[Any]) -> None:
        source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
        self.flags = pattern.flags
        self.items = list(_parser.parse(source, pattern.flags & ~re.UNICODE))
        self.ignoring_case = bool(pattern.flags & re.IGNORECASE)

    def count(self, text: str) -> int:
        """How many characters are looked at to find all matches in a text."""
        self.text, self.steps = text, 0
        position = 0
        while position <= len(text):
            end = next(self._all(self.items, position), None)
            position = end if end is not None and end > position else position + 1
        return self.steps

    def letters(self) -> list[str]:
        """Characters that the pattern tells apart, and the words that it looks for."""
        words: list[str] = []
        chars: dict[str, None] = {}
        nodes: list[Any] = []
        self._collect(self.items, words, chars, nodes)
        kinds: dict[tuple[bool, ...], str] = {}
        for char in [*chars, "\n", "x", "-"]:
            kinds.setdefault(tuple(self._fits(node, char) for node in nodes), char)
        return [*kinds.values(), *dict.fromkeys(words)]

    def _collect(self, items: Any, words: list[str], chars: dict[str, None], nodes: list[Any]) -> None:
        word = ""
        for code, value in items:
            if code is op.LITERAL:
                word += chr(value)
            else:
                words += [word] if len(word) > 1 else []
                word = ""
            if code in _SINGLE:
                nodes.append((code, value))
                chars.update(dict.fromkeys(_samples(code, value)))
            for inner in _inner(code, value):
                self._collect(inner, words, chars, nodes)
        words += [word] if len(word) > 1 else []

    def _all(self, items: list[Any], position: int) -> Iterator[int]:
        """Where a match of these items that begins at a position may end, in the order of the tries."""
        if not items:
            yield position
            return
        for end in self._one(*items[0], position):
            yield from self._all(items[1:], end)

    def _one(self, code: Any, value: Any, position: int) -> Iterator[int]:
        if code in _SINGLE:
            self.steps += 1
            if position < len(self.text) and self._fits((code, value), self.text[position]):
                yield position + 1
        elif code in _REPEATS:
            yield from self._repeated(code, value, position)
        elif code is op.BRANCH:
            for branch in value[1]:
                yield from self._all(list(branch), position)
        elif code is op.SUBPATTERN:
            yield from self._all(list(value[3]), position)
        elif code is op.ATOMIC_GROUP:
            yield from _first(self._all(list(value), position))
        elif code in (op.ASSERT, op.ASSERT_NOT):
            start = position if value[0] > 0 else position - value[1].getwidth()[0]
            found = start >= 0 and next(self._all(list(value[1]), start), None) is not None
            if found == (code is op.ASSERT):
                yield position
        elif code is op.AT:
            self.steps += 1
            if self._is_at(value, position):
                yield position
        else:
            raise NotImplementedError(code)

    def _repeated(self, code: Any, value: Any, position: int) -> Iterator[int]:
        least, most, inner = value
        least, most = min(least, MOST), (most if most is op.MAXREPEAT else min(most, MOST))
        items = list(inner)
        if code is op.POSSESSIVE_REPEAT:
            count = 0
            while most is op.MAXREPEAT or count < most:
                end = next(self._all(items, position), None)
                if end is None or end == position:
                    break
                position, count = end, count + 1
            if count >= least:
                yield position
        elif len(items) == 1 and items[0][0] in _SINGLE:
            ends = [position]
            while (most is op.MAXREPEAT or len(ends) <= most) and (
                end := next(self._all(items, ends[-1]), None)
            ) is not None:
                ends.append(end)
                if code is op.MIN_REPEAT and len(ends) > least:
                    yield ends[-2]
            kept = ends[least:] if code is op.MAX_REPEAT else ends[-1:] if len(ends) > least else []
            for end in reversed(kept):
                self.steps += 1
                yield end
        else:
            yield from self._nested(code, least, most, items, position)

    def _nested(self, code: Any, least: int, most: Any, items: list[Any], position: int) -> Iterator[int]:
        if code is op.MIN_REPEAT and least <= 0:
            yield position
        if most is op.MAXREPEAT or most > 0:
            left = most if most is op.MAXREPEAT else most - 1
            for end in self._all(items, position):
                if end > position:
                    yield from self._nested(code, least - 1, left, items, end)
        if code is op.MAX_REPEAT and least <= 0:
            yield position

    def _fits(self, node: tuple[Any, Any], char: str) -> bool:
        code, value = node
        if code is op.ANY:
            return char != "\n" or bool(self.flags & re.DOTALL)
        if code is op.LITERAL:
            return self._same(value, char)
        if code is op.NOT_LITERAL:
            return not self._same(value, char)
        negated = bool(value) and value[0][0] is op.NEGATE
        return any(self._in(one, char) for one in value) != negated

    def _in(self, one: tuple[Any, Any], char: str) -> bool:
        code, value = one
        if code is op.LITERAL:
            return self._same(value, char)
        if code is op.RANGE:
            cases = (char, char.lower(), char.upper()) if self.ignoring_case else (char,)
            return any(len(case) == 1 and value[0] <= ord(case) <= value[1] for case in cases)
        if code is op.CATEGORY:
            return not _CATEGORIES[_NEGATED[value]](char) if value in _NEGATED else _CATEGORIES[value](char)
        return False

    def _same(self, value: int, char: str) -> bool:
        return chr(value) == char or (self.ignoring_case and chr(value).lower() == char.lower())

    def _is_at(self, where: Any, position: int) -> bool:
        text, multiline = self.text, self.flags & re.MULTILINE
        if where in (op.AT_BEGINNING, op.AT_BEGINNING_STRING):
            return position == 0 or bool(
                where is op.AT_BEGINNING and multiline and text[position - 1] == "\n"
            )
        if where is op.AT_END_STRING:
            return position == len(text)
        if where is op.AT_END:
            return text[position:] in ("", "\n") or bool(multiline and text[position] == "\n")
        around = [
            0 <= place < len(text) and _CATEGORIES[op.CATEGORY_WORD](text[place])
            for place in (position - 1, position)
        ]
        return (around[0] != around[1]) == (where is op.AT_BOUNDARY)


def _first(ends: Iterator[int]) -> Iterator[int]:
    for end in ends:
        yield end
        return


def _inner(code: Any, value: Any) -> list[Any]:
    if code in _REPEATS:
        return [value[2]]
    if code is op.BRANCH:
        return list(value[1])
    if code is op.SUBPATTERN:
        return [value[3]]
    if code in (op.ASSERT, op.ASSERT_NOT):
        return [value[1]]
    return [value] if code is op.ATOMIC_GROUP else []


def _samples(code: Any, value: Any) -> Iterator[str]:
    if code in (op.LITERAL, op.NOT_LITERAL):
        yield chr(value)
    for kind, one in value if code is op.IN else ():
        if kind is op.LITERAL:
            yield chr(one)
        elif kind is op.RANGE:
            yield chr(one[0])
        elif kind is op.CATEGORY:
            yield {op.CATEGORY_DIGIT: "1", op.CATEGORY_SPACE: " "}.get(_NEGATED.get(one, one), "a")
