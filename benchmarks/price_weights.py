"""Fits the weights by which the visible price is chosen, and compares them with those set by hand.

    python -m benchmarks.price_weights ../shared [--pages-per-shop 40]

Labelled pages: `pages/product-extraction-benchmark`, `pages/engines`, `reported`, products of
`stores/<shop>`, and pages rendered from templates of this file in forty locales. An amount's features are
those of `scrapers.extract.visible.price`; a logistic regression learns from the differences between the right
amount of a page and each wrong one. Folds are by site (all rendered pages of a language are one site). A page
counts as right if the amount with the highest score is the price; pages whose price is not among the amounts
are left out.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import tldextract
from babel import Locale
from babel.numbers import format_currency, get_territory_currencies
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from benchmarks.extraction import read_truth
from benchmarks.verdict import pages_of_shop
from scrapers.extract.fields.amount import parse_amount
from scrapers.extract.page import parse_page
from scrapers.extract.product import page_names
from scrapers.extract.sources.markup import read_markup
from scrapers.extract.visible.product import read_visible
from scrapers.extract.visible.weights import PRICE
from scrapers.extract.vocabulary import FOLDER, read_languages

NAMES = (
    "named", "symbol", "itemprop", "todays_name", "highlighted", "large", "small", "repeated", "distance",
    "before_heading", "near_button", "no_price", "named_no_price", "members", "hidden", "without_tax",
    "in_control", "in_sentence",
)  # fmt: skip
FOLDS = 5
SEED = 42
LOCALES = """
    ar_AE ar_EG bg_BG bs_BA ca_ES cs_CZ da_DK de_AT de_CH de_DE el_GR en_AU en_CA en_GB en_IN en_US es_AR
    es_ES es_MX et_EE fi_FI fr_BE fr_CA fr_FR he_IL hr_HR hu_HU id_ID it_IT ja_JP ko_KR lt_LT nl_NL pl_PL
    pt_BR ro_RO ru_RU sv_SE tr_TR uk_UA
"""
RENDERED_PER_LOCALE = 6
_site_of = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)


@dataclass(frozen=True)
class Labelled:
    """A page with the price that is right.

    :ivar prices: accepted amounts as text.
    """

    source: str
    site: str
    url: str
    body: bytes
    prices: tuple[str, ...]


@dataclass(frozen=True)
class Sample:
    """The amounts of a page.

    :ivar features: of each amount, shape (amounts, len(NAMES)).
    :ivar right: which of them are the price.
    """

    source: str
    site: str
    features: np.ndarray
    right: np.ndarray


def main() -> None:
    """Prints a table of weights and one of accuracies."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="the folder with `pages`, `reported` and `stores`")
    parser.add_argument("--pages-per-shop", type=int, default=40)
    options = parser.parse_args()
    if not (options.folder / "pages").is_dir():
        parser.error(f"{options.folder} has no folder `pages`. Give the folder with the labelled pages.")
    samples = [
        sample
        for page in labelled_pages(options.folder, options.pages_per_shop)
        if (sample := sample_of(page))
    ]
    hand = np.array([getattr(PRICE, name) for name in NAMES])
    learnt = fitted(samples)
    by_hand, by_learning = np.array([is_right(one, hand) for one in samples]), out_of_fold(samples)
    print("| weight | by hand | learnt |\n|---|---|---|")
    for name, old, new in zip(NAMES, hand, learnt * np.abs(hand).sum() / np.abs(learnt).sum(), strict=True):
        print(f"| {name} | {old:.2f} | {new:.2f} |")
    print("\n| pages | amounts a page | by hand | learnt, out of fold |\n|---|---|---|---|")
    sources = np.array([one.source for one in samples])
    for source in [*dict.fromkeys(sources), "all"]:
        chosen = np.ones(len(sources), bool) if source == "all" else sources == source
        amounts = np.mean([len(one.right) for one, use in zip(samples, chosen, strict=True) if use])
        shares = f"{by_hand[chosen].mean():.3f} | {by_learning[chosen].mean():.3f}"
        print(f"| {source}, {chosen.sum()} | {amounts:.1f} | {shares} |")


def sample_of(page: Labelled) -> Sample | None:
    """A page's amounts; None if the price is not among them, or nothing else is."""
    parsed = parse_page(page.body, page.url)
    visible = read_visible(parsed, page_names(parsed, read_markup(parsed))) if parsed else None
    amounts = visible.price.amounts if visible and visible.price else ()
    accepted = {parse_amount(price) for price in page.prices}
    right = np.array([amount.amount in accepted for amount in amounts])
    if len(right) < 2 or not right.any() or right.all():
        return None
    rows = [[amount.features.get(name, 0.0) for name in NAMES] for amount in amounts]
    return Sample(page.source, page.site, np.array(rows), right)


def fitted(samples: list[Sample]) -> np.ndarray:
    """Weights that put the right amount of each page above the others."""
    differences, weights = [], []
    for sample in samples:
        best = sample.features[sample.right]
        pairs = (best[:, None, :] - sample.features[~sample.right][None, :, :]).reshape(-1, len(NAMES))
        differences.append(pairs)
        weights.append(np.full(len(pairs), 1 / len(pairs)))  # each page counts the same
    rows, counts = np.concatenate(differences), np.concatenate(weights)
    both = np.concatenate([rows, -rows])
    labels = np.repeat([1, 0], len(rows))
    model = LogisticRegression(fit_intercept=False, C=1.0, max_iter=1000)
    return model.fit(both, labels, sample_weight=np.tile(counts, 2)).coef_[0]


