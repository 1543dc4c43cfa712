"""Compares the recommender with four controls on what planted customers buy next.

    python ../shared/worlds/make_world.py WORLDS/0 --seed 0 --customers 2500
    python benchmarks/recommend.py WORLDS/0 WORLDS/1 … [--photos catalogue.parquet] [--root DIR] [--json]

The worlds are planted: customers with one to three tastes on the catalogue's real photos, see
`make_world.py`; what is found there says which method is ahead, not what a shop would earn. Purchases are
split by time: the first 80 % are known, to every method, and the customers who bought before and after are
asked for. Products bought before are no answer, to any method. Cold products are those that nobody bought
before.

Recall@12 is over the customer's later purchases, at most 12 counted; MAP@12 as Kaggle's H&M contest has it;
coverage is the share of the catalogue that is recommended to anybody. The difference to a control is given
with a 95 % interval of a paired bootstrap over customers. Photos are embedded once, into `--root`, with the
bundled weights.
"""

from __future__ import annotations

import argparse
import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from PIL import Image
from threadpoolctl import threadpool_limits

from embedding.encoder.stage import embed_new_images
from embedding.index.build import build_index
from embedding.index.search import Index
from embedding.recommend.learn import histories_of, learn
from embedding.recommend.nearest import Neighbours
from embedding.recommend.products import ProductNumbers, Products
from embedding.recommend.purchases import Purchases, from_frame
from embedding.recommend.recommender import Recommender
from storage import generations, images, tables
from storage.root import Root
from storage.schemas import TABLES

K = 12
STORE = "catalogue.example"
CONTROLS = ("vector mean", "last item", "nearest to any", "popularity")
_NOW = datetime(2026, 11, 1, tzinfo=UTC)
_SPLIT = 0.8
_BLOCK = 64
_RESAMPLES = 1000


@dataclass(frozen=True)
class World:
    """A world's purchases before the split, and what their customers bought after it.

    :ivar customers: int64 [customers], rows of `known` who bought after the split, too.
    :ivar later: of each customer the numbers of products bought after the split and not before.
    :ivar tastes: int [customers], how many tastes were planted.
    """

    name: str
    known: Purchases
    customers: np.ndarray
    later: list[set[int]]
    tastes: np.ndarray
    cut_us: float
    on_sale: np.ndarray


def read_world(folder: Path, products: Products) -> World:
    """Reads what `make_world.py` wrote."""
    numbers = ProductNumbers(products)
    frame = pd.read_parquet(folder / "purchases.parquet").assign(store=STORE)
    tastes = pd.read_parquet(folder / "truth.parquet").set_index("customer_id")["tastes"]
    cut = frame["bought_at"].quantile(_SPLIT)
    known = from_frame(frame[frame["bought_at"] < cut], numbers)
    after = from_frame(frame[frame["bought_at"] >= cut], numbers)
    both = sorted(set(known.customers) & set(after.customers))
    customers = np.searchsorted(known.customers, both)
    later = []
    for row, later_row in zip(
        customers.tolist(), np.searchsorted(after.customers, both).tolist(), strict=True
    ):
        own = set(known.products[known.starts[row] : known.starts[row + 1]].tolist())
        later.append(
            set(after.products[after.starts[later_row] : after.starts[later_row + 1]].tolist()) - own
        )
    listed = pq.read_table(folder / "products.parquet", columns=["product_id"])["product_id"].to_pylist()
    on_sale = np.zeros(len(products), bool)
    stores = pd.Series([STORE] * len(listed))
    sold = from_frame(
        pd.DataFrame({"customer_id": "-", "store": stores, "product_id": listed, "bought_at": "2026-01-01"}),
        numbers,
    )
    on_sale[sold.products] = True
    return World(
        folder.name, known, customers, later, tastes.loc[both].to_numpy(), cut.timestamp() * 1e6, on_sale
    )


