"""The Jinja2 templates of `lookalike.rendering`, by name, and the notebook's style sheet."""

from __future__ import annotations

PHOTO = """\
<img src="{{ jpeg | data_uri }}" alt="{{ description }}">"""

PRICE = """\
<div class="la-price">
{%- if match.price is none %}<span class="la-unknown">{{ _("Price at the store") }}</span>
{%- elif match.was_price is none or match.was_price <= match.price %}
<span class="la-now">{{ match.price | price(match.currency) }}</span>
{%- else %}<span class="la-now la-reduced">{{ match.price | price(match.currency) }}</span>{{ " " }}
<s class="la-was"><span class="la-hidden">{{ _("was") }} </span>
{{- match.was_price | price(match.currency) }}</s>
{%- endif -%}
</div>"""

CARD = """\
{%- set title = match.title or _("Untitled product") -%}
{%- set link = match.url | safe_link -%}
<article class="la-card" aria-label="{{ title }}">
{%- if link %}<a class="la-photo" href="{{ link }}"{{ outward }} tabindex="-1">
{%- else %}<div class="la-photo">{% endif -%}
<img src="{{ match.thumbnail() | data_uri }}" alt="{{ title }}">
{%- if enlarged_id %}<img class="la-sharp" src="photo/card/{{ match.image_id }}" alt="" loading="lazy">
{%- endif -%}
{%- if link %}</a>{% else %}</div>{% endif -%}
{%- if enlarged_id %}{% include "enlarge" %}{% endif -%}
<div class="la-over"><span class="la-brand" dir="auto">{{ match.brand or "" }}</span>
{%- if match.why %}<span class="la-alike la-why" title="{{ match.why }}">{{ match.why | reason }}</span>
{%- elif match.rank %}<span class="la-alike"
 title="{{ _("Cosine similarity {score}", score="%.3f" | format(match.score)) }}">
{{- _("The same photo") if "photo" in match.evidence else match.band | likeness(match.score) -}}
</span>{% endif -%}
</div>
<h3 class="la-title" dir="auto" title="{{ title }}">{{ title }}</h3>
{% include "price" %}
<div class="la-store" dir="auto"
{%- if match.seen %} title="{{ _("Seen there on {day}", day=match.seen | day) }}"{% endif %}>
{{- match.store }}</div>
{%- if match.availability in availability %}
<div class="la-stock la-{{ match.availability }}">{{ _(availability[match.availability]) }}</div>
{%- else %}
<div class="la-stock la-silent"></div>
{%- endif %}
{%- if match.because %}<div class="la-evidence">
{{- _("Why: {reasons}", reasons=match.evidence | map("translated") | join(", ")) }}</div>
{%- elif match.evidence and match.evidence != ("photo",) %}
<div class="la-evidence">{{ _("Same {facts}", facts=match.evidence | map("translated") | join(", ")) }}</div>
{%- endif %}
{%- if match.also_at %}
<ul class="la-also" aria-label="{{ _("The same photo also at") }}">
{%- for offer in match.also_at[:max_also] -%}
{%- set link = offer.url | safe_link -%}
<li><span>{% if link %}<a href="{{ link }}"{{ outward }}>{{ _("also at {store}", store=offer.store) }}</a>
{%- else %}{{ _("also at {store}", store=offer.store) }}{% endif %}</span>
<span>{{ offer.price | price(offer.currency) }}</span></li>
{%- endfor %}
{%- set more = match.also_at | length - max_also -%}
{%- if more > 0 %}<li>{{ _("and {count} more", count=more) }}</li>{% endif -%}
</ul>
{%- endif %}
{%- if link %}
<a class="la-visit" href="{{ link }}"{{ outward }}
 aria-label="{{ _("View in store") }}: {{ title }}, {{ match.store }}">
{{- _("View in store") }}</a>
{%- else %}
<span class="la-nowhere">{{ _("No link to the store") }}</span>
{%- endif -%}
</article>"""

# The browser itself opens a photo over the page and closes it, by pointer, Escape or button: no script. It
# fetches the photo when it is opened.
ENLARGE = """\
<button type="button" class="la-magnify" popovertarget="{{ enlarged_id }}"
 aria-label="{{ _("Enlarge {photo}", photo=title) }}"></button>
<div popover id="{{ enlarged_id }}" class="la-enlarged" role="dialog" aria-label="{{ title }}">
<img src="photo/whole/{{ match.image_id }}" alt="{{ title }}" loading="lazy">
<button type="button" popovertarget="{{ enlarged_id }}" popovertargetaction="hide">
{{- _("Close") }}</button>
</div>"""

