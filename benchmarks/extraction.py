"""Compares extraction from real product pages with published systems' answers for the same pages.

    python benchmarks/extraction.py ../shared/pages/product-extraction-benchmark

The folder holds `ground_truth.json` (accepted values a field and page), `html/<page>.html.gz`, and, where
there are any, `ground_truth_corrections.json` and `published/<system>.json`. Scored as scrapinghub's
product-extraction-benchmark does: one predicted value a page; a price is compared as a decimal, all else
as text (a brand without regard to case); a wrong value is both a false positive and a false negative.
Pages that lack a field do not count for it; with `--strict` a value given for such a page is a false
positive, as in the benchmark's own script. Intervals are of 2,000 seeded bootstrap samples of pages.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from scrapers.extract.product import extract_product

FIELDS = ("price", "availability", "brand", "sku")
SAMPLES = 2000
SEED = 42
AVAILABILITIES = {
    "in_stock": "InStock",
    # The benchmark knows two words: what can be ordered is in stock.
    "preorder": "InStock",
    "backorder": "InStock",
    "out_of_stock": "OutOfStock",
}

Answers = Mapping[str, Mapping[str, str]]
"""Page to field to value."""


@dataclass(frozen=True)
class Outcome:
    """What one page adds to a score: true positives, false positives, false negatives."""

    right: int
    wrong: int
    missed: int


def main() -> None:
    """Prints one table, and our speed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", help="pages with their truth")
    parser.add_argument("--folder", type=Path, dest="other", help="the same, for pages elsewhere")
    parser.add_argument("--strict", action="store_true", help="a value on a page without it is wrong")
    parser.add_argument(
        "--half", choices=("even", "odd"), help="only pages whose id ends in an even or odd digit"
    )
    parser.add_argument("--errors", action="store_true", help="print our wrong and missing values")
    options = parser.parse_args()
    folder = options.other or options.folder
    if folder is None or not (folder / "ground_truth.json").is_file():
        parser.error("give the folder that holds ground_truth.json")
    truth = read_truth(folder)
    if options.half:
        truth = {page: fields for page, fields in truth.items() if is_even(page) == (options.half == "even")}
    ours, speed = read_pages(folder, truth)
    systems: dict[str, Answers] = {"Lookalike": ours}
    for file in sorted((folder / "published").glob("*.json")):
        systems[file.stem] = json.loads(file.read_text())
    systems["always in stock"] = {page: {"availability": "InStock"} for page in truth}
    print(f"{len(truth)} pages\n")
    for line in table(systems, truth, having=not options.strict):
        print(line)
    print(f"\n{speed:.1f} pages a second of processor time", file=sys.stderr)
    if options.errors:
        print_errors(ours, truth)


def read_truth(folder: Path) -> dict[str, dict[str, list[str]]]:
    """The accepted values, corrected prices among them."""
    truth: dict[str, dict[str, list[str]]] = json.loads((folder / "ground_truth.json").read_text())
    corrections = folder / "ground_truth_corrections.json"
    if corrections.is_file():
        for page, correction in json.loads(corrections.read_text()).items():
            if page in truth:
                truth[page]["price"] = [correction["corrected"]]
    return truth


def read_pages(folder: Path, truth: Mapping[str, Mapping[str, object]]) -> tuple[Answers, float]:
    """Our answers, and how many pages a second they took."""
    answers: dict[str, dict[str, str]] = {}
    spent = 0.0
    for page, fields in truth.items():
        html = gzip.decompress((folder / "html" / f"{page}.html.gz").read_bytes())
        begun = time.process_time()
        product = extract_product(html, str(fields["url"]))
        spent += time.process_time() - begun
        found = product.to_dict() if product else {}
        found["availability"] = AVAILABILITIES.get(found.get("availability") or "")
        answers[page] = {field: found[field] for field in FIELDS if found.get(field)}
    return answers, len(truth) / spent


