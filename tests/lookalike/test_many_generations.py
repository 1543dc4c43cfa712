from __future__ import annotations

import threading
from decimal import Decimal

import pytest

import lookalike
from embedding.index.build import build_index
from storage import generations, tables
from storage.root import Root
from tests import catalogues
from tests.catalogues import MODEL

GENERATIONS = 50
THREADS = 8
PRODUCTS = 40
CHANGING = 5  # products that come and go


@pytest.mark.slow
def test_threads_query_and_refresh_while_fifty_generations_are_published(root: Root) -> None:
    """No error, and no answer that mixes two generations.

    Each generation writes its number into every title and price, and sells some products only in every other
    generation: so an answer shows which generation each of its parts comes from.
    """
    rows = catalogues.simple(root, PRODUCTS, stores=("a.example", "b.example"))

    def publish(number: int) -> None:
        gone = catalogues.SEEN if number % 2 else None
        changed = [
            row
            | {"title": f"{number}", "price": Decimal(number + 1), "content_hash": f"generation {number}"}
            | ({"removed_at": gone} if at < CHANGING else {})
            for at, row in enumerate(rows)
        ]
        tables.merge(root, "products", changed)
        name = build_index(root, MODEL).generation
        assert name is not None
        published[name] = number

    published: dict[str, int] = {}
    publish(0)
    shop = lookalike.open(root.path)
    stop = threading.Event()
    answers: list[tuple[str, int, frozenset[str], frozenset[Decimal | None]]] = []
    errors: list[BaseException] = []

    def ask(at: int) -> None:
        try:
            while not stop.is_set():
                number = CHANGING + at
                query = f"{rows[number]['store']}:{rows[number]['product_id']}"
                matches = shop.similar(query, k=PRODUCTS, **({"min_price": 1} if at % 2 else {}))
                answers.append(
                    (
                        matches.generation,
                        len(matches),
                        frozenset(str(match.title) for match in matches),
                        frozenset(match.price for match in matches),
                    )
                )
                assert matches[0].thumbnail()[:2] == b"\xff\xd8"
                shop.refresh()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=ask, args=(at,)) for at in range(THREADS)]
    for thread in threads:
        thread.start()
    try:
        for number in range(1, GENERATIONS):
            publish(number)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert errors == []
    for name, count, titles, prices in answers:
        number = published[name]
        assert (titles, prices) == ({f"{number}"}, {Decimal(number + 1)})
        assert count == PRODUCTS - 1 - (CHANGING if number % 2 else 0)
    assert len({name for name, *_ in answers}) > GENERATIONS // 2, "the threads took up most of them"
    assert len(generations.names(root)) == generations.KEEP
    assert not shop.refresh() or shop.generation == generations.current_name(root)
