"""Labelled rows of a product: `Brand: Acme`, `Art.-Nr. 123`, `EAN`."""

from __future__ import annotations

import re

import lxml.html

from scrapers.extract.visible.heading import Heading
from scrapers.extract.visible.layout import Layout, Spot, above
from scrapers.extract.visible.other_content import OtherContent

MAX_VALUE = 80
_ROWS = frozenset({"li", "tr", "dl"})
"""Elements that hold one label and its value."""

_COLON = re.compile(r"(?:(?<!\s)\s+)?[:：;]\s*$")
_EDGE = re.compile(r"^[\s\-–—:：#.]+|(?<![\s\-–—:：])[\s\-–—:：]+$")

_LABELS = {
    "brand": """
        brand | brand name | manufacturer | maker | vendor | marke | hersteller | markenname | marque
        fabricant | marca | produttore | fabricante | casa editrice | merk | fabrikant | märke
        varumärke | tillverkare | mærke | producent | merke | varemerke | produsent | valmistaja
        tuotemerkki | merkki | brändi | marka | značka | výrobce | výrobca | gyártó | márka | producător
        producator | brend | proizvođač | proizvajalec | robna marka | blagovna znamka | prekės ženklas
        gamintojas | ražotājs | zīmols | tootja | kaubamärk | üretici | μάρκα | κατασκευαστής | бренд
        производитель | марка | торговая марка | виробник | производител | ブランド | メーカー
        ブランド名 | 品牌 | 品牌名称 | 品牌名稱 | 廠牌 | 브랜드 | 제조사 | 브랜드명 | แบรนด์ | ยี่ห้อ
        thương hiệu | nhãn hiệu | hãng | merek | jenama | العلامة التجارية | الماركة | מותג | יצרן
        label | by the brand | designer | marke / hersteller | brand/manufacturer
    """,
    "sku": """
        sku | item no | item number | item # | item no. | item code | item id | product code
        product no | product no. | product number | product id | product # | article no | article no.
        article number | article code | article | style no | style number | style code | style # | style
        stock code | stock number | stock # | catalogue number | catalog number | catalogue no
        cat. no. | cat no | ref | ref. | reference | reference no | code | model code | part no
        part number | asin | web id | dpci | tcin | ebay item number | ad id | listing id | lot | cat #
        reference number | reference code | artikelnummer | artikel-nr | artikel-nr. | artikelnr
        artikelnr. | art.-nr | art.-nr. | art. nr. | art.nr. | art.nr | art.-no. | art nr
        bestellnummer | bestell-nr | bestell-nr. | best.-nr. | produktnummer | produkt-nr. | produkt nr.
        produktcode | artikel nr | artikel nr. | produkt-id | anzeige | anzeigennummer | anzeigen-id
        anzeigen-nr. | teilenummer | modellnummer | artikel | produkt-nr | art | référence | réf | réf.
        ref produit | référence produit | code produit | code article | numéro d'article | n° d'article
        référence : | codice | codice prodotto | codice articolo | cod | cod. | cod. prodotto
        cod. articolo | riferimento | rif. | sku: | numero articolo | código | código del producto
        código de producto | referencia | ref.ª | número de artículo | código artículo | modelo/código
        código do produto | cód | cód. | cód. do produto | referência | código produto | ref.:
        cód. item | codigo | productcode | bestelnummer | artikelcode | artikel nummer | productnummer
        artikel-nr: | varunummer | varunr | varenummer | varenr | varenr. | varekode | produktnr
        artikkelnummer | artikkelnr | tuotenumero | tuotekoodi | tuotenro | tuotenro. | kod produktu
        kod towaru | nr katalogowy | numer katalogowy | indeks | symbol | nr ref | nr ref. | nr artykułu
        numer produktu | numer artykułu | nr produktu | katalogové číslo | objednací číslo
        objednávací kód | kód | kód produktu | kód zboží | číslo produktu | kód tovaru | obj. číslo
        kat. číslo | obj. č. | cikkszám | termékkód | cod produs | cod articol | cod produs: | šifra
        šifra artikla | šifra proizvoda | šifra izdelka | kataloški broj | kat. broj | šifra:
        prekės kodas | kodas | preces kods | kods | tootekood | ürün kodu | stok kodu | ürün no
        stok kodu: | model kodu | κωδικός | κωδικός προϊόντος | κωδ. | артикул | арт. | код товара | код
        номер товара | код продукту | код товару | артикул товара | код продукта | арт | 品番 | 商品番号
        商品コード | 型番 | 管理番号 | 商品id | 貨號 | 商品編號 | 商品貨號 | 商品代碼 | 货号 | 商品编号
        产品编号 | 款号 | 品號 | 商品編号 | 상품번호 | 상품코드 | 품번 | 상품 번호 | 제품번호 | 모델번호
        รหัสสินค้า | mã sản phẩm | mã sp | mã hàng | kode produk | kode barang | رمز المنتج | رقم المنتج
        מק"ט | מק״ט | מקט | دكد
    """,
    "gtin": """
        ean | ean code | ean-code | ean13 | ean-13 | gtin | gtin-13 | gtin13 | upc | upc code | barcode
        isbn | isbn-13 | isbn13 | jan | janコード | strichcode | code-barres | code barre | codice ean
        código de barras | código ean | streepjescode | streckkod | stregkode | viivakoodi | kod ean
        kod kreskowy | čárový kód | čiarový kód | vonalkód | cod de bare | barkod | штрихкод | штрих-код
        jan コード | 바코드 | gtin/ean | ean/upc
    """,
}
_LABELS["stock"] = """
    availability | stock | stock status | status | in stock | available | verfügbarkeit | lagerbestand
    lager
    bestand | lieferstatus | disponibilité | disponibilite | stock disponible | disponibilità
    disponibilita
    disponibilidad | estado | existencias | disponibilidade | estoque | beschikbaarheid | voorraad
    voorraadstatus | tillgänglighet | lagerstatus | tilgængelighed | lagerstatus | tilgjengelighet
    saatavuus
    varastotilanne | dostępność | stan magazynowy | dostupnost | dostupnosť | sklad | skladom | elérhetőség
    raktárkészlet | készlet | disponibilitate | stoc | dostupnost | raspoloživost | razpoložljivost | zaloga
    prieinamumas | pieejamība | saadavus | stok | stok durumu | διαθεσιμότητα | наличност | наличие
    доступность
    наявність | 在庫 | 在庫状況 | 库存 | 庫存 | 재고 | สถานะ | tình trạng | ketersediaan | التوفر
    المخزون | זמינות
"""
_LABEL_OF = {
    label.strip().casefold(): name
    for name, lines in _LABELS.items()
    for line in lines.strip().splitlines()
    for label in line.split("|")
    if label.strip()
}
_INLINE = re.compile(r"^([^:：#]{2,40}?)\s*(?:[:：]\s*#?|#\s*)(.{1,120})$")
_NUMBER = re.compile(r"(?=.*\d)[\w./-]{3,40}")
_SEPARATED = re.compile(r"[,;|/•]\s")


