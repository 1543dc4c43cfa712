"""The cut of a garment: its measures, which do not change its kind."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cut:
    """Choices and measures; each kind reads those that it has.

    :param sleeve: `short`, `long`, or `none`.
    :param collar: `crew`, `scoop`, `v`, `roll`.
    :param length: `mini`, `midi`, `maxi`; of shoes `low` or `high`.
    :param fit: `slim`, `regular`, `loose`.
    :param closure: `zip`, `belt`, `buttons`, or empty.
    :param wide: width against the usual one.
    :param long: added length.
    """

    sleeve: str = ""
    collar: str = "crew"
    length: str = "midi"
    fit: str = "regular"
    closure: str = ""
    pocket: bool = False
    wide: float = 1.0
    long: float = 0.0
