"""The weights and thresholds by which the visible page is read, one table for each decision.

They were set by hand on the pages of the product extraction benchmark and on reported pages. For the price, a
logistic regression learnt weights on 257 labelled pages: on sites that it did not learn from it is right on
0.969 of them, and on 0.814 of the benchmark's; those set by hand on 0.981 and 0.884. So these stay
(`benchmarks/price_weights.py`). Distances are in characters of visible text or in elements, as the comments
say. Scores are sums of weights and have no unit.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class HeadingWeights:
    """Which text is the heading that names the product.

    Each weight up to `min_agreement` was set to 0, one at a time; so many of 67 benchmark pages are then read
    differently: `h1` 18, `agreement` 12, `other_heading` 2, `named` 1.
    """

    min_text: int = 3  # characters; shorter texts are icons and counters, except in an h1
    max_spots: int = 20_000  # texts that are compared with the page's names
    max_text: int = 400  # characters of a text that are compared
    agreement: float = 4.0  # the page's own names count more than any tag
    h1: float = 3.0
    other_heading: float = 1.5  # h2, h3 and role=heading also head other boxes
    named: float = 1.0  # a class such as product-title
    min_agreement: float = 0.5  # a text below shares too little with the names, unless it is the only h1
    min_score: float = 2.0  # a little less than half of an exact name in a plain element
    in_navigation: float = 3.0  # cancels an h1
    in_link: float = 1.5  # names in links are of other pages
    in_item: float = 1.0  # links, options, list items, labels and buttons
    steps_up: int = 8  # ancestors that are searched for navigation and links


@dataclass(frozen=True)
class AgreementWeights:
    """How much of a page's name a text covers, as a base and a share of the lengths."""

    equal: float = 1.2  # more than any partial agreement
    start: float = 0.75  # the text begins the name: most titles end in the store's name
    start_share: float = 0.4
    min_start: int = 5  # characters; a shorter beginning must end at a word
    end: float = 0.1  # the name is the end or beginning of the text
    end_share: float = 0.9
    min_end: int = 5  # characters of a name at the text's end
    min_begin: int = 8  # characters of a name at the text's beginning, or of a text within the name
    inside: float = 0.6
    inside_share: float = 0.4
    words_share: float = 0.9  # texts of `min_words` that share words
    min_words: int = 3  # two words agree by chance
    slug_share: float = 0.8  # addresses leave words out, and repeat categories
    slug_segments: int = 2  # last segments of the address
    min_slug_word: int = 3  # characters; shorter words are articles
    max_slug_words: int = 12


@dataclass(frozen=True)
class AmountLimits:
    """Which amounts are read, and which words around them."""

    max_amounts: int = 2000  # a page with more lists products
    max_text: int = 100  # characters of an element with an amount; longer ones are paragraphs
    max_outer_text: int = 80  # characters of a box that may hold the symbol of a bare number
    steps_up: int = 4  # boxes around an amount that are searched for symbol and words
    symbol_steps: int = 3  # those that are searched for the symbol of a bare number
    max_in_box: int = 4  # amounts in a box; one with more is a table of prices
    max_label: int = 40  # characters before an amount
    max_after: int = 20  # characters behind it
    max_behind: int = 25  # characters behind it in other elements; longer text is about something else
    max_line: int = 60  # characters of a line that holds a label and its amount


@dataclass(frozen=True)
class PriceWeights:
    """Which amount is the product's price.

    Each weight was set to 0, one at a time; so many of 67 benchmark pages are then read differently: `named`
    7, `symbol`, `distance` and `max_distance` 3, `todays_name` 2, `near_button`, `no_price`, `named_no_price`
    and `hidden` 1, all others 0. Each of the others changes a case of `price.json`.
    """

    min_score: float = 0.0  # a named amount with symbol has one up to about 3,400 characters from the heading
    named: float = 3.0  # an element around it is named price
    symbol: float = 2.0
    itemprop: float = 1.5  # microdata marks it as the price
    todays_name: float = 1.5  # named sale, current, now
    highlighted: float = 0.7  # in a heading or bold
    large: float = 1.5  # set at `large_px` or more
    small: float = -0.5  # set below `small_px`, as unit prices are
    large_px: float = 18.0
    small_px: float = 13.0
    em_px: float = 16.0  # browsers' default font size
    repeated: float = 0.4  # for each repetition, up to `max_repeated`: price, sticky bar, summary
    max_repeated: int = 2
    distance: float = 1.2  # for each doubling of the distance to the heading, beyond `near`
    max_distance: float = 7.0  # the most that distance subtracts
    near: int = 200  # characters
    before_heading: float = 1.5  # bars above the heading show the cart's total
    near_button: float = 1.0  # the buy button is within `button_before` and `button_after`
    button_before: int = 120  # elements from a button to a price behind it
    button_after: int = 250  # elements from a price to a button behind it
    no_price: float = 5.0  # its words say shipping, instalment, saving
    named_no_price: float = 4.0  # an element around it says so
    members: float = 3.0  # others pay more
    hidden: float = 3.0  # often the price of a variant that is not chosen
    without_tax: float = 2.5  # shops for businesses show both
    in_control: float = 1.5  # in an option, label, list item, link or button: of a variant
    in_sentence: float = 2.0  # at least `sentence_rest` further characters around it
    sentence_rest: int = 60
    name_steps: int = 4  # boxes around an amount whose names count
    box_steps: int = 2  # the same, where names of a common box would be of both prices
    tax_label: int = 20  # characters of the label's end that may say without tax
    earlier_reach: int = 400  # characters between price and earlier price
    beside: int = 120  # characters between two prices side by side
    beside_score: float = 3.0  # by which the reduced one may score less
    beside_candidates: int = 5  # the next best amounts that may be the reduced one
    decimals_reach: int = 200  # characters between a price and its repetition for screen readers
    max_spoken: int = 60  # characters of a label for screen readers