QUERY = """\
<figure class="la-card la-query"><div class="la-photo">
{%- with description = caption %}{% include "photo" %}{% endwith -%}
</div><figcaption class="la-over la-caption">{{ caption }}</figcaption></figure>
{%- if seen_as %}
<p class="la-seen">{{ _("Seen as") }} {{ seen_as | replace(" %", "\N{NO-BREAK SPACE}%") }}</p>
{%- endif %}"""

PRODUCT = """\
{%- set match = details.match -%}
{%- set title = match.title or _("Untitled product") -%}
{%- set link = match.url | safe_link -%}
<article class="la-card la-product" aria-label="{{ title }}">
<p class="la-brand" dir="auto">{{ match.brand or "" }}</p>
<h1 class="la-title" dir="auto">{{ title }}</h1>
{%- include "price" %}
{%- if match.availability in availability %}
<div class="la-stock la-{{ match.availability }}">{{ _(availability[match.availability]) }}</div>
{%- endif %}
{%- if link %}
<a class="la-visit" href="{{ link }}"{{ outward }}>
{{- _("View at {store}", store=match.store) }}</a>
{%- else %}
<span class="la-nowhere">{{ _("{store} gives no link", store=match.store) }}</span>
{%- endif %}
<dl class="la-facts">
{%- for name, value in facts %}<div><dt>{{ name }}</dt><dd dir="auto">{{ value }}</dd></div>{% endfor -%}
</dl>
{%- if details.description %}
<p class="la-description" dir="auto">{{ details.description | truncate(1200) }}</p>
{%- endif %}
</article>"""

# The browser itself opens a photo over the page and closes it, by pointer, Escape or button: no script.
GALLERY = """\
<ul class="la-gallery" aria-label="{{ _("Photos") }}">
{%- for small, jpeg in photos -%}
{%- set description = _("{title}, photo {number} of {count}",
 title=title, number=loop.index, count=loop.length) -%}
<li><button type="button" class="la-zoom" popovertarget="la-photo-{{ loop.index }}"
 aria-label="{{ _("Enlarge {photo}", photo=description) }}"><img src="{{ small | data_uri }}" alt=""></button>
<div popover id="la-photo-{{ loop.index }}" class="la-enlarged" role="dialog" aria-label="{{ description }}">
{%- include "photo" -%}
<button type="button" popovertarget="la-photo-{{ loop.index }}" popovertargetaction="hide">
{{- _("Close") }}</button>
</div></li>
{%- endfor -%}
</ul>"""

ELSEWHERE = """\
<ul class="la-elsewhere">
{%- for match in matches %}{% set link = match.url | safe_link -%}
<li><span class="la-where" dir="auto">{% if link %}<a href="{{ link }}"{{ outward }}>
{{- match.store }}</a>{% else %}{{ match.store }}{% endif %}</span>
<span dir="auto">{{ match.title or match.id }}</span>
<span class="la-evidence">
{{- _("Same {facts}", facts=match.evidence | map("translated") | join(", ")) }}</span>
<span>{{ _(availability[match.availability]) if match.availability in availability else "" }}</span>
<b>{{ match.price | price(match.currency) or _("Price at the store") }}</b></li>
{%- endfor %}
</ul>"""

TABLE = """\
<div class="la-table" role="region" aria-label="{{ caption }}" tabindex="0"><table>
<caption class="la-hidden">{{ caption }}</caption>
<thead><tr>{% for name in head %}<th scope="col">{{ name }}</th>{% endfor %}</tr></thead>
<tbody>
{%- for row in rows %}<tr>{% for cell in row %}<td dir="auto">{{ cell }}</td>{% endfor %}</tr>{% endfor -%}
</tbody></table></div>"""

SAVED = """\
<section class="la-saved" aria-label="{{ search.name }}">
{%- with jpeg = search.photo, description = "" %}{% include "photo" %}{% endwith -%}
<div><h2 class="la-part" dir="auto">{{ search.name }}</h2>
{%- for fact in facts %}<p>{{ fact }}</p>{% endfor %}
{%- if not search.news %}<p>{{ _("No news yet.") }}</p>{% endif %}</div></section>"""

NEWS = """\
<p class="la-news" dir="auto"><b>{{ news.found_at | day }}</b> {{ news.sentence }}</p>"""

SECTION = """\
<h2 class="la-part">{{ headline }}</h2>
{% if rows %}{% with caption = headline %}{% include "table" %}{% endwith %}
{%- else %}<p class="la-count">{{ _("None.") }}</p>{% endif %}"""

