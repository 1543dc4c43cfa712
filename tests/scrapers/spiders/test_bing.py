"""Photos from an image search that answers as Bing's does, on this machine."""

import hashlib
import html
import json
from urllib.parse import parse_qs, urlsplit

import pytest
from bing_image_downloader import bing

from scrapers.config.store import Store
from scrapers.crawl import run_crawl
from scrapers.extract.sources.bing import FoundPhoto, ImageSearchError, search_photos
from storage import tables
from storage.errors import InputError
from tests.scrapers.webserver import Answer, photo


def result_page(*links: str) -> str:
    """A page of results: each link in an attribute, as JSON with its quotes escaped."""
    told = ({"purl": f"{link}.html", "murl": link, "t": f"Photo \ue000{link[-5]}\ue001"} for link in links)
    details = (json.dumps(one, separators=(",", ":")) for one in told)
    return "".join(f'<a class="iusc" m="{html.escape(detail)}"></a>' for detail in details)


def engine(site, pages: list[list[str]]) -> str:
    """Serves result pages one after the other."""

    def answer(seen):
        number = int(parse_qs(urlsplit(seen.target).query)["first"][0])
        return Answer(result_page(*pages[number]) if number < len(pages) else "")

    site.pages["/images/async"] = answer
    return f"{site.url}/images/async"


def search(site, pages, words="red dress", **options):
    found = search_photos(words, search_url=engine(site, pages), allow_private=True, **options)
    return [photo.url for photo in found]