def out_of_fold(samples: list[Sample]) -> np.ndarray:
    """Whether each page is right by weights that were learnt on other sites."""
    right = np.zeros(len(samples), bool)
    sites = [one.site for one in samples]
    for train, test in GroupKFold(FOLDS, shuffle=True, random_state=SEED).split(samples, groups=sites):
        weights = fitted([samples[place] for place in train])
        right[test] = [is_right(samples[place], weights) for place in test]
    return right


def is_right(sample: Sample, weights: np.ndarray) -> bool:
    """Whether the amount with the highest score is the price; the first of equals counts."""
    return bool(sample.right[np.argmax(np.round(sample.features @ weights, 9))])


def labelled_pages(folder: Path, pages_per_shop: int) -> Iterator[Labelled]:
    """All pages whose price is known."""
    benchmark = folder / "pages/product-extraction-benchmark"
    for page, fields in read_truth(benchmark).items():
        body = gzip.decompress((benchmark / "html" / f"{page}.html.gz").read_bytes())
        site = _site_of(str(fields["url"])).top_domain_under_public_suffix
        yield Labelled("extraction benchmark", site, str(fields["url"]), body, tuple(fields.get("price", ())))
    for kind, pattern in (("pages/engines", "*.json"), ("reported", "*.expected.json")):
        for file in sorted((folder / kind).glob(pattern)):
            stated = json.loads(file.read_text("utf-8"))
            html = file.with_name(file.name.removesuffix(".json").removesuffix(".expected") + ".html")
            expected = stated.get("expected", stated) if isinstance(stated, dict) else None
            if html.is_file() and isinstance(expected, dict) and expected.get("price"):
                source = kind.rpartition("/")[2]
                site = html.stem.split("-")[0] if source == "engines" else html.stem
                url = stated.get("url", "https://shop.example/p/1")
                yield Labelled(source, site, url, html.read_bytes(), (str(expected["price"]),))
    for shop in sorted(path for path in (folder / "stores").iterdir() if (path / "truth.json").is_file()):
        truth = json.loads((shop / "truth.json").read_text("utf-8"))["products"]
        prices = {urlsplit(one["urls"][0])[2:4]: one["price"] for one in truth if one["price"]}
        found = 0
        for one in pages_of_shop(shop):
            price = prices.get(urlsplit(one.url)[2:4])
            if one.is_product and price and found < pages_per_shop:
                found += 1
                yield Labelled("captured shops", shop.name, one.url, one.body, (str(price),))
    yield from rendered_pages()


def rendered_pages() -> Iterator[Labelled]:
    """Pages of this file's templates: what shops write around a price, in each locale's words and numbers."""
    languages = read_languages(FOLDER)
    chance = random.Random(SEED)
    for name in LOCALES.split():
        locale = Locale.parse(name)
        currency = get_territory_currencies(str(locale.territory))[0]
        words = {
            section: languages.get(locale.language, {}).get(section, ())
            for section in ("buy", "earlier_price")
        }
        other = languages.get(locale.language, {}).get("not_the_price", ())
        for number in range(RENDERED_PER_LOCALE):
            price = chance.choice((19.9, 49.95, 129.0, 1299.0, 84.5, 7.25))
            body = _rendered(chance, locale, currency, price, words["buy"], words["earlier_price"], other)
            url = f"https://shop-{name.lower()}.example/p/{number}"
            shown = format_currency(price, currency, locale=locale, currency_digits=True)
            yield Labelled("rendered", locale.language, url, body.encode(), (shown,))


def _rendered(
    chance: random.Random,
    locale: Locale,
    currency: str,
    price: float,
    buy: tuple[str, ...],
    earlier: tuple[str, ...],
    other: tuple[str, ...],
) -> str:
    def money(amount: float) -> str:
        return format_currency(amount, currency, locale=locale)

    def word(words: tuple[str, ...]) -> str:
        return chance.choice(words) if words else ""

    named = chance.random() < 0.5
    shown = (
        f'<span class="{"price" if named else chance.choice(("t1", "fs-5", "bold"))}">{money(price)}</span>'
    )
    parts = [shown]
    if earlier and chance.random() < 0.5:
        parts.insert(chance.randrange(2), f"<span>{word(earlier)} {money(price * 1.4)}</span>")
    parts += [
        f"<p>{word(other)} {money(price * share)}</p>"
        for share in (0.08, 0.25)
        if other and chance.random() < 0.6
    ]
    chance.shuffle(parts)
    rows = "".join(f"<div>{part}</div>" for part in parts)
    button = f'<form><button class="btn">{word(buy) or "Add to cart"}</button></form>'
    cards = "".join(
        f'<li><a href="/p/other-{one}"><img src="/{one}.jpg"></a><a href="/p/other-{one}">Other {one} cap</a>'
        f"<b>{money(price * (1.1 + one))}</b></li>"
        for one in range(chance.randrange(4))
    )
    bar = f"<div>{money(0)}</div>" if chance.random() < 0.5 else ""
    language = str(locale).replace("_", "-")
    return (
        f'<html lang="{language}"><title>Modell Aurora 7</title><body><header>{bar}</header>'
        f"<main><h1>Modell Aurora 7</h1>{rows}{button}</main><ul>{cards}</ul></body></html>"
    )


if __name__ == "__main__":
    main()