@dataclass(frozen=True)
class ButtonWeights:
    """Which element is a buy button."""

    max_label: int = 70  # characters; longer texts are sentences
    buy_share: float = 0.3  # of the label that its words for buying take: `Add to cart – $35.00`
    option_steps: int = 3  # boxes that may be a choice of sizes
    hidden_steps: int = 12  # boxes that may hide a button


@dataclass(frozen=True)
class StockWeights:
    """Which words are about the product's stock."""

    before_heading: int = 600  # characters before the heading in which stock may be mentioned
    after_heading: int = 3000  # characters after it
    max_text: int = 160  # characters; longer texts are about delivery in general
    max_preorder: int = 40  # the same for preorders, which sentences mention without meaning this product
    sold_out_share: float = 0.45  # of a text that the words for sold out take: more than a clause
    in_stock_share: float = 0.25  # the same for in stock, which sentences spell out: `Ships in 2 days`
    button_reach: int = 500  # elements between a heading and a button that is certainly its own
    choices_reach: int = 1500  # elements between a heading and its sizes and colours
    choice_steps: int = 3  # boxes that may be a choice of sizes
    name_steps: int = 2  # boxes that may be named after stock


@dataclass(frozen=True)
class BrandWeights:
    """Which text near the heading is the brand. The lowest score wins."""

    reach: int = 700  # characters between heading and brand
    max_name: int = 50  # characters
    max_around: int = 30  # further characters such as `Visit the … Store`
    max_words: int = 6  # more are a sentence
    distance: float = 100.0  # characters that cost one point
    no_link: float = 1.0  # brand links are more certain than elements named brand
    not_in_heading: float = 2.0  # many headings begin with the brand
    logo_reach: int = 250  # elements between heading and logo
    logo_steps: int = 2  # boxes around a logo that may be a link, or named brand


@dataclass(frozen=True)
class CardWeights:
    """Which elements show other products."""

    max_card: int = 700  # characters of text
    max_targets: int = 3  # pages that a card links to: product, reviews, brand
    max_prices: int = 3  # today's price, an earlier one, a unit price
    min_pictured: int = 2  # cards with images that make a list
    min_rows: int = 3  # rows with a link and a price but no image that make a list
    max_teaser: int = 500  # characters of a box whose image and words link to the same page
    min_link_words: int = 5  # characters of a link that names a product
    max_links: int = 8  # links of a teaser that are read
    max_heading: int = 80  # characters of a heading such as `You may also like`
    before_heading: int = 40  # characters that may precede it in the box that it heads
    beside_heading: int = 10  # further characters of a box that holds nothing but its heading
    box_steps: int = 3  # boxes around a heading that it may head
    price_steps: int = 40  # boxes around a price that may be a card


@dataclass(frozen=True)
class PhotoWeights:
    """Which images are photos of the product."""

    max_photos: int = 30
    min_pixels: int = 60  # of the longer side; smaller ones are swatches and icons
    min_size: int = 90  # of width and height attributes
    reach: int = 600  # elements between heading and photo
    label: int = 12  # characters of a photo's label that the heading must contain
    gallery_steps: int = 4  # boxes that may be named gallery
    thumbnail_steps: int = 3  # boxes that may be named thumbnail


@dataclass(frozen=True)
class RowWeights:
    """Which texts are labelled rows."""

    max_label: int = 42  # characters of a label with its colon
    max_value: int = 80  # characters of a value
    max_rest: int = 100  # the same with separators around it
    following: int = 3  # texts after a label that may be its value
    row_steps: int = 3  # boxes around a label that may be its row
    before_heading: int = 5000  # added to the distance of rows before the heading: they are of the page's top


HEADING = HeadingWeights()
AGREEMENT = AgreementWeights()
AMOUNT = AmountLimits()
PRICE = PriceWeights()
BUTTON = ButtonWeights()
STOCK = StockWeights()
BRAND = BrandWeights()
CARD = CardWeights()
PHOTO = PhotoWeights()
ROW = RowWeights()
