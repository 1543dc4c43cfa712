"""Which stores are published: those of the settings, as long as they are fresh enough."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from flows.config import Config
from storage import generations
from storage.crawl_history import crawl_histories
from storage.manifest import GenerationError
from storage.root import Root


def withheld_stores(root: Root, config: Config) -> dict[str, str]:
    """The stores whose products are not published, each with the reason as the end of a sentence.

    Without any store in the settings all are published: the data root is used on its own.
    """
    configured = {store.name for store in config.stores}
    if not configured:
        return {}
    now, longest = datetime.now(UTC), timedelta(days=config.crawl.serve_for)
    found = {}
    for store, history in crawl_histories(root).items():
        since = history.read_at or history.first_at
        if store not in configured:
            found[store] = "it is no longer in the settings"
        elif now - since > longest:
            days = (now - since) // timedelta(days=1)
            found[store] = f"no crawl has read it for {days} days (`serve_for` is {config.crawl.serve_for})"
    return found


def leaving_sentences(root: Root, withheld: Mapping[str, str]) -> list[str]:
    """A sentence for each store that is published and will not be any more.

    :param withheld: see `withheld_stores`.
    """
    try:
        name = generations.current_name(root)
        published = generations.read_manifest(root, name).counts.stores if name else {}
    except GenerationError:
        return []  # what is published cannot be read, so nobody sees it leave
    return [
        f"The {published[store]:,} products of '{store}' left the index: {reason}."
        for store, reason in withheld.items()
        if published.get(store)
    ]


def dead_sentence(store: str, failed_nights: int, config: Config) -> str:
    """Says that a store has failed for so long that it may be gone; empty if it has not."""
    if failed_nights < config.crawl.dead_nights:
        return ""
    return (
        f"'{store}' could not be read on {failed_nights} nights in a row and may be gone: "
        f"correct its entry, or run `lookalike stores remove {store}`."
    )
