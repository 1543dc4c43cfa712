"""Currency symbols, and which currency a symbol means on a page of one country."""

from __future__ import annotations

from functools import lru_cache

from babel.core import get_global
from babel.numbers import get_territory_currencies

# Every symbol that CLDR has for a currency in the countries that pay with it; `test_symbols` derives it from
# babel again. Reading seven hundred locales takes seconds, so it stands here.
_OF_CLDR = """


    $=ARS,AUD,BBD,BMD,BND,BSD,BZD,CAD,CLP,COP,CUP,FJD,GYD,JMD,KYD,LRD,MXN,NAD,NZD,SBD,SGD,SRD,TTD,TWD,USD,UYU,XCD
    $US=USD A$=AUD Afl.=AWG Ar=MGA B/.=PAB Br=BYN,ETB Bs=BOB Bs.S=VES C$=NIO CA$=CAD CF=KMF CN¥=CNY
    Cg.=XCG D=GMD DA=DZD DT=TND Db=STN E=SZL FBu=BIF FC=CDF FCFA=XAF,XOF FCFP=XPF FG=GNF Fdj=DJF Ft=HUF
    G=HTG GH₵=GHS Gs.=PYG HK$=HKD K=MMK,PGK,ZMW KM=BAM Ksh=KES Kz=AOA Kč=CZK L=HNL,MDL LS=SYP Le=SLE
    Lekë=ALL M=LSL MK=MWK MOP$=MOP MTn=MZN NT$=TWD Nfk=ERN Nu.=BTN P=BWP Q=GTQ R=ZAR R$=BRL RD$=DOP
    RF=RWF RM=MYR Rf=MVR Rp=IDR Rs=MUR,PKR Rs.=LKR S=SOS S/=PEN SR=SCR T$=TOP TSh=TZS UM=MRU US$=USD
    USh=UGX VT=VUV WS$=WST den=MKD kr=DKK,NOK,SEK kr.=DKK,ISK soʻm=UZS zł=PLN £=FKP,GBP,GIP,SHP,SSP
    ¥=CNY КМ=BAM ден.=MKD лв.=BGN сом=KGS сўм=UZS ֏=AMD ؋=AFN أ.م.=MRU ج.س.=SDG ج.م.=EGP د.أ.=JOD
    د.إ.=AED د.ب.=BHD د.ت.=TND د.ج.=DZD د.ع.=IQD د.ك.=KWD د.ل.=LYD د.م.=MAD ر=PKR ر.س.=SAR ر.ع.=OMR
    ر.ق.=QAR ر.ي.=YER ریال=IRR ل.س.=SYP ل.ل.=LBP ރ.=MVR नेरू=NPR ৳=BDT රු.=LKR ฿=THB ብር=ETB ៛=KHR ₡=CRC
    ₦=NGN ₩=KRW ₪=ILS ₫=VND €=EUR ₭=LAK ₮=MNT ₱=PHP ₲=PYG ₴=UAH ₸=KZT ₹=INR ₺=TRY ₼=AZN
    ₽=RUB ₾=GEL
    ￥=CNY,JPY
"""
_OF_SHOPS = """
    euro=EUR Euro=EUR EURO=EUR euros=EUR eur=EUR Eur=EUR RMB=CNY rmb=CNY 元=CNY,TWD,HKD,MOP 圆=CNY
    円=JPY 원=KRW ¥=JPY,CNY ￥=JPY,CNY AU$=AUD C$=CAD CAD$=CAD CL$=CLP CO$=COP AR$=ARS MX$=MXN NZ$=NZD
    S$=SGD U$=UYU $U=UYU U$S=USD U$D=USD USD$=USD NTD=TWD NTD$=TWD J$=JMD TT$=TTD Bds$=BBD EC$=XCD
    FJ$=FJD Z$=ZWL ＄=$ руб=RUB руб.=RUB р.=RUB р=RUB Р=RUB zl=PLN zl.=PLN Zł=PLN zł.=PLN Kc=CZK kč=CZK
    Kč.=CZK ft=HUF Ft.=HUF lei=RON lei.=RON Lei=RON LEI=RON лв=BGN лв.=BGN lv=BGN lv.=BGN TL=TRY tl=TRY
    грн=UAH грн.=UAH тг=KZT тг.=KZT тенге=KZT kn=HRK Kn=HRK KN=HRK сум=UZS so'm=UZS сом=KGS бр.=BYN
    бр=BYN б.р.=BYN ден=MKD den.=MKD ден.=MKD дин.=RSD din=RSD din.=RSD дин=RSD Lek=ALL lek=ALL lekë=ALL
    KSh=KES Ksh=KES KSh.=KES Ksh.=KES KES=KES ₵=GHS GHS₵=GHS ₨=PKR,INR,LKR,NPR,MUR,SCR
    Rs=INR,PKR,LKR,NPR,MUR,SCR Bs=BOB,VES Bs.F=VES S/.=PEN Gs=PYG ₲=PYG Fr=CHF Fr.=CHF SFr=CHF SFr.=CHF
    sFr.=CHF FrS=CHF CHF.=CHF dkr=DKK dkr.=DKK Dkr=DKK DKr=DKK nkr=NOK Nkr=NOK NKr=NOK skr=SEK Skr=SEK
    SKr=SEK ikr=ISK kr=SEK,NOK,DKK,ISK :-=SEK,NOK,DKK Php=PHP PhP=PHP php=PHP P=PHP,BWP FCFA=XAF,XOF
    F.CFA=XAF,XOF CFA=XAF,XOF Fcfa=XAF,XOF F=XAF,XOF,XPF SR=SAR,SCR SAR=SAR ر.س=SAR ريال=SAR,QAR,OMR
    د.إ=AED درهم=AED,MAD Dhs=AED,MAD Dhs.=AED,MAD Dh=MAD,AED DH=MAD,AED dh=MAD,AED AED=AED LE=EGP
    L.E=EGP L.E.=EGP EGP£=EGP E£=EGP ج.م=EGP جنيه=EGP KD=KWD KD.=KWD د.ك=KWD BD=BHD د.ب=BHD JD=JOD
    د.أ=JOD QR=QAR QR.=QAR ر.ق=QAR RO=OMR R.O.=OMR ر.ع=OMR DT=TND د.ت=TND DA=DZD د.ج=DZD د.م=MAD ID=IQD
    د.ع=IQD LL=LBP L.L.=LBP ل.ل=LBP NIS=ILS nis=ILS ש"ח=ILS שח=ILS Tk=BDT Tk.=BDT TK=BDT ৳=BDT बाट=THB
    บาท=THB ฿=THB đ=VND Đ=VND vnđ=VND VNĐ=VND vnd=VND дол=USD RM=MYR Rp=IDR Rp.=IDR ₭=LAK Br=ETB,BYN
    KM=BAM KM.=BAM Q=GTQ Q.=GTQ L=HNL,MDL L.=HNL Tsh=TZS TSH=TZS Ush=UGX UGX=UGX Sh=KES,TZS,UGX,SOS
    N=NGN ₦=NGN NGN=NGN 港币=HKD 台币=TWD 人民币=CNY
"""
"""Further spellings by shops."""
_DEFAULT_OF_SYMBOL = {"£": "GBP", "C$": "CAD", "Bs": "BOB", "Bs.": "BOB"}
"""The meaning of an ambiguous symbol if the page's country has none of its currencies."""
_WORLDWIDE = frozenset({"en", "es", "fr", "pt", "ar", "de", "zh", "it", "nl"})
"""Languages spoken in many currency areas: without a country they imply none."""
MAX_LOCAL = 2
"""Letters of a symbol that counts only on pages of its country: elsewhere `L 38` is a size."""


