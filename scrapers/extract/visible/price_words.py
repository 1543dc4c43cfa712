"""What shops write beside amounts that not everybody pays, or not for one piece."""

from __future__ import annotations

import re

from scrapers.extract.visible.words import phrases

FOR_MEMBERS = phrases("""
    member price | members price | members' price | member's price | member pays | members pay | members
    members only | club price | loyalty price | with membership | for members | mitgliederpreis
    mitgliedspreis | clubpreis | kundenkartenpreis | prix membre | prix membres | prix adhérent | prix club
    prezzo soci | prezzo socio | prezzo club | precio socio | precio socios | precio club
    precio de socio | preço sócio | preço clube | preço de membro | ledenprijs | medlemspris | klubpris
    klubbpris | jäsenhinta | etuhinta | cena klubowa | dla klubowiczów | klubová cena | členská cena
    klubár | törzsvásárlói ár | preț de membru | клубная цена | по карте | 会員価格 | 会員特価 | 会员价
    會員價 | 회원가 | 멤버십가
""")
"""What only those pay who have joined something."""

WITHOUT_TAX = phrases("""
    ex vat | excl vat | excl. vat | ex. vat | exc. vat | ex tax | excl. tax | excluding vat | plus vat
    + vat | ex gst | excl. gst | netto | net | zzgl. mwst | exkl. mwst | ohne mwst | hors taxe
    hors taxes | ht | iva esclusa | + iva | sin iva | iva no incluido | más iva | sem iva | excl. btw
    exkl. moms | ex moms | ex. moms | ekskl. moms | eks. mva | eks mva | alv 0 | bez vat | bez dph
    bez daně | bez pdv | brez ddv | fără tva | fara tva | nettó | kdv hariç | + kdv | χωρίς φπα
    без ндс | без пдв | 税抜 | 税別 | 未税 | 未稅 | 不含税
""")

PER_UNIT = re.compile(
    r"(?:/|\bper\b|\bpro\b|\bje\b|\bpar\b|\bpor\b|\bal\b|\bza\b|\bcada\b|\ba\b|\bthe\b|\bfor\b|=|\bна\b|\bза\b)\s*"
    r"(?:\d+(?:[.,]\d+)?\s*)?(?:kg|g|gr|mg|lb|oz|fl\.? ?oz|ounce|l|lt|ltr|liter|litre|litr|ml|cl|dl|m|m2|m²"
    r"|m3|cm|ft|sq|meter|metre|kilo|capsule|tablet|wash|sheet|кг|г|л|мл|м|м²|м2)\b(?!\w)",
    re.IGNORECASE,
)
