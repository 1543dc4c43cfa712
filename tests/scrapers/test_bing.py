"""Photos from an image search that answers as Bing's does, on this machine."""

import html
import json
from urllib.parse import parse_qs, urlsplit

import pytest
from bing_image_downloader import bing

from scrapers.bing import FoundPhoto, ImageSearchError, MissedPhoto, fetch_photos, search_photos
from storage.errors import InputError
from tests.scrapers.webserver import Answer, photo


def result_page(*links: str) -> str:
    """A page of results: each link in an attribute, as JSON with its quotes escaped."""
    details = (json.dumps({"purl": "x", "murl": link}, separators=(",", ":")) for link in links)
    return "".join(f'<a class="iusc" m="{html.escape(detail)}"></a>' for detail in details)


def engine(site, pages: list[list[str]]) -> str:
    """Serves result pages one after the other."""

    def answer(seen):
        number = int(parse_qs(urlsplit(seen.target).query)["first"][0])
        return Answer(result_page(*pages[number]) if number < len(pages) else "")

    site.pages["/images/async"] = answer
    return f"{site.url}/images/async"


def search(site, pages, words="red dress", **options):
    return search_photos(words, search_url=engine(site, pages), allow_private=True, **options)


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
    from scrapers import addresses

    real = addresses.is_public
    monkeypatch.setattr(addresses, "is_public", lambda address: address == "127.0.0.1" or real(address))
    links = ["http://169.254.169.254/x.jpg", "http://localhost/x.jpg", "https://a.example/1.jpg"]
    found = search_photos("dress", search_url=engine(site, [links]))
    assert found == ["https://a.example/1.jpg"]


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


def test_photos_are_fetched_and_checked(site):
    site.pages["/good.jpg"] = Answer(photo(1), content_type="image/jpeg")
    site.pages["/moved.jpg"] = Answer(status=302, headers={"Location": "/good.jpg"})
    site.pages["/text.jpg"] = Answer("<!DOCTYPE html>")
    site.pages["/large.jpg"] = Answer(bytes(10_000))
    links = [f"{site.url}/{name}.jpg" for name in ("good", "moved", "text", "large", "none")]
    found = list(fetch_photos([*links, "ftp://x/"], max_bytes=5000, allow_private=True))
    assert [type(one) for one in found] == [FoundPhoto, FoundPhoto, *[MissedPhoto] * 4]
    assert [one.url for one in found] == [*links, "ftp://x/"]
    assert found[0].data == found[1].data == photo(1)
    assert found[1].page_url == f"{site.url}/good.jpg"
    reasons = [one.reason for one in found[2:]]
    for reason, said in zip(reasons, ["not an image", "larger than", "status 404", "only http"], strict=True):
        assert said in reason
    [refused] = fetch_photos(links[:1], max_bytes=5000)
    assert isinstance(refused, MissedPhoto)
