"""Learns whether a store's listings show each change of price or stock.

If they do, the pages of products that they show unchanged need not be read each night.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

MIN_PROOFS = 3
"""Changes of price or stock that the listings must have shown, and none that they have not."""
DISPROVED = -1


@dataclass(slots=True)
class ListedOffers:
    """What the listings showed of each product when its page was last read, and show now.

    :ivar known: digest by the product's address, when its page was last read.
    :ivar proofs: how many changes the listings have shown; `DISPROVED` once they failed to show one.
    """

    known: dict[str, str] = field(default_factory=dict)
    proofs: int = 0
    _seen: dict[str, set[str]] = field(default_factory=dict)

    @property
    def trusted(self) -> bool:
        """Whether a product that the listings show unchanged is unchanged."""
        return self.proofs >= MIN_PROOFS

    def note(self, address: str, offer: Iterable[str]) -> None:
        """Notes what a listing shows of a product."""
        self._seen.setdefault(address, set()).update(offer)

    def __bool__(self) -> bool:
        return bool(self._seen)

    def digest(self, address: str) -> str | None:
        """What all listings of this crawl show of a product; None if none shows an amount."""
        parts = self._seen.get(address)
        return hashlib.sha256("\n".join(sorted(parts)).encode()).hexdigest() if parts else None

    def is_unchanged(self, address: str) -> bool:
        """Whether the listings show of a product what they did when its page was last read."""
        digest = self.digest(address)
        return digest is not None and digest == self.known.get(address)

    def learn(self, address: str, *, changed: bool) -> None:
        """Learns from a page that was read again.

        :param changed: whether its price or stock is another than before.
        """
        if not changed or self.proofs == DISPROVED or address not in self.known:
            return
        self.proofs = DISPROVED if self.is_unchanged(address) else self.proofs + 1
