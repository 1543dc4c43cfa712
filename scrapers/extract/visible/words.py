"""What shops write, in the languages they write in: one expression for each thing that is said.

Each is a list of phrases, one a line, searched in lower case as whole words where the script has words. A new
language is a line; nothing here knows a shop.
"""

from __future__ import annotations

import re

_SPACED = re.compile(r"[^\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
"""Scripts that set spaces between words."""
_SPACE = r"[\s\u00a0-]+"

_Tree = dict[str, "_Tree"]


def phrases(lines: str) -> re.Pattern[str]:
    """An expression that finds any of the phrases, a line or a `|` apart; `*` is any ending of a word.

    Phrases that begin alike share their beginning in it: a hundred of them take hardly longer than one.
    """
    whole: _Tree = {}
    anywhere: _Tree = {}
    for line in lines.splitlines():
        for phrase in (part.strip().casefold() for part in line.split("|")):
            if phrase:
                node = whole if _SPACED.fullmatch(phrase) else anywhere
                for letter in " ".join(phrase.split()):
                    written = _SPACE if letter == " " else r"\w*" if letter == "*" else re.escape(letter)
                    node = node.setdefault(written, {})
                node[""] = {}
    parts = [rf"(?<!\w){_expression(whole)}(?!\w)"] if whole else []
    return re.compile("|".join([*parts, *([_expression(anywhere)] if anywhere else [])]), re.IGNORECASE)


def _expression(tree: _Tree) -> str:
    """What a tree of letters matches, the longest of several first."""
    branches = [f"{letter}{_expression(below)}" for letter, below in tree.items() if letter]
    if not branches:
        return ""
    ends = "" in tree
    if len(branches) == 1 and not ends:
        return branches[0]
    return f"(?:{'|'.join(branches)}){'?' if ends else ''}"


OTHER_PRODUCTS = phrases("""
    you may also like | you might also like | you might like | you may like | also bought | also viewed
    also like | related products | related items | similar products | similar items | more like this
    recommended for you | recommended products | recommendations | we recommend | recently viewed
    frequently bought | bought together | customers who | other customers | complete the look
    shop the look | complete your look | wear it with | pairs well with | goes well with | style it with
    accessories | sponsored | inspired by | compare with similar | newer model | best sellers
    bestsellers | trending now | more from | others also | explore more | newer version | new arrivals
    das könnte | könnte dir auch | könnte ihnen auch | könnten dich | ähnliche | zuletzt angesehen
    zuletzt gesehen | kunden kauften | kunden, die | passend dazu | dazu passt | dazu passen
    wird oft zusammen | empfehlungen | unsere empfehlung* | zubehör | weitere artikel | kombiniere mit
    gesponsert | mehr von | vous aimerez | pourrait vous plaire | pourraient vous | produits similaires
    produits associés | articles similaires | vus récemment | récemment consultés | clients ayant
    nos recommandations | complétez | fréquemment achetés | accessoires | nous vous recommandons
    dans la même catégorie | potrebbe interessarti | potrebbero interessarti | potrebbe piacerti
    potrebbero piacerti | ti potrebbe | potrebbe anche | prodotti correlati | prodotti simili
    articoli simili | chi ha comprato | visti di recente | spesso comprati | accessori
    completa il look | ti consigliamo | también te puede | te puede interesar | te podría | también te
    también compraron | productos relacionados | productos similares | recomendado* | clientes que
    vistos recientemente | comprados juntos | completa tu | te recomendamos | quizás te | accesorios
    você também | também pode | produtos relacionados | produtos similares | produtos semelhantes
    quem viu | quem comprou | vistos recentemente | compre junto | acessórios | aproveite também
    recomendados | vind je misschien | misschien ook | anderen bekeken | gerelateerde | vergelijkbare
    recent bekeken | klanten kochten | ook leuk | aanbevolen | maak je look | du kanske | kanske gillar
    andra köpte | liknande produkter | relaterade produkter | nyligen visade | tillbehör
    rekommenderade | passar till | du vil måske | måske også | lignende produkter | relaterede produkter
    andre købte | tilbehør | andre kjøpte | relaterte produkter | kanskje også | sinua saattaa
    saatat pitää | samankaltaiset | muut ostivat | suosittelemme | lisätarvikkeet | podobne produkty
    może ci się | zobacz również | zobacz też | klienci kupili | powiązane produkty | polecane
    akcesoria | ostatnio oglądane | inni klienci | podobné produkty | související | mohlo by se vám
    mohlo by vás | mohlo by sa vám | zákazníci také | příslušenství | príslušenstvo | súvisiace
    naposledy zobrazené | odporúčame | doporučujeme | hasonló termékek | kapcsolódó termékek | ajánlott
    mások ezt | tartozékok | ezek is érdekelhetnek | produse similare | produse recomandate
    ți-ar putea | te-ar putea | clienții au | accesorii | vezi si | slični proizvodi
    povezani proizvodi | možda će | možda vam | podobni izdelki | morda vas | sorodni | susiję
    panašios prekės | līdzīgas preces | sarnased tooted | similars | benzer ürünler | ilgili ürünler
    bunlar da | birlikte al | son gezilen | önerilen | σχετικά προϊόντα | παρόμοια | μπορεί να σας
    προτεινόμενα | αξεσουάρ | похожие | рекоменд* | с этим товаром | вас может | также покупают
    вы смотрели | недавно просмотр* | аксессуары | сопутствующие | схожі товари | рекомендуємо
    разом з цим | подобни продукти | 関連商品 | おすすめ | この商品を買った | この商品を見た
    最近チェック | 類似 | 一緒に購入 | よく一緒に | 相关商品 | 相關商品 | 相关产品 | 推荐 | 推薦
    猜你喜欢 | 你可能 | 您可能 | 看了又看 | 其他人也 | 也買了 | 瀏覽紀錄 | 연관상품 | 관련상품
    관련 상품 | 추천상품 | 추천 상품 | 비슷한 | 함께 구매 | 최근 본 | 함께 본 | สินค้าที่เกี่ยวข้อง
    สินค้าแนะนำ | sản phẩm liên quan | sản phẩm tương tự | có thể bạn | gợi ý | produk terkait
    produk serupa | mungkin anda | rekomendasi | anda mungkin | منتجات ذات صلة | قد يعجبك
    منتجات مشابهة | מוצרים קשורים | מוצרים דומים | אולי יעניין
""")

BUY = phrases("""
    add to cart | add to bag | add to basket | add to trolley | add to my bag | add to my cart | buy now
    buy it now | buy | purchase | order now | shop now | place order | pre-order | preorder | place bid
    submit bid | bid now | make offer | buy tickets | get tickets | book now | reserve now
    reserve online | add all to cart | add to shopping cart | add to shopping bag | add | order
    buy online | see all buying options | see buying options | go to store | go to shop
    buy with 1-click | subscribe now | view all sellers | compare prices | visit store | contact seller
    in den warenkorb | in den einkaufswagen | in warenkorb | zum warenkorb hinzufügen | jetzt kaufen
    kaufen | in die tasche | in die einkaufstasche | jetzt bestellen | bestellen | sofort kaufen
    sofort-kaufen | vorbestellen | jetzt vorbestellen | in den korb | hinzufügen | zum shop
    zum angebot | anbieter kontaktieren | verkäufer kontaktieren | nachricht senden
    nachricht schreiben | alle kaufoptionen ansehen | anfrage senden | ajouter au panier
    ajoutez au panier | acheter | acheter maintenant | achat immédiat | commander | j'achète
    je commande | mettre au panier | précommander | ajouter | réserver | voir l'offre
    voir toutes les options d'achat | contacter le vendeur | ajouter au sac | aggiungi al carrello
    aggiungi | acquista | acquista ora | compra | compra ora | compralo subito | ordina | ordina ora
    metti nel carrello | aggiungi alla borsa | preordina | prenota | vai al negozio
    visualizza tutte le opzioni di acquisto | contatta il venditore | aggiungi alla shopping bag
    añadir al carrito | agregar al carrito | añadir a la cesta | añadir a la bolsa | añadir | comprar
    comprar ahora | agregar a la bolsa | cómpralo ya | reservar | agregar | lo quiero | pedir ahora
    encargar | ver todas las opciones de compra | añadir al carro | agregar al carro | ir a la tienda
    adicionar ao carrinho | adicionar à sacola | colocar no carrinho | comprar agora | adicionar
    encomendar | adicionar à sacola de compras | adicionar ao cesto | adicionar ao saco | eu quero
    compre agora | reserve | in winkelwagen | in winkelmand | in mijn winkelwagen | in mijn winkelmandje
    toevoegen aan winkelwagen | in winkelmandje | toevoegen aan winkelmand | voeg toe aan winkelwagen
    koop nu | nu kopen | kopen | bestel | bestel nu | toevoegen | nu bestellen | naar winkel
    lägg i varukorg* | lägg i varukorgen | lägg till i varukorg* | köp | köp nu | lägg till | beställ
    boka | lägg i kundvagn* | lägg till i kundvagn* | handla | förbeställ | till butik | lägg i påsen
    læg i kurv | læg i kurven | køb | køb nu | tilføj til kurv | læg i indkøbskurv* | bestil
    forudbestil | legg i handlekurv* | kjøp | kjøp nå | legg i kurv* | legg til i handlekurv*
    forhåndsbestill | lisää koriin | lisää ostoskoriin | osta | osta nyt | tilaa | ennakkotilaa
    dodaj do koszyka | do koszyka | kup teraz | kup | kupuję | kupuj | zamów | zamawiam
    wrzuć do koszyka | zamów teraz | przejdź do sklepu | dodaj | do košíku | přidat do košíku
    vložit do košíku | koupit | do košíka | pridať do košíka | kúpiť | objednat | vložiť do košíka
    objednať | přidat | pridať | předobjednat | predobjednať | kosárba | kosárba teszem | kosárba rakom
    megveszem | megvásárolom | megrendelem | vásárlás | előrendelés | adaugă în coș | adauga in cos
    adaugă în coşul | adauga in cosul | cumpără | cumpara | comandă | comanda
    adaugă în coșul de cumpărături | precomandă | cumpara acum | cumpără acum | dodaj u košaricu
    u košaricu | kupi | kupi odmah | dodaj u korpu | u korpu | naruči | rezerviraj | dodaj v košarico
    v košarico | naroči | kupi zdaj | rezerviraj termin | poruči | į krepšelį | įdėti į krepšelį
    pirkti | pievienot grozam | ielikt grozā | likt grozā | pirkt | lisa ostukorvi | lisa korvi
    osta kohe | добави в количката | купи | поръчай | добави в кошницата | sepete ekle | satın al
    hemen al | şimdi al | sipariş ver | ön sipariş | sepete at | προσθήκη στο καλάθι | στο καλάθι
    αγορά | αγόρασε | αγόρασέ το | παραγγελία | προσθήκη | в корзину | добавить в корзину | купить
    купить сейчас | заказать | оформить заказ | купить в 1 клик | предзаказ | в магазин | где купить
    сравнить все цены* | добавить | купити | до кошика | додати до кошика | в кошик | замовити
    написать продавцу | показать телефон* | себетке қосу | сатып алу | у кошык | カートに入れる
    カートへ入れる | 買い物かごに入れる | かごに入れる | カゴに入れる | 購入する | 今すぐ購入 | ご購入
    注文する | ショッピングカートに入れる | カートに追加 | 予約する | 入札する | バッグに入れる
    お買い物かごに | 加入购物车 | 加入購物車 | 放入购物车 | 放入購物車 | 立即购买 | 立即購買 | 直接購買
    我要買 | 我要购买 | 立即訂購 | 加入購物袋 | 加入购物袋 | 添加到购物车 | 馬上買 | 馬上購買 | 立即搶購
    立即抢购 | 立刻購買 | 購買 | 預購 | 预购 | 장바구니 담기 | 장바구니에 담기 | 구매하기 | 바로구매
    바로 구매 | 구매 | 주문하기 | 쇼핑백 담기 | 예약구매 | 구입하기 | เพิ่มในตะกร้า | หยิบใส่ตะกร้า
    ใส่ตะกร้า | ซื้อเลย | ซื้อทันที | สั่งซื้อ | เพิ่มลงในรถเข็น | หยิบใส่รถเข็น | เพิ่มไปยังรถเข็น
    thêm vào giỏ | thêm vào giỏ hàng | mua ngay | đặt hàng | mua hàng | cho vào giỏ hàng | chọn mua
    đặt mua | tambah ke keranjang | masukkan keranjang | tambahkan ke keranjang | beli sekarang | beli
    + keranjang | tambah ke troli | masukkan ke troli | pesan sekarang | pesan | أضف إلى السلة
    أضف الى السلة | اضف للسلة | أضف إلى العربة | أضف إلى حقيبة التسوق | اشتر الآن | شراء | اشتري الآن
    הוסף לסל | הוספה לסל | הוסף לעגלה | קנה עכשיו | קנייה | הזמן עכשיו | افزودن به سبد خرید | خرید
""")

SOLD_OUT = phrases("""
    sold out | out of stock | currently unavailable | temporarily out of stock | no longer available
    not available | temporarily unavailable | unavailable | currently out of stock | currently sold out
    item is unavailable | has been discontinued | is discontinued
    this item has sold | this item has been sold | listing has ended
    listing was ended | item not available | discontinued | no longer in stock | not in stock
    online sold out | 0 in stock | out-of-stock | this item is sold | all gone | ad has expired
    this ad is no longer | has been removed | ausverkauft | nicht verfügbar | derzeit nicht verfügbar
    nicht auf lager | nicht lieferbar | vergriffen | momentan nicht verfügbar | zurzeit nicht verfügbar
    leider ausverkauft | nicht mehr verfügbar | nicht mehr lieferbar | nicht vorrätig
    aktuell nicht verfügbar | online nicht verfügbar | nicht bestellbar | épuisé | épuisée
    rupture de stock | en rupture | indisponible | actuellement indisponible | plus disponible
    non disponible | victime de son succès | stock épuisé | produit épuisé | plus en stock | hors stock
    esaurito | esaurita | non disponibile | attualmente non disponibile | prodotto esaurito | terminato
    non è disponibile | momentaneamente non disponibile | non più disponibile | sold-out
    non acquistabile | agotado | agotada | sin existencias | no disponible | fuera de stock | sin stock
    producto agotado | temporalmente sin stock | no está disponible | ya no está disponible
    actualmente no disponible | esgotado | esgotada | indisponível | fora de estoque | sem estoque
    sem stock | produto indisponível | produto esgotado | não disponível | temporariamente indisponível
    avise-me quando chegar | rutura de stock | uitverkocht | niet op voorraad | niet beschikbaar
    niet leverbaar | tijdelijk uitverkocht | niet meer leverbaar | tijdelijk niet leverbaar
    niet meer beschikbaar | momenteel niet leverbaar | helaas uitverkocht | slutsåld | slutsåld*
    slut i lager | ej i lager | inte i lager | tillfälligt slut | slut online | utgått
    inte tillgänglig | finns ej i lager | udsolgt | ikke på lager | midlertidigt udsolgt | utsolgt
    ikke tilgjengelig | ikke tilgængelig | loppuunmyyty | loppu varastosta | ei saatavilla
    ei varastossa | ei tällä hetkellä | tilapäisesti loppu | poistunut valikoimasta | wyprzedane
    brak w magazynie | niedostępny | niedostępna | produkt niedostępny | chwilowo niedostępny
    towar niedostępny | brak towaru | niedostępne | na wyczerpaniu zapasu | wyprzedany | sprzedane
    artykuł niedostępny | vyprodáno | není skladem | nedostupné | momentálně nedostupné
    dočasně vyprodáno | vypredané | nie je skladom | momentálne nedostupné | nie je možné produkt kúpiť
    momentálne nie je | nie je dostupný | není dostupný | není k dispozici | prodej skončil
    predaj ukončený | nelze objednat | nedá sa objednať | produkt není možné | elfogyott
    nincs készleten | nincs raktáron | nem rendelhető | nem elérhető | kifogyott | jelenleg nem
    stoc epuizat | indisponibil | nu este în stoc | nu este in stoc | epuizat | lipsă stoc | lipsa stoc
    stoc 0 | rasprodano | nije dostupno | nema na zalihi | nedostupno | razprodano | ni na zalogi
    ni na voljo | trenutno nedostupno | nema na stanju | rasprodato | nedostupan | išparduota | neturime
    nėra sandėlyje | izpārdots | nav noliktavā | nav pieejams | välja müüdud | läbi müüdud
    ei ole saadaval | laost otsas | няма наличност | изчерпан | не е наличен | изчерпано количество
    неналичен | tükendi | stokta yok | tükenmiştir | satışta değil | geçici olarak temin edilemiyor
    stoklarımızda yok | mevcut değil | εξαντλήθηκε | εξαντλημένο | μη διαθέσιμο | δεν είναι διαθέσιμο
    μη διαθέσιμα | δεν υπάρχει | εκτός αποθέματος | нет в наличии | распродано | закончился
    закончилась | товар отсутствует | отсутствует на складе | нет на складе | снят с производства
    снято с продажи | временно отсутствует | товар закончился | немає в наявності | немає на складі
    відсутній | розпродано | продано | продан | сатылып кетті | 在庫切れ | 売り切れ | 売切れ | 品切れ
    在庫なし | 在庫がありません | 販売終了 | 完売 | 入荷待ち | 現在お取り扱いできません | 在庫無し
    缺货 | 缺貨 | 售罄 | 已售完 | 售完 | 無庫存 | 无货 | 补货中 | 補貨中 | 完售 | 已下架 | 已售罄
    銷售一空 | 暫無庫存 | 停售 | 搶購一空 | 已結束 | 無貨 | 품절 | 일시품절 | 재고없음 | 판매종료 | 매진
    판매중지 | 판매 종료 | 재고 없음 | 구매불가 | สินค้าหมด | หมด | ไม่มีสินค้า | ขายหมดแล้ว | หมดสต็อก
    hết hàng | tạm hết hàng | ngừng kinh doanh | cháy hàng | stok habis | habis | stok kosong
    tidak tersedia | barang habis | habis terjual | غير متوفر | نفذت الكمية | نفد المخزون | غير متاح
    نفذ من المخزون | אזל מהמלאי | אזל המלאי | לא במלאי | ناموجود
    coming soon | back soon | back in stock soon | available soon | soon available | in stock again soon
    bald wieder | demnächst | in kürze | bientôt disponible | bientôt de retour | bientôt en stock
    de retour bientôt
    presto disponibile | di nuovo disponibile presto | disponibile a breve | in arrivo | pronto disponible
    próximamente | pronto estar* en stock | pronto en stock | pronto estará disponible | pronto habrá
    de nuevo en stock pronto | em breve | disponível em breve | brevemente | binnenkort | weldra leverbaar
    kommer snart | snart i lager | snart tillbaka | på lager igen snart | snart på lager | tulossa pian
    pian saatavilla | wkrótce | niedługo dostępn* | już wkrótce | připravujeme | brzy skladem | čoskoro
    pripravujeme | hamarosan | în curând | in curand | uskoro | kmalu na voljo | netrukus | drīzumā | peagi
    yakında | σύντομα | скоро в наличии | скоро в продаже | ожидается | очікується | незабаром
    очаквайте | очаква се
    近日発売 | 近日入荷 | 即将到货 | 即將到貨 | 即将上市 | 입고예정 | เร็วๆ นี้ | sắp có hàng
    sắp về hàng | segera hadir | قريبا | بקרוב
""")

ELSEWHERE = phrases("""
    in store | in stores | in-store | stores | pickup | pick up | pick-up | collection | collect
    your area | your location | your postcode | filiale | filialen | markt | im laden | abholung
    magasin | magasins | retrait | negozio | negozi | ritiro | tienda | tiendas | recogida | loja
    lojas | retirada | winkel | winkels | afhalen | butik | butiker | butikken | myymälä
    sklep* stacjonarn* | odbiór | prodejn* | predajn* | üzlet* | magazin* | trgovin* | mağaza*
    κατάστημα | магазин* | самовывоз* | 店舗 | 店頭 | 門市 | 门店 | 매장
""")
"""Places of which a shop says that there, and not here, there is none."""

IN_STOCK = phrases("""
    in stock | available now | ready to ship | available online | ships today | in-stock
    available to ship | only * left | left in stock | usually ships | usually dispatched
    ready for dispatch | low stock | available for delivery | available for pickup | ships within
    ships in | dispatched within | dispatched in | last one | almost gone | available from these sellers
    get it by | more than 10 available | free delivery by | arrives by | arrives before
    get it tomorrow | same day dispatch | same day shipping | auf lager | sofort lieferbar | lieferbar
    sofort verfügbar | verfügbar | lieferzeit | vorrätig | versandfertig | nur noch | online verfügbar
    lieferung bis | lieferung in | lagernd | ab lager | versand in | wenige verfügbar | en stock
    disponible | livraison sous | expédié sous | en magasin | expédition sous | livré chez vous
    disponible en ligne | il ne reste plus que | plus que | livraison prévue | disponible sous
    livraison le | disponibile | disponibilità immediata | in magazzino | solo * rimasti
    pronta consegna | spedito entro | disponibilità: immediata | spedizione in | consegna prevista
    disponibile online | consegna entro | en existencia | entrega en | envío en | solo queda*
    últimas unidades | disponibilidad inmediata | entrega prevista | recíbelo | envío inmediato | quedan
    hay existencias | disponível | em estoque | em stock | pronta entrega | envio imediato | entrega em
    restam | disponível para entrega | em armazém | entrega estimada | op voorraad | direct leverbaar
    leverbaar | morgen in huis | vandaag besteld | uit voorraad leverbaar | levertijd | beschikbaar
    morgen bezorgd | nog * op voorraad | voor 23:59 besteld | nog maar | i lager | finns i lager
    finns i webblager | leveranstid | skickas inom | fåtal kvar | i webblager | på lager | leveringstid
    sendes inden | sendes innen | få på lager | kan sendes | fjernlager | på nettlager | varastossa
    saatavilla | toimitusaika | heti varastosta | vain muutama | tilattavissa | w magazynie | dostępny
    dostępna | dostępne | w sprzedaży | wysyłka w | wysyłka dziś | na stanie | ostatnie sztuki
    produkt dostępny | dostępność: | duża ilość | średnia ilość | mała ilość | wysyłamy w | skladem
    na skladě | ihned k odeslání | na sklade | skladom | dostupné | k odběru | do 24 hodin
    u dodavatele | posledný kus | poslední kus | expedícia | expedice | doručenie | doručení
    na predajni | raktáron | készleten | raktárról | azonnal szállítható | elérhető | rendelhető
    várható szállítás | în stoc | in stoc | disponibil | livrare in | livrare în | stoc limitat
    ultimele produse | stoc suficient | na zalihi | dostupno | na skladištu | na stanju | na zalogi
    na voljo | dobavljivo | isporuka | raspoloživo | dobava | yra sandėlyje | turime | prekė yra
    ir noliktavā | pieejams | laos | saadaval | tarneaeg | pristatymas | piegāde | в наличност | наличен
    на склад | доставка до | stokta | stokta var | kargoda | hemen teslim | son * ürün | aynı gün kargo
    tahmini teslim | mevcut | διαθέσιμο | άμεσα διαθέσιμο | σε απόθεμα | ετοιμοπαράδοτο | παράδοση
    άμεση παράδοση | παραλαβή | в наличии | есть в наличии | на складе | под заказ | есть на складе
    осталось | доставка сегодня | доставим | есть в магазин* | в продаже | є в наявності | в наявності
    готовий до відправки | є на складі | отправка | 在庫あり | 在庫有り | 残りわずか | 即納 | 発送予定
    出荷 | 通常 * 発送 | お届け予定 | 在庫わずか | 販売中 | 即日 | 有货 | 有貨 | 现货 | 現貨 | 有库存
    有庫存 | 剩餘 | 剩余 | 库存充足 | 可購買 | 尚有庫存 | 24h到貨 | 재고있음 | 당일발송 | 도착 예정
    판매중 | 남은수량 | มีสินค้า | พร้อมส่ง | สินค้าพร้อมส่ง | còn hàng | sẵn hàng | tersedia
    stok tersedia
    ready stock | tersisa | متوفر | في المخزون | متاح | במלאי | זמין | موجود
""")

NOTIFY = phrases("""
    notify me | email me when | back in stock | let me know when | join the waitlist | waitlist
    join waiting list | notify when available | e-mail when available | alert me | remind me
    get notified | keep me posted | benachrichtige* | benachrichtigung | wenn wieder verfügbar
    verfügbarkeitsalarm | benachrichtigen | prévenez-moi | m'avertir | me prévenir | alerte stock
    alertez-moi | être alerté | soyez alerté | avvisami | notificami | avvertimi | avísame | avisarme
    notificarme | avisenme | avise-me | notifique-me | me avise | mail mij | houd mij op de hoogte
    bevaka | meddela mig | giv mig besked | gi meg beskjed | varsle meg | ilmoita minulle | ilmoita kun
    powiadom mnie | powiadom o dostępności | hlídat dostupnost | strážiť dostupnosť | upozornit na
    értesítést kérek | értesítsen | anunță-mă | anunta-ma | notifică-mă | obavijesti me | obavesti me
    obvesti me | gelince haber ver | haber ver | ενημέρωσέ με | ειδοποίηση | сообщить о поступлении
    уведомить о поступлении | повідомити про наявність | узнать о поступлении | сообщить о наличии
    入荷通知 | 入荷お知らせ | 再入荷 | 到货通知 | 到貨通知 | 貨到通知 | 재입고 알림 | 입고알림
    แจ้งเตือน | báo khi có hàng | ingatkan saya | beritahu saya | أعلمني | أبلغني عند
""")

PREORDER = phrases("""
    pre-order | preorder | pre order | vorbestellen | vorbestellbar | précommander | précommande
    preordina | reservar ahora | pré-venda | pré-encomenda | pre-bestellen | förbeställ | forudbestil
    forhåndsbestill | ennakkotilaa | przedsprzedaż | předobjednat | predobjednať | előrendelés
    precomandă | ön sipariş | предзаказ | 予約注文 | 予約商品 | 預購 | 预购 | 预售 | 예약구매 | 예약판매
    đặt trước | προπαραγγελία | передзамовлення
""")

NOT_THE_PRICE = phrases("""
    lowest price | lowest recent price | 30-day low* | last 30 days | previous 30 days | 30 days before
    niedrigster preis | niedrigster gesamtpreis | bestpreis der letzten | letzten 30 tage* | tiefstpreis
    prix le plus bas | plus bas prix | 30 derniers jours | prezzo più basso | ultimi 30 giorni
    precio más bajo | precio mínimo | últimos 30 días | preço mais baixo | últimos 30 dias | laagste prijs
    afgelopen 30 dagen | laatste 30 dagen | lägsta pris* | senaste 30 dagarna | laveste pris*
    seneste 30 dage
    siste 30 dager | alin hinta | 30 päivän | 30 pv | najniższa cena | ostatnich 30 dni | z 30 dni
    nejnižší cena | posledních 30 dn* | najnižšia cena | posledných 30 dní | legalacsonyabb ár
    elmúlt 30 nap*
    cel mai mic preț | ultimele 30 de zile | najniža cijena | zadnjih 30 dana | najnižja cena | zadnjih 30 dni
    най-ниска цена | последните 30 дни | χαμηλότερη τιμή | τελευταίων 30 ημερών | mažiausia kaina
    zemākā cena | madalaim hind | son 30 gün*
    paiements de | pagos de | cuotas de | rate da | rate di | vezes de | termijnen van | raten zu | rat po
    splátek po | splátok po | x de | taksit
    shipping | postage | delivery | free shipping | orders over | order over | import fees | tax
    installment* | instalment* | interest | per month | monthly | a month | month | months | mo
    payments of | klarna | afterpay | clearpay | save | you save | saving* | discount | off | coupon
    voucher | reward* | points | cashback | deposit | trade-in | gift card | subscribe | weekly
    per week | finance | financing | from £0 | warranty | protection plan | bid increment | credit | emi
    loan | up to | worth of | limit | valued at | value of | minimum order | spend | minimum spend
    total | subtotal | bonus | approx | approximately | reference | versand | versandkosten | lieferung
    ab einem | bestellwert | monat | monatlich | mtl. | rate | raten | ersparnis | sie sparen
    du sparst | gespart | rabatt | gutschein | pfand | punkte | zzgl. | mindestbestellwert
    finanzierung | grundpreis | zwischensumme | livraison | frais de port | par mois | mois
    mensualité* | économisez | économie | remise | sans frais | dès * d'achat | éco-part* | dont
    spedizione | consegna | al mese | mese | rata | risparmi | sconto | tasso | envío | gastos de envío
    al mes | mes | cuota | cuotas | interés | ahorra | ahorras | descuento | meses | puntos | frete
    envio | portes | por mês | parcela* | juros | sem juros | economize | desconto | poupa | poupe
    prestaç* | verzending | verzendkosten | bezorging | per maand | maand | korting | bespaar
    je bespaart | termijnen | frakt | leverans | månad | mån | /mån | spara | ränta | levering | fragt
    måned | mnd | spar | delbetaling | toimitus | toimituskulut | kuukausi | kk | kk. | säästä | säästät
    osamaksu | dostawa | wysyłka | dostawy | raty | rat | miesięcznie | oszczędzasz | rabat
    najniższa cena | mies. | doprava | dopravné | poštovné | měsíc | mesiac | mesačne | měsíčně
    splátk* | ušetříte | ušetríte | sleva | zľava | úspora | kredit | späť | extra kart* | szállítás
    havi | megtakarítás | kedvezmény | részlet | transport | livrare | lunar | luna | lună
    economisești | reducere | dostava | dostave | dostavo | obrok* | ušteda | uštedite | popust
    prihranek | mesečno | mjesečno | kargo | taksit | aylık | kazanç | indirim | peşinat | μεταφορικά
    δόσεις | δόση | μήνα | έκπτωση | κερδίζετε | παράδοση | доставка | доставки | доставкой | рассрочк*
    кредит | мес | месяц | мес. | скидка | экономия | выгода | бонус* | балл* | в месяц | доставк*
    знижка | місяць | розстрочк* | кешбэк | кэшбэк | 送料 | 手数料 | ポイント | 分割 | 月々 | 回払い
    クーポン | 運費 | 运费 | 每期 | 分期 | 期 | 折抵 | 折價 | 免運 | 滿 | 贈 | 红包 | 点数 | 點數
    優惠券 | 省 | 배송비 | 할부 | 개월 | 적립 | 쿠폰 | 포인트 | ค่าจัดส่ง | ค่าส่ง | ผ่อน | ต่อเดือน
    ส่วนลด
    trả góp | mỗi tháng | phí vận chuyển | giảm | tiết kiệm | ongkir | cicilan | per bulan | hemat
    diskon | شحن | شهر | توفير | خصم | משלוח | תשלומים | חיסכון
""")

AFTER_ANOTHER_AMOUNT = phrases("""
    a month | each month | per mth | /month | monatlich | pro monat | im monat | /monat | mensuel* | par mois
    /mois | al mese | mensil* | /mese | mensual* | al mes | /mes | mensais | por mês | /mês | maandelijks
    per maand | /maand | månadsvis | per månad | i månaden | om måneden | månedlig | pr. måned | per måned
    kuukaudessa | kuussa | /kk | miesięcznie | /mies | na miesiąc | měsíčně | za měsíc | mesačne | za mesiac
    havonta | /hó | lunar | pe lună | /lună | mjesečno | mesečno | na mesec | aylık | ayda | ежемесячно
    в месяц | /мес | щомісяця | на місяць | μηνιαίως | το μήνα | месечно | на месец | kas mėnesį | per mėnesį
    mēnesī | kuus | 月額 | 每月 | 매월 | ต่อเดือน | hàng tháng | mỗi tháng | per bulan | شهريا | לחודש | בחודש
    no pix | à vista no pix | no boleto | com pix | via pix | por transferencia
    month | mo | mth | monthly | week | weekly | year | shipping | postage | delivery | off | discount
    deposit | installment* | instalment* | interest | cashback | points | tax | fee | fees | monat
    mtl. | versand | rabatt | raten | rate | gespart | mois | d'économie | de remise | de réduction
    frais | mese | di sconto | spedizione | al mes | meses | cuotas | de descuento | de ahorro | envío
    mês | parcelas | de desconto | juros | frete | sem juros | per maand | p/m | korting | verzendkosten
    månad | mån | frakt | måned | mnd | fragt | kk | kk. | säästö | toimitus | mies | mies. | rat
    taniej | dostawa | měsíc | mesiac | měs. | mesačne | doprava | hó | havi | szállítás | lună | luna
    transport | mjesečno | obroka | dostava | mesečno | ay | taksit | kargo | indirim | μήνα | δόσεις
    мес | мес. | месяц | скидка | рубля | доставка | балл* | бонус* | 個月 | 个月 | 期 | 回 | 개월
    ポイント | 点 | 點 | เดือน | tháng | bulan | شهر
""")

WAS = phrases("""
    was | rrp | msrp | list price | regular price | original price | compare at | old price | before
    retail price | recommended retail price | uvp | statt | bisher | vorher | alter preis | früher
    ursprünglich* | war | unverb. preisempf* | listenpreis | streichpreis | au lieu de | prix conseillé
    prix de vente conseillé | prix barré | ancien prix | avant | prix d'origine | prix initial
    prix habituel | anziché | originale era | originale | invece di | prezzo consigliato
    prezzo di listino | prezzo precedente | prima | listino | antes | precio anterior | precio original
    original era | precio de lista | pvpr | precio recomendado | precio normal | normal | preço anterior
    preço original era | preço original | pvp recomendado | de: | adviesprijs | oorspronkelijke prijs
    van | vanprijs | oude prijs | ord. pris | ordinarie pris | ord pris | tidigare pris | rek. pris
    tidigare | normalpris | førpris | før | veiledende pris | før-pris | suositushinta | norm. | ovh
    alkuperäinen hinta | stara cena | pierwotna cena | cena regularna | cena katalogowa | cena przed
    sugerowana cena | poprzednia cena | najniższa cena | původní cena | původně | pôvodne | pôvodná
    pôvodná cena | běžná cena | bežná cena | doporučená cena | mosl | eredeti ár | régi ár | listaár
    preț vechi | pret vechi | prp | preț întreg | prețul anterior | redovna cijena | stara cijena
    redna cena | prejšnja cena | eski fiyat | liste fiyatı | αρχική τιμή | παλιά τιμή | λιανική
    старая цена | было | цена без скидки | рекомендованная | стара ціна | стара цена | 定価 | 通常価格
    希望小売価格 | 参考価格 | メーカー希望 | 元の価格 | 原价 | 原價 | 建議售價 | 市場價 | 市价 | 市價
    定價 | 定价 | 參考價 | 정가 | 소비자가 | 정상가 | 시중가 | 원가 | ราคาปกติ | ราคาเดิม | giá cũ
    giá gốc | giá niêm yết | giá thị trường | harga asli | harga normal | السعر السابق | قبل الخصم
    מחיר קודם | מחיר רגיל | במקום
""")
