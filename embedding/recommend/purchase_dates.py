"""Reads when purchases were made."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from storage.errors import InputError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_US = (datetime.min.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
_END_US = (datetime.max.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1) + 1

_DOTTED = r"^\s*\d{1,2}\.(0?[1-9]|1[0-2])\.\d{4}"
"""01.02.2026 is the first of February wherever it is written."""
_TWO_NUMBERS = r"^\s*(?P<first>\d{1,2})[/-](?P<second>\d{1,2})[/-]\d{4}"
"""Of 01/02/2026 only other dates of the same source say which is the day."""
_NO_DAY = r"^\s*\d{1,2}\.\d{1,2}\.\d{4}"
_YEAR = r"\d{4}"
_LONGEST = 100
"""Characters of a date: pandas takes quadratic time for a number of very many digits."""
_MONTHS = 12


class PurchaseDates:
    """Reads the dates of one source, batch by batch.

    :param source: what is read, for sentences.
    """

    def __init__(self, source: Path | str) -> None:
        self._source = source
        self._day_first: bool | None = None

    def learn(self, column: pa.Array) -> None:
        """Learns from dates such as 13/02/2026 whether the day stands before the month.

        :raises InputError: dates say both.
        """
        if _is_time(column):
            return
        numbers = pc.extract_regex(column.cast(pa.string()), _TWO_NUMBERS)
        first, second = (
            pc.any(pc.greater(pc.struct_field(numbers, name).cast(pa.int32()), _MONTHS)).as_py()
            for name in ("first", "second")
        )
        if (first and (second or self._day_first is False)) or (second and self._day_first):
            raise InputError(
                f"{self._source} has the day before the month in some dates, as in 13/02/2026, and after it "
                "in others. Write all as 2026-02-13."
            )
        if first or second:
            self._day_first = bool(first)

    def moments(self, column: pa.Array) -> np.ndarray:
        """Times in microseconds since 1970, UTC: int64 [n].

        :raises InputError: a purchase has no date, something else in its place, a date that can be read in
            two ways, or one outside the years 1 to 9999.
        """
        if _is_time(column):
            times = column.cast(options=pc.CastOptions(pa.timestamp("us"), allow_time_truncate=True))
            missing = times.is_null().to_numpy(zero_copy_only=False)
            values = times.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
        else:
            missing, values = self._of_texts(column.cast(pa.string()))
        if missing.any():
            shown = column[int(np.flatnonzero(missing)[0])].as_py()
            what = (
                "a purchase without a date" if shown is None else f"no date in bought_at but {_form(shown)!r}"
            )
            raise InputError(f"{self._source} has {what}. Give days or times such as 2026-11-01T06:00Z.")
        if ((values < _FIRST_US) | (values >= _END_US)).any():
            raise InputError(f"{self._source} has a date outside the years 1 to 9999. Correct it.")
        return np.asarray(values, np.int64)

    def _of_texts(self, texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """Which texts are no date, bool [n], and the times of the others, int64 [n]."""
        import pandas as pd

        self.learn(texts)
        two_numbers = _matching(texts, _TWO_NUMBERS)
        if self._day_first is None and two_numbers.any():
            raise InputError(
                f"{self._source} has dates such as 01/02/2026, and none that says which number is the day. "
                "Write them as 2026-02-01."
            )
        dotted = _matching(texts, _DOTTED)
        day_first = dotted | two_numbers if self._day_first else dotted
        # Without a year, pandas takes that of today; `now` is a date to it.
        dated = _matching(texts, _YEAR) & (dotted | ~_matching(texts, _NO_DAY))
        values = np.zeros(len(texts), np.int64)
        lengths = pc.fill_null(pc.utf8_length(texts), 0).to_numpy(zero_copy_only=False)
        dated &= lengths <= _LONGEST
        missing = ~dated
        for rows, days in ((dated & ~day_first, False), (dated & day_first, True)):
            if rows.any():
                some = pd.Series(texts.filter(pa.array(rows)).to_pylist(), dtype="object")
                parsed = pd.to_datetime(some, utc=True, errors="coerce", format="mixed", dayfirst=days)
                missing[rows] = parsed.isna().to_numpy()
                values[rows] = (
                    parsed.dt.tz_localize(None).to_numpy().astype("datetime64[us]").astype(np.int64)
                )
        return missing, values


def _form(value: object) -> str:
    """A value with its letters as a and its digits as 0: where columns are swapped it is a customer's id."""
    return re.sub(r"\d", "0", re.sub(r"[^\W\d_]", "a", str(value)[:40]))


def _is_time(column: pa.Array) -> bool:
    return bool(pa.types.is_timestamp(column.type) or pa.types.is_date(column.type))


def _matching(texts: pa.Array, pattern: str) -> np.ndarray:
    found = pc.fill_null(pc.match_substring_regex(texts, pattern), False)
    return np.asarray(found.to_numpy(zero_copy_only=False), bool)