def recommended(world: World, products: Products) -> np.ndarray:
    """What Lookalike recommends, int64 [customers, K], -1 where there are fewer."""
    recommender = Recommender(
        products, learn(products, world.known, on_sale=world.on_sale), Neighbours(products)
    )
    found = np.full((len(world.customers), K), -1, np.int64)
    order = np.argsort(np.diff(world.known.starts)[world.customers], kind="stable")  # little padding
    for at in range(0, len(order), _BLOCK):
        some = world.customers[order[at : at + _BLOCK]]
        histories = histories_of(world.known, some, world.cut_us)
        found[order[at : at + _BLOCK]] = recommender.recommend(histories, K, allowed=world.on_sale).products
    return found


def controls(world: World, products: Products) -> dict[str, np.ndarray]:
    """What the controls recommend, int64 [customers, K] each."""
    vectors = products.vectors(np.arange(len(products)))
    popularity = np.bincount(world.known.products, minlength=len(products)).astype(np.float32)
    found: dict[str, list[np.ndarray]] = {name: [] for name in CONTROLS}
    for customer in world.customers.tolist():
        own = world.known.products[world.known.starts[customer] : world.known.starts[customer + 1]]
        similar = vectors[own] @ vectors.T
        scores = (similar.mean(axis=0), similar[-1], similar.max(axis=0), popularity)
        for name, score in zip(CONTROLS, scores, strict=True):
            allowed = np.where(world.on_sale, score, -np.inf)
            allowed[own] = -np.inf
            top = np.argpartition(-allowed, K)[:K]
            found[name].append(top[np.argsort(-allowed[top], kind="stable")])
    return {name: np.stack(rows) for name, rows in found.items()}


