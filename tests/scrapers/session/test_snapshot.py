"""What a crawl knows of the earlier ones."""

import hashlib
from datetime import UTC, datetime

import pytest

from scrapers.extract.item import product_id
from scrapers.session.snapshot import load_snapshot
from storage import tables
from storage.root import Root

STORE = "shop.example"


@pytest.mark.parametrize(
    ("path", "moved"),
    [("/p/sm%c3%b8r", True), ("/p/sm%C3%b8r?id=4", True), ("/p/sm%C3%B8r", False), ("/p/smor", False)],
)
def test_products_keep_the_id_of_an_address_with_escapes_in_lower_case(tmp_path, path, moved):
    url = f"https://{STORE}{path}"
    stored = hashlib.sha256(url.encode()).hexdigest()[:24]  # as older releases hashed it
    now = datetime.now(UTC)
    root = Root.open(tmp_path / "data", create=True)
    row = {"store": STORE, "product_id": stored, "url": url, "title": "Butter", "content_hash": "h"}
    tables.merge(root, "products", [row | {"first_seen": now}])
    kept = load_snapshot(root, STORE).moved
    assert kept == ({product_id(url): stored} if moved else {})
