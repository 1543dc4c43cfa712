"""Tells which of a product's options is its colour and which its size, in many languages."""

from __future__ import annotations

import re

_COLOURS = """
    color colour colors colours farbe farben couleur couleurs colore colori kleur kleuren farg färg farve
    farver farge farger vari väri cor cores kolor barva szin szín culoare renk цвет колір χρώμα
    色 カラー 颜色 顏色 색상
"""
_SIZES = """
    size sizes größe grösse groesse größen taille tailles pointure taglia taglie talla tallas tamaño maat
    maten storlek størrelse koko tamanho rozmiar velikost veľkosť méret mărime beden размер розмір μέγεθος
    サイズ 尺码 尺寸 尺碼 사이즈 width length länge
"""
_COLOUR = frozenset(_COLOURS.split())
_SIZE = frozenset(_SIZES.split())
_WORD = re.compile(r"\w+")


def is_colour(option: object) -> bool:
    """Whether an option's name means colour: `Color`, `Farbe`, `pa_color`, `Main colour`."""
    return _means(option, _COLOUR)


def is_size(option: object) -> bool:
    """Whether an option's name means size: `Size`, `Größe (EU)`, `pa_size`."""
    return _means(option, _SIZE)


def _means(option: object, words: frozenset[str]) -> bool:
    if not isinstance(option, str) or len(option) > 60:
        return False
    return any(word in words for word in _WORD.findall(option.lower().replace("_", " ")))