def outcomes(
    answers: Answers, truth: Mapping[str, Mapping[str, list[str]]], field: str, *, having: bool
) -> list[Outcome]:
    """What each page adds to the score of a field."""
    found = []
    for page, fields in truth.items():
        accepted = {comparable(value, field) for value in fields.get(field, [])}
        if having and not accepted:
            continue
        said = answers.get(page, {}).get(field)
        right = said is not None and comparable(said, field) in accepted
        found.append(Outcome(right, said is not None and not right, bool(accepted) and not right))
    return found


def comparable(value: str, field: str) -> object:
    """A value as it is compared."""
    if field == "price":
        try:
            return Decimal(value.strip())
        except InvalidOperation:
            return value
    return value.strip().casefold() if field == "brand" else value.strip()


def f1(outcomes: Sequence[Outcome]) -> float:
    """The harmonic mean of precision and recall."""
    right, wrong, missed = (
        sum(getattr(one, name) for one in outcomes) for name in ("right", "wrong", "missed")
    )
    return 2 * right / (2 * right + wrong + missed) if right else 0.0


def precision(outcomes: Sequence[Outcome]) -> float:
    """Of the values given, those that are right."""
    given = sum(one.right + one.wrong for one in outcomes)
    return sum(one.right for one in outcomes) / given if given else 0.0


def recall(outcomes: Sequence[Outcome]) -> float:
    """Of the values there are, those that are given right."""
    there = sum(one.right + one.missed for one in outcomes)
    return sum(one.right for one in outcomes) / there if there else 0.0


def balanced_accuracy(answers: Answers, truth: Mapping[str, Mapping[str, list[str]]]) -> float:
    """The mean of the shares of in-stock and of sold-out pages that are told right; silence is wrong."""
    shares = []
    for word in ("InStock", "OutOfStock"):
        pages = [page for page, fields in truth.items() if word in fields.get("availability", [])]
        if pages:
            shares.append(
                sum(answers.get(page, {}).get("availability") == word for page in pages) / len(pages)
            )
    return sum(shares) / len(shares) if shares else 0.0


def interval(values: Sequence[Outcome], score: Callable[[Sequence[Outcome]], float]) -> tuple[float, float]:
    """The middle 95 % of a score over bootstrap samples."""
    chance = random.Random(SEED)
    scores = sorted(score(chance.choices(values, k=len(values))) for _ in range(SAMPLES))
    return scores[round(0.025 * SAMPLES)], scores[round(0.975 * SAMPLES) - 1]


def table(
    systems: Mapping[str, Answers], truth: Mapping[str, Mapping[str, list[str]]], *, having: bool
) -> Iterable[str]:
    """The scores as Markdown."""
    yield "| field | system | F1 (95 %) | precision | recall | balanced accuracy |"
    yield "|---|---|---|---|---|---|"
    for field in FIELDS:
        for name, answers in systems.items():
            if not any(field in fields for fields in answers.values()):
                continue
            found = outcomes(answers, truth, field, having=having)
            if not found:
                continue
            low, high = interval(found, f1)
            balanced = f"{balanced_accuracy(answers, truth):.3f}" if field == "availability" else ""
            yield (
                f"| {field} | {name} | {f1(found):.3f} ({low:.3f}–{high:.3f}) | {precision(found):.3f} "
                f"| {recall(found):.3f} | {balanced} |"
            )


def print_errors(answers: Answers, truth: Mapping[str, Mapping[str, list[str]]]) -> None:
    """Our values that are not accepted, and those that are missing."""
    for field in FIELDS:
        for page, fields in truth.items():
            accepted = fields.get(field, [])
            said = answers.get(page, {}).get(field)
            if said is None and not accepted:
                continue
            if said is None or comparable(said, field) not in {
                comparable(value, field) for value in accepted
            }:
                print(f"{field}\t{page[:8]}\t{said}\t{accepted}\t{fields['url']}", file=sys.stderr)


def is_even(page: str) -> bool:
    """Whether a page belongs to the half that rules are developed on."""
    return int(page[-1], 16) % 2 == 0


if __name__ == "__main__":
    main()
