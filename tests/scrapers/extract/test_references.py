"""References of JSON-LD are resolved up to a number of values, however many lead to the same nodes."""

from typing import Any

import pytest

from scrapers.extract.sources.nodes import MAX_REFERRED, is_a, normalise


def size(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(size, inner))


def fan(levels: int, width: int) -> list[dict[str, Any]]:
    """Nodes of which each refers `width` times to the next: `width ** levels` places in all."""
    return [
        {"@id": f"#{n}", "@type": "Offer", "name": "o", "offers": [{"@id": f"#{n + 1}"}] * width}
        for n in range(levels)
    ]


@pytest.mark.parametrize(("levels", "width"), [(2, 300), (4, 40), (6, 12), (12, 4), (40, 2)])
def test_references_add_no_more_than_the_budget(levels, width):
    document = {"@graph": [{"@type": "Product", "name": "Cap", "offers": {"@id": "#0"}}, *fan(levels, width)]}
    nodes = normalise(document)
    assert [node["name"] for node in nodes if is_a(node, ["product"])] == ["Cap"]
    # Each copied node adds its list of types and what its references hold until they are resolved.
    assert size(nodes) < 2 * (size(document) + MAX_REFERRED)


def test_what_is_within_the_budget_is_resolved():
    nodes = normalise({"@graph": [{"@type": "Product", "offers": {"@id": "#0"}}, *fan(3, 3)]})
    [first] = [node["offers"] for node in nodes if is_a(node, ["product"])]
    assert [one["offers"][2]["name"] for one in first["offers"]] == ["o", "o", "o"]