def test_links_are_found_and_nothing_is_downloaded(site, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    links = [f"{site.url}/{number}.jpg?a=1&b=2" for number in range(3)]
    assert search(site, [links]) == links
    assert set(site.asked()) == {"/images/async"}
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr().out == ""


def test_what_is_asked(site):
    search(site, [["https://a.example/1.jpg"]], words="  robe  d'été ", limit=7)
    query = parse_qs(urlsplit(site.seen[0].target).query)
    assert (query["q"], query["count"], query["adlt"]) == (["robe d'été"], ["7"], ["on"])
    assert query["qft"] == ["+filterui:photo-photo"]


def test_pages_are_read_until_there_are_enough_links(site):
    pages = [[f"https://a.example/{page}-{number}.jpg" for number in range(4)] for page in range(5)]
    assert search(site, pages, limit=6) == [*pages[0], *pages[1][:2]]
    assert site.asked()["/images/async"] == 2


def test_a_link_is_found_once_and_only_of_the_web(site):
    links = ["https://a.example/1.jpg", "https://a.example/1.jpg", "javascript:x", "file:///etc/passwd"]
    assert search(site, [links]) == ["https://a.example/1.jpg"]


def test_links_to_private_addresses_are_passed_over(site, monkeypatch):
    # 127.0.0.1 plays a public server, so that the search itself is allowed.
    from scrapers.http import addresses

    real = addresses.is_public
    monkeypatch.setattr(addresses, "is_public", lambda address: address == "127.0.0.1" or real(address))
    links = ["http://169.254.169.254/x.jpg", "http://localhost/x.jpg", "https://a.example/1.jpg"]
    found = search_photos("dress", search_url=engine(site, [links]))
    assert [photo.url for photo in found] == ["https://a.example/1.jpg"]


def test_a_photo_comes_with_the_page_it_stands_on(site):
    link = "https://a.example/1.jpg"
    [photo] = search_photos("dress", search_url=engine(site, [[link]]), allow_private=True)
    assert photo == FoundPhoto(link, f"{link}.html", "Photo 1")
    page = result_page(link).replace("purl", "other")
    site.pages["/images/async"] = lambda seen: Answer(page if "first=0" in seen.target else "")
    [photo] = search_photos("dress", search_url=f"{site.url}/images/async", allow_private=True)
    assert photo == FoundPhoto(link, link, "Photo 1")


def test_an_answer_in_another_form_is_said(site):
    site.pages["/images/async"] = Answer(f"<h1>Are you human?</h1>{'x' * 3000}")
    with pytest.raises(ImageSearchError, match="it may ask for a browser, or have changed"):
        search_photos("dress", search_url=f"{site.url}/images/async", allow_private=True)


@pytest.mark.parametrize("pages", [[], [[]]])
def test_nothing_found(site, pages):
    with pytest.raises(ImageSearchError, match=r"finds no photo for 'red dress'"):
        search(site, pages)


def test_an_engine_that_refuses(site):
    site.pages["/images/async"] = Answer("slow down", 429)
    with pytest.raises(ImageSearchError, match="cannot be used: it answers with status 429"):
        search_photos("dress", search_url=f"{site.url}/images/async", allow_private=True)


def test_an_engine_that_is_down(site):
    with pytest.raises(ImageSearchError, match="connection was refused"):
        search_photos("dress", search_url="http://127.0.0.1:9/", allow_private=True)


def test_an_answer_that_is_no_text(site):
    site.pages["/images/async"] = Answer(b"\xff\xfe\x00")
    with pytest.raises(ImageSearchError, match="something unexpected"):
        search_photos("dress", search_url=f"{site.url}/images/async", allow_private=True)


def test_the_guard_stands_before_the_engine(site):
    with pytest.raises(ImageSearchError, match="private address"):
        search_photos("dress", search_url=engine(site, [["https://a.example/1.jpg"]]))
    assert site.seen == []


def test_the_package_is_left_as_it_was(site):
    before = bing.urllib
    with pytest.raises(ImageSearchError):
        search(site, [])
    assert bing.urllib is before


@pytest.mark.parametrize(("words", "limit"), [("", 5), ("  ", 5), ("dress", 0), ("dress", 501)])
def test_questions_that_make_no_sense(words, limit):
    with pytest.raises(InputError):
        search_photos(words, limit=limit)


def shelve(site) -> list[str]:
    site.pages["/1.jpg"] = Answer(photo(1), content_type="image/jpeg")
    site.pages["/2.jpg"] = Answer(photo(2), content_type="image/jpeg")
    site.pages["/3.jpg"] = Answer("<!DOCTYPE html>")
    return [f"{site.url}/{number}.jpg" for number in (1, 2, 3, 4)]


def test_photos_become_products_of_a_store(site, root):
    links = shelve(site)
    store = Store(name="bing", url=site.url, strategy="bing", queries=["red dress"])
    engine(site, [links])
    first = run_crawl(root, store, allow_private=True, throttle=False)
    assert (first.status, first.products) == ("query", 4), first
    assert first.message == "A search for 'red dress'."
    rows = {row["url"]: row for row in tables.read(root, "products").to_pylist()}
    assert sorted(rows) == [f"{link}.html" for link in links]
    photos = {url: [image["image_id"] for image in row["images"]] for url, row in rows.items()}
    assert photos[f"{links[0]}.html"] == [hashlib.sha256(photo(1)).hexdigest()]
    assert photos[f"{links[2]}.html"] == [None]
    assert (rows[f"{links[0]}.html"]["title"], rows[f"{links[0]}.html"]["price"]) == ("Photo 1", None)
    reasons = {row["url"]: row["reason"] for row in tables.read(root, "rejects").to_pylist()}
    assert set(reasons) == set(links[2:])
    engine(site, [links[:1]])
    second = run_crawl(root, store, allow_private=True, throttle=False, query="blue coat")
    assert (second.products, second.products_new, second.products_removed) == (1, 0, 0)
    asked = [parse_qs(urlsplit(seen.target).query)["q"] for seen in site.seen if "async" in seen.target]
    assert [asked[0], asked[-1]] == [["red dress"], ["blue coat"]]
    assert all(row["removed_at"] is None for row in tables.read(root, "products").to_pylist())


def test_an_engine_that_refuses_fails_the_crawl_with_its_reason(site, root):
    site.pages["/images/async"] = Answer("slow down", 429)
    store = Store(name="bing", url=site.url, strategy="bing", queries=["red dress"])
    outcome = run_crawl(root, store, allow_private=True, throttle=False)
    assert outcome.status == "failed"
    assert "'bing' could not be searched: Bing's image search cannot be used" in outcome.message
    [reject] = tables.read(root, "rejects").to_pylist()
    assert "status 429" in reject["reason"]