def per_customer(found: np.ndarray, later: list[set[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Recall@12 and average precision@12 of each customer, NaN where nothing was bought later."""
    recall, precision = np.full(len(found), np.nan), np.full(len(found), np.nan)
    for at, (row, wanted) in enumerate(zip(found.tolist(), later, strict=True)):
        if wanted:
            hits = np.array([product in wanted for product in row], float)
            recall[at] = hits.sum() / min(K, len(wanted))
            precision[at] = (hits * np.cumsum(hits) / np.arange(1, K + 1)).sum() / min(K, len(wanted))
    return recall, precision


def figures(world: World, products: Products) -> dict[str, object]:
    """All figures of one world."""
    methods = {"lookalike": recommended(world, products), **controls(world, products)}
    bought = np.bincount(world.known.products, minlength=len(products)) > 0
    parts = {
        "warm": [{one for one in wanted if bought[one]} for wanted in world.later],
        "cold": [{one for one in wanted if not bought[one]} for wanted in world.later],
    }
    out: dict[str, object] = {"world": world.name, "customers": len(world.customers), "methods": {}}
    recalls = {}
    for name, found in methods.items():
        recalls[name], precision = per_customer(found, world.later)
        many = world.tastes > 1
        out["methods"][name] = {  # type: ignore[index]
            "recall@12": _mean(recalls[name]),
            "map@12": _mean(precision),
            "coverage": len(np.unique(found[found >= 0])) / int(world.on_sale.sum()),
            **{f"{part} recall@12": _mean(per_customer(found, later)[0]) for part, later in parts.items()},
            "one taste": _mean(recalls[name][~many]),
            "two or three tastes": _mean(recalls[name][many]),
        }
    out["difference"] = {
        name: {
            "one taste": bootstrap(recalls["lookalike"] - recalls[name], world.tastes == 1),
            "two or three tastes": bootstrap(recalls["lookalike"] - recalls[name], world.tastes > 1),
        }
        for name in CONTROLS
    }
    return out


def bootstrap(differences: np.ndarray, which: np.ndarray) -> list[float]:
    """Mean of paired differences with its 95 % interval: mean, low, high."""
    some = differences[which & ~np.isnan(differences)]
    drawn = np.random.default_rng(0).integers(len(some), size=(_RESAMPLES, len(some)))
    means = some[drawn].mean(axis=1)
    return [float(some.mean()), *(float(edge) for edge in np.quantile(means, [0.025, 0.975]))]


def embedded(photos: Path, folder: Path) -> Products:
    """The products of the catalogue in a data root, embedded and indexed where that is not done yet."""
    root = Root.open(folder, create=True)
    if generations.current_name(root) is None:
        write_catalogue(root, photos)
        build_index(root, embed_new_images(root).model)
    return Products.of(Index.open(*generations.open_current(root)))


def write_catalogue(root: Root, photos: Path) -> None:
    """Writes the catalogue's products and photos, 168 by 224 px as they were before they were stretched."""
    stored, products = {}, []
    for fact in pq.read_table(photos).to_pylist():
        sink = io.BytesIO()
        with Image.open(io.BytesIO(fact["image"])) as stretched:
            stretched.convert("RGB").resize((168, 224)).save(sink, "JPEG", quality=92)
        data = sink.getvalue()
        image_id, url = images.image_id(data), f"https://{STORE}/{fact['id']}"
        stored[image_id] = {
            **{"image_id": image_id, "bytes": data, "width": 168, "height": 224, "format": "JPEG"},
            **{"perceptual_hash": images.inspect(data).perceptual_hash},
            **{"first_seen": _NOW, "month": "2026-11"},
        }
        path = (fact["gender"], fact["master_category"], fact["sub_category"], fact["article_type"])
        products.append(
            dict.fromkeys(TABLES["products"].columns.names)
            | {"store": STORE, "product_id": str(fact["id"]), "url": url, "title": fact["name"]}
            | {"category": " > ".join(step for step in path if step)}
            | {"colours": [fact["colour"]] if fact["colour"] else [], "sizes": [], "related": []}
            | {"images": [{"url": f"{url}.jpg", "image_id": image_id, "position": 0, "colour": None}]}
            | {"first_seen": _NOW, "changed_at": _NOW, "content_hash": "0", "crawl_id": "benchmark"}
        )
    tables.append(root, "images", list(stored.values()))
    tables.append(root, "products", products)
    crawl = dict.fromkeys(TABLES["crawls"].columns.names)
    tables.append(
        root,
        "crawls",
        [crawl | {"crawl_id": "benchmark", "store": STORE, "ended_at": _NOW, "status": "complete"}],
    )


def summary(worlds: list[dict]) -> dict[str, object]:
    """In how many worlds Lookalike is ahead of each control, and of all; worst, median and best."""
    out: dict[str, object] = {"worlds": len(worlds)}
    for group in ("one taste", "two or three tastes"):
        differences = {name: [world["difference"][name][group] for world in worlds] for name in CONTROLS}
        least = [min(found[at][0] for found in differences.values()) for at in range(len(worlds))]
        out[group] = {
            "ahead of all": sum(one > 0 for one in least),
            "surely behind one": sum(
                any(found[at][2] < 0 for found in differences.values()) for at in range(len(worlds))
            ),
            "ahead of": {name: sum(one[0] > 0 for one in found) for name, found in differences.items()},
            "difference to the best control: worst, median, best": [
                float(edge) for edge in np.quantile(least, [0, 0.5, 1])
            ],
        }
    return out


def main(folders: list[Path], photos: Path, root: Path, as_json: bool) -> None:
    """Measures every world and prints the figures."""
    if not photos.is_file():
        print(f"{photos} is not there, so nothing is measured. Give --photos catalogue.parquet.")
        return
    products = embedded(photos, root)
    worlds = []
    for folder in folders:
        worlds.append(figures(read_world(folder, products), products))
        if not as_json:
            print(f"\nWorld {worlds[-1]['world']}, {worlds[-1]['customers']} customers", flush=True)
            print(pd.DataFrame(worlds[-1]["methods"]).T.round(4).to_string(), flush=True)
    document = {"planted": True, "summary": summary(worlds), "worlds": worlds}
    print(json.dumps(document if as_json else document["summary"], indent=1))


def _mean(values: np.ndarray) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("worlds", type=Path, nargs="+")
    parser.add_argument("--photos", type=Path, default=Path("../shared/data/catalogue.parquet"))
    parser.add_argument("--root", type=Path, default=Path(".recommend"))
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with threadpool_limits(limits=1, user_api="blas"):
        main(arguments.worlds, arguments.photos, arguments.root, arguments.json)