NOTEBOOK = """\
<style>{{ style | safe }}</style><div class="lkl"><p class="lkl-head" dir="auto">
{{- matches | length }} match{{ "" if matches | length == 1 else "es" }} for {{ matches.query }} · generation
{{ matches.generation }}</p>
{%- if matches.warning %}<p class="lkl-warn" dir="auto">{{ matches.warning }}</p>{% endif -%}
<div class="lkl-row">
{%- for jpeg in matches.pictures() -%}
{% with caption = "Searched for", seen_as = "" %}{% include "query" %}{% endwith %}
{%- endfor -%}
{%- for match in matches %}{% include "card" %}{% endfor -%}
</div></div>"""

MATCH = """\
<style>{{ style | safe }}</style><div class="lkl"><div class="lkl-row">{% include "card" %}</div></div>"""

SHOP = """\
<style>{{ style | safe }}</style><div class="lkl"><p class="lkl-head">
{{- "{:,}".format(shop | length) }} product{{ "" if shop | length == 1 else "s" }}
· generation {{ shop.generation }} of {{ shop.manifest.built_at | day }}</p>
<table><thead><tr><th>store</th><th>products</th></tr></thead><tbody>
{%- for store in shop.stores -%}
<tr><td dir="auto">{{ store }}</td><td>{{ "{:,}".format(shop.manifest.counts.stores[store]) }}</td></tr>
{%- endfor -%}
</tbody></table>
<p class="lkl-head">Prices in {{ shop.currencies | join(", ") or "no currency" }} · encoder
{{ shop.manifest.encoder.model }} · recall@5 {{ "%.3f" | format(shop.manifest.recall.at_5) }}</p></div>"""

DESCRIPTION = """\
<div style="display:flex;gap:16px;align-items:flex-start"><div style="width:160px">
{%- with jpeg = described.picture(), description = described.query %}{% include "photo" %}{% endwith -%}
</div><table><caption>{{ described.query }}</caption>
{%- for row in described.rows() %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>{% endfor -%}
</table></div>"""

GARMENTS = """\
<div style="display:flex;gap:16px;align-items:flex-start;flex-wrap:wrap">
<svg viewBox="0 0 {{ garments.width }} {{ garments.height }}" width="260" role="img"
 aria-label="{{ garments.query }}">
<image href="{{ garments.picture() | data_uri }}" width="{{ garments.width }}"
 height="{{ garments.height }}"/>
{%- for garment in garments %}{% with box = garment.box -%}
<rect x="{{ box.x }}" y="{{ box.y }}" width="{{ box.width }}" height="{{ box.height }}" fill="none"
 stroke="#d0342c" stroke-width="{{ garments.width / 130 }}"><title>{{ loop.index }}</title></rect>
{%- endwith %}{% endfor -%}
</svg><table><caption>{{ garments.query }}</caption>
<thead><tr>{% for name in garments.columns %}<th>{{ name }}</th>{% endfor %}</tr></thead><tbody>
{%- for row in garments.rows() %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>{% endfor -%}
</tbody></table></div>"""

# Of a page that can be sent to somebody else: no script runs and nothing is loaded, photos are data.
HEAD = """\
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="referrer" content="no-referrer">
<title>{{ title }} – Lookalike</title>
<style>
{{ style | safe }}</style>
</head>"""

CONTACT_SHEET = """\
<!doctype html>
<html lang="en">
{% with title = "What looks like this?" %}{% include "head" %}{% endwith %}
<body>
<main>
<header class="top">
<div class="searched">
{%- with jpeg = photo, description = "The photo that was searched for: " ~ wanted -%}
{% include "photo" %}
{%- endwith -%}
</div>
<div>
<p class="mark">Lookalike</p>
<h1>What looks like this, and where can I buy it?</h1>
<p class="lead">Searched with a new photo of {{ wanted }}, which none of the stores sells.
These are the most similar of all their products.</p>
<dl class="facts">
{%- for name, value in facts %}<div><dt>{{ name }}</dt><dd>{{ value }}</dd></div>{% endfor -%}
</dl>
</div>
</header>
<h2 class="found">{{ matches | length }} most similar products, out of {{ stores }}</h2>
<ol class="cards">{% for match in matches %}<li>{% include "card" %}</li>{% endfor %}</ol>
<footer class="note">{% for note in notes %}<p>{{ note | safe }}</p>{% endfor -%}
<p>Similarity is the cosine of two photos' embeddings. Generation <code>{{ matches.generation }}</code>.</p>
</footer>
</main>
</body>
</html>
"""

