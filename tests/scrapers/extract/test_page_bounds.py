"""A page's tree holds no more tags and attributes than any real page's, whatever the page consists of."""

import pytest

from scrapers.extract.page import MAX_ATTRIBUTES, MAX_HOLDING, MAX_MARKS, parse_page
from tests.scrapers.extract.test_linear import lines_of

URL = "https://shop.example/p/cap"
TITLE = "<title>Cap</title>"


@pytest.mark.parametrize(
    "piece", ["<p>", "<b></b>", "<i a=b>", "<", "=", "<a b = c>", "<br/>", "<!---->", "<td></p>", "<<"]
)
def test_no_more_marks_are_parsed_than_may_be(piece):
    marks = piece.count("<") + piece.count("=")
    page = parse_page(TITLE + piece * (3 * MAX_MARKS // marks), URL)
    assert page is not None
    attributes = page.tree.xpath("count(//@*)")
    assert page.tree.xpath("count(//*)") + attributes <= MAX_MARKS + 10
    assert page.title == "Cap"


def test_what_is_within_the_bound_is_whole():
    page = parse_page(TITLE + "<p>x</p>" * (MAX_MARKS // 2 - 10), URL)
    assert page is not None
    assert page.tree.xpath("count(//p)") == MAX_MARKS // 2 - 10


@pytest.mark.parametrize("attribute", [" a{}", " a{}=b", " a{}='b'", '\n a{} = "b"'])
def test_a_page_ends_before_a_tag_of_too_many_attributes(attribute):
    tag = "".join(attribute.format(number) for number in range(MAX_ATTRIBUTES + 1))
    page = parse_page(f"{TITLE}<p>before<p {tag}>after", URL)
    assert page is not None
    assert page.tree.xpath("string(//p)") == "before"
    assert "after" not in page.tree.text_content()


@pytest.mark.parametrize("piece", ["crumb ", "'crumb", '="crumb', "<p crumb>", "crumb=crumb "])
def test_a_word_that_a_page_consists_of_is_looked_at_in_few_places(piece):
    few, many = (
        lines_of(lambda page: page.attributes_holding(b"crumb"), parse_page(TITLE + piece * count, URL))
        for count in (2 * MAX_HOLDING, 8 * MAX_HOLDING)
    )
    assert many == few