def read_rows(layout: Layout, heading: Heading, others: OtherContent) -> dict[str, list[str]]:
    """Brands, SKUs, GTINs and stock from labelled rows, those nearest after the heading first."""
    found: dict[str, list[tuple[int, str]]] = {}
    texts = [spot for spot in layout.spots if spot.own]
    for index, spot in enumerate(texts):
        name, value = _inline(spot.text)
        if name is None:
            name = _label_of(spot.text)
            value = _value_beside(layout, spot, texts[index + 1 : index + 4]) if name else None
        if not name or not value:
            continue
        value = _EDGE.sub("", value)
        if value and len(value) <= MAX_VALUE and not others.contains(spot):
            distance = spot.order - heading.spot.order
            found.setdefault(name, []).append((distance if distance >= 0 else 5000 - distance, value))
    return {
        name: [value for _, value in sorted(values, key=lambda one: one[0])] for name, values in found.items()
    }


def _logo(row: lxml.html.HtmlElement) -> str | None:
    """The alternative text of the first image in a row."""
    image = next(row.iter("img"), None)
    return ((image.get("alt") or image.get("title") or "").strip() or None) if image is not None else None


def _label_of(text: str) -> str | None:
    if len(text) > 42:
        return None
    return _LABEL_OF.get(_COLON.sub("", text).strip().casefold())


def _inline(text: str) -> tuple[str | None, str | None]:
    """Label and value of one text such as `Brand: Acme` or `Art.-Nr. 123`."""
    match = _INLINE.match(text)
    if match is None:
        label, _, value = text.rpartition(" ")
        name = (
            _LABEL_OF.get(label.casefold()) if len(text) <= MAX_VALUE and _NUMBER.fullmatch(value) else None
        )
        return (name, value) if name in ("sku", "gtin") else (None, None)
    name = _LABEL_OF.get(match[1].strip().casefold())
    return (name, _SEPARATED.split(match[2])[0]) if name else (None, None)


def _value_beside(layout: Layout, label: Spot, following: list[Spot]) -> str | None:
    """The text beside a label in the same row; for a logo, its alternative text."""
    for element in above(label.element, 3):
        row = layout.by_element.get(element)
        if row is None:
            return None
        if row.text == label.text and element is not label.element and (logo := _logo(element)):
            return logo
        rest = row.text[len(label.text) :] if row.text.startswith(label.text) else ""
        if not rest.strip() and row.text != label.text and row.text.endswith(label.text):
            rest = row.text[: -len(label.text)]  # the value before its label
        if rest.strip(" :：#-"):
            inner = next(
                (spot.text for spot in following if spot.text and rest.strip(" :：").startswith(spot.text)),
                None,
            )
            value = inner if inner and _label_of(inner) is None else rest
            return value if len(value) <= MAX_VALUE + 20 else None
        if element.tag in _ROWS:
            break
    after = label.element.getnext()
    if after is not None and label.element.tag in ("dt", "th", "td") and after.tag in ("dd", "td"):
        spot = layout.by_element.get(after)
        return spot.text if spot else None
    return None
