"""A small shop and the purchases of its customers, for tests of recommendations."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd

from embedding.index.build import build_index
from storage import images
from storage.root import Root
from tests import catalogues
from tests.catalogues import MODEL, product

NOW = datetime(2026, 11, 20, tzinfo=UTC)
KINDS = ("Dresses", "Shirts", "Boots")
EACH = 20


def fill(root: Root) -> Root:
    """Three kinds of product, 20 of each, each kind in a corner of its own; d0 and d1 show the same photo."""
    random = np.random.default_rng(5)
    corners = np.eye(len(KINDS), catalogues.DIM)
    points = np.repeat(corners, EACH, axis=0) + 0.01 * random.normal(size=(3 * EACH, catalogues.DIM))
    vectors = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)
    data = [catalogues.jpeg((4 * at, 90, 200 - 3 * at)) for at in range(3 * EACH)]
    data[1], vectors[1] = data[0], vectors[0]
    ids = [images.image_id(one) for one in data]
    rows = [
        product(
            "a.example" if at % 2 else "b.example",
            f"{KINDS[at // EACH][0].lower()}{at % EACH}",
            [ids[at]],
            category=KINDS[at // EACH],
            price=Decimal(10 + at % EACH),
            colours=["red"] if at % 4 == 0 else ["blue"],
        )
        for at in range(3 * EACH)
    ]
    catalogues.write_spec(root)
    catalogues.write(root, rows, dict(zip(ids, data, strict=True)), dict(zip(ids, vectors, strict=True)))
    build_index(root, MODEL, recall_goal=0.5)
    return root


def purchases(customers: int = 60, seed: int = 0) -> pd.DataFrame:
    """Customers who buy of one kind each; the even ones buy d4 and s4 together."""
    random = np.random.default_rng(seed)
    rows = []
    for customer in range(customers):
        kind = "dsb"[customer % 3]
        for at in random.choice(EACH, 5, replace=False).tolist():
            day = NOW - timedelta(days=int(random.integers(300)))
            rows.append((f"c{customer:03d}", "a.example" if at % 2 else "b.example", f"{kind}{at}", day))
        if customer % 2 == 0:
            rows += [
                (f"c{customer:03d}", "b.example", f"{one}4", NOW - timedelta(days=int(random.integers(300))))
                for one in "ds"
            ]
    return pd.DataFrame(rows, columns=["customer_id", "store", "product_id", "bought_at"])