def _table(*texts: str) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for text in texts:
        for pair in text.split():
            symbol, _, codes = pair.rpartition("=")
            found[symbol] = found.get(symbol, frozenset()) | frozenset(codes.split(","))
    found["＄"] = found["$"]
    return found


SYMBOLS = _table(_OF_CLDR, _OF_SHOPS)
"""Symbol to the codes that it may mean."""


def codes_of(symbol: str) -> frozenset[str]:
    """The currencies that a symbol may mean; empty if unknown."""
    bare = symbol.strip()
    stem = bare.rstrip(".")
    return SYMBOLS.get(stem, frozenset()) | SYMBOLS.get(f"{stem}.", frozenset())


@lru_cache(maxsize=256)
def currencies_of(country: str) -> frozenset[str]:
    """The currencies used in a country today."""
    try:
        return frozenset(get_territory_currencies(country.upper()))
    except (KeyError, ValueError):
        return frozenset()


def country_of_language(language: str) -> str:
    """The country where most speakers of a language live; empty for a worldwide language."""
    language = language.lower()
    if not language or language in _WORLDWIDE:
        return ""
    return str(get_global("likely_subtags").get(language, "")).rpartition("_")[2].lower()


@lru_cache(maxsize=256)
def local_symbols(country: str) -> tuple[str, ...]:
    """Symbols of one or two letters that a country uses."""
    codes = currencies_of(country)
    short = (symbol for symbol in SYMBOLS if is_local(symbol) and not codes.isdisjoint(SYMBOLS[symbol]))
    return tuple(sorted(short, key=len, reverse=True))


def is_local(symbol: str) -> bool:
    """Whether a symbol is as short as other text before numbers, such as sizes and models."""
    letters = symbol.rstrip(".")
    return letters.isalpha() and letters.isascii() and len(letters) <= MAX_LOCAL


def currency_of_symbol(symbol: str, country: str) -> str | None:
    """The currency that a symbol means on a page of a country; None if ambiguous."""
    codes = codes_of(symbol)
    if len(codes) == 1:
        return next(iter(codes))
    known = codes & currencies_of(country)
    if len(known) == 1:
        return next(iter(known))
    return _DEFAULT_OF_SYMBOL.get(symbol) if not known else None