SHEET = """\
<!doctype html>
<html lang="en">
{% with title = matches.query %}{% include "head" %}{% endwith %}
<body>
<main>
<header class="top">
{%- for jpeg in matches.pictures() %}<div class="searched">
{%- with description = "What was searched for" %}{% include "photo" %}{% endwith -%}
</div>{% endfor -%}
<div>
<p class="mark">Lookalike</p>
<h1 dir="auto">{{ matches.query }}</h1>
{%- if matches.warning %}<p class="lead" dir="auto">{{ matches.warning }}</p>{% endif -%}
</div>
</header>
<h2 class="found">{{ matches | length }} match{{ "" if matches | length == 1 else "es" }}</h2>
<ol class="cards">{% for match in matches %}<li>{% include "card" %}</li>{% endfor %}</ol>
<footer class="note"><p>Generation <code>{{ matches.generation }}</code>.</p></footer>
</main>
</body>
</html>
"""

TEMPLATES = {
    "card": CARD,
    "contact_sheet": CONTACT_SHEET,
    "description": DESCRIPTION,
    "elsewhere": ELSEWHERE,
    "enlarge": ENLARGE,
    "gallery": GALLERY,
    "garments": GARMENTS,
    "head": HEAD,
    "match": MATCH,
    "news": NEWS,
    "notebook": NOTEBOOK,
    "photo": PHOTO,
    "price": PRICE,
    "product": PRODUCT,
    "query": QUERY,
    "saved": SAVED,
    "section": SECTION,
    "table": TABLE,
    "sheet": SHEET,
    "shop": SHOP,
}

# The notebook's own colours where it names them (Jupyter, VS Code), else the system's.
NOTEBOOK_STYLE = """
.lkl{--ink:var(--jp-ui-font-color1,var(--vscode-editor-foreground,CanvasText));
--dim:var(--jp-ui-font-color2,var(--vscode-descriptionForeground,GrayText));
--line:color-mix(in srgb,var(--ink) 15%,transparent);
font:14px/1.4 system-ui,-apple-system,"Segoe UI",sans-serif;color:var(--ink);margin:4px 0 12px}
.lkl *{box-sizing:border-box}
.lkl .lkl-head{color:var(--dim);font-size:12px;margin:0 0 8px}
.lkl .lkl-warn{margin:0 0 8px;padding:4px 10px;border-left:3px solid #d08a2c;overflow-wrap:anywhere}
.lkl .lkl-row{display:grid;grid-template-columns:repeat(auto-fill,minmax(134px,1fr));gap:12px}
.lkl .la-card{margin:0;padding-bottom:9px;border:1px solid var(--line);border-radius:10px;overflow:hidden;
display:flex;flex-direction:column;max-width:260px}
.lkl .la-card>:not(.la-photo){margin-inline:9px}
.lkl .la-query{border-style:dashed}
.lkl .la-photo{display:block;aspect-ratio:4/5;background:#fff}
.lkl .la-photo img{width:100%;height:100%;object-fit:contain;display:block;margin:0;max-width:none}
.lkl .la-over{padding-top:8px;color:var(--dim);font-size:12px}
.lkl div.la-over{display:contents}
.lkl .la-brand{margin:8px 9px 0;overflow-wrap:anywhere;color:var(--dim);font-size:12px}
.lkl .la-alike{order:1;margin:0 9px;color:var(--dim);font-size:12px}
.lkl h3.la-title{margin-block:2px;padding:0;font-family:inherit;font-size:13px;font-weight:600;
line-height:1.35;
overflow-wrap:anywhere;color:inherit}
.lkl .la-price{font-variant-numeric:tabular-nums}
.lkl .la-was{color:var(--dim);font-size:12px}
.lkl .la-hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.lkl .la-store,.lkl .la-stock,.lkl .la-evidence,.lkl .la-nowhere{color:var(--dim);font-size:12px;
overflow-wrap:anywhere}
.lkl .la-also{font-size:12px;list-style:none;border-top:1px solid var(--line);margin-block:5px 0;
padding:5px 0 0}
.lkl .la-also li{display:flex;justify-content:space-between;gap:6px;margin:0;overflow-wrap:anywhere}
.lkl .la-also li span+span{flex:none;color:var(--dim);font-variant-numeric:tabular-nums}
.lkl .la-card a:link,.lkl .la-card a:visited{color:inherit}
.lkl a.la-visit,.lkl .la-nowhere{order:2;margin-top:auto;padding-top:4px}
.lkl a.la-visit{font-size:12px;text-decoration:underline var(--line);
text-underline-offset:2px}
"""
