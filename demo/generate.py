"""Invent the demo's people and its CRM, over the real companies, postings and location strings in `demo/data`.

    python demo/generate.py --out DIR [--seed 11] [--companies 2800] [--people 5900]

writes into DIR

- `people.csv`: people as a Clay table exports them (format `person_discovery`), with re-discoveries, LinkedIn URLs in
  every form they are met in, and some junk; `people_truth.csv` says who is behind each row;
- `workspace.ndjson`: what is in the CRM before the first sync (`canon sandbox --seed`): companies with accidental
  copies among them, some people, some values typed by a member of the workspace; `workspace_truth.csv` says which
  record is which company.

Companies are real, people never are: names are drawn from the lists below, and every profile slug ends in
`-demo-<number>`. Nothing here reads a clock or a hash seed: the same arguments give the same bytes.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import random
import re
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

DATA = Path(__file__).parent / "data"
COUNTRIES = Path(__file__).parent.parent / "sync" / "gazetteer" / "countries.csv.gz"
CRM_BEGAN = datetime(2023, 2, 1, 9, 0, tzinfo=UTC)
CLAY_BEGAN = datetime(2026, 2, 2, 7, 0, tzinfo=UTC)
MEMBER = {"type": "workspace-member", "id": "5f0d9c1e-7b1a-4c39-9d7e-0a1b2c3d4e5f"}

# Hosts that many companies share: whoever has but a page on one of them has no domain of its own.
SHARED_HOSTS = frozenset(
    (
        *("github.com", "google.com", "amazon.com", "apple.com", "facebook.com", "twitter.com", "linkedin.com"),
        *("medium.com", "notion.site", "wordpress.com", "github.io", "herokuapp.com", "ycombinator.com", "webflow.io"),
        *("t.co", "bit.ly", "about.me", "wixsite.com"),
    )
)
SECOND_LEVEL = frozenset(
    (
        *("co.uk", "com.au", "co.jp", "com.br", "co.in", "co.nz", "com.mx", "com.sg", "co.za", "com.ng", "co.ke"),
        *("org.uk", "co.il"),
    )
)

GIVEN = (  # noqa: SIM905
    "Abel Adaeze Ailsa Amara Anselm Arvid Astrid Aurelio Beatriz Benedek Birgit Callum Camille Cosima Dagny Darius "
    "Delphine Dmitra Edda Eleni Emre Esther Fabian Farah Fergus Fiorella Gaspard Giulia Gunnar Hamza Hedda Hiroko "
    "Imke Imran Ines Ivo Jana Jarek Joaquín Jolanta Kaito Katinka Kofi Lakshmi Leif Ludmila Maëlle Malik Marta "
    "Mateo Mina Nadia Nils Noor Odile Oleg Orla Otto Paloma Pia Quentin Radha Rafe Renata Ronja Rúben Saskia "
    "Selim Sigrid Soraya Tariq Tess Thandi Tomás Ulla Valentina Viggo Wanda Xenia Yara Yusuf Zdenka Zoltán Ørjan "
    "Łucja Şebnem Éloïse 'Alīn"
).split()
FAMILY = (  # noqa: SIM905
    "Aaltonen Abara Achterberg Adeyinka Alvarado Amsel Arkwright Baptiste Barzani Bergqvist Bielski Bouvier Brannigan "
    "Calloway Castellan Cerny Dalgaard Demirel Dorran Drăgan Eberhart Ekholm Esposito Farrow Feldhaus Ferreira "
    "Gagnon Ghorbani Gyllen Haddad Halvorsen Hasegawa Hennessy Ibarra Ishikawa Jansma Jokinen Kaplan Karimi Kessler "
    "Kowal Krüger Lachance Lindqvist Lovelock Maalouf Mbeki Mistry Moravec Nakata Ngata Novak Nyström Obi Okafor "
    "Olsen Oyelaran Palmgren Pereira Petrescu Quist Rahimi Rautio Rosenthal Ruiz-Vega Sandoval Sáenz Szabo Tanaka "
    "Thorne Tranter Uchida Ueda Vance Varga Velázquez Vermeer Wachter Weatherby Whitlock Xander Yilmaz Zabala Zeman "
    "O'Rourke de-la-Fuente van-Dyk MacAllister Ó-Briain"
).split()
TITLES = (  # noqa: SIM905
    "Software Engineer|Senior Software Engineer|Staff Engineer|Engineering Manager|CTO|CEO & Co-Founder|Founder|"
    "Product Manager|Head of Product|Designer|Data Analyst|Head of Data|Account Executive|VP Sales|SDR Manager|"
    "Revenue Operations Lead|Chief of Staff|People Partner|Recruiter|Customer Success Manager|Finance Director|"
    "Growth Marketer|Head of Marketing|Solutions Architect|Site Reliability Engineer|Office Manager|General Counsel|"
    "software engineer|PRODUCT MANAGER|Sr. Account Exec.|Working Student|Directrice commerciale|Leiter Vertrieb"
).split("|")
LEGAL_FORMS = ("Inc.", "Inc", "LLC", "Ltd", "Ltd.", "Limited", "GmbH", "B.V.", "Corp.", "S.A.S.", "Pty Ltd", "AB")
DAUGHTERS = ("Ventures", "Foundation", "Capital", "Research", "Academy")
COUNTRY_HOSTS = ("uk", "de", "fr", "ca", "in", "au", "nl", "se")
SUBDOMAINS = ("www", "app", "careers", "jobs", "go", "get", "shop", "blog")
OTHER_ENDINGS = ("io", "co", "net", "de", "co.uk", "fr", "eu")
JUNK_URLS = (
    *("", "", "", "N/A", "-", "null", "not found"),
    "https://www.linkedin.com/",
    "https://www.linkedin.com/in/",
    "https://lnkd.in/demo",
    "https://www.linkedin.com/sales/lead/ACwAAADEMO000000,NAME_SEARCH,demo",
    "https://www.linkedin.com/search/results/people/?keywords=demo",
    "https://linkedin.com.demo-profile.example/in/nobody-demo-0",
)

PROFILE_URLS: tuple[tuple[int, str], ...] = (  # weight, form; each form names the same profile
    (40, "https://www.linkedin.com/in/{slug}"),
    (18, "https://www.linkedin.com/in/{slug}/"),
    (7, "http://www.linkedin.com/in/{slug}"),
    (8, "linkedin.com/in/{slug}"),
    (4, "www.linkedin.com/in/{slug}/"),
    (8, "https://{country}.linkedin.com/in/{slug}"),
    (2, "https://m.linkedin.com/in/{slug}"),
    (5, "https://www.linkedin.com/in/{slug}?trk=people-guest_people_search-card"),
    (2, "https://www.linkedin.com/in/{slug}/?originalSubdomain={country}"),
    (1, "https://www.linkedin.com/in/{slug}#experience"),
    (1, "https://www.linkedin.com/in/{slug}/de"),
    (1, "https://www.linkedin.com/in/{slug}/details/experience/"),
    (1, "HTTPS://WWW.LINKEDIN.COM/in/{slug}"),
    (1, " https://www.linkedin.com/in/{slug} "),
    (1, "<https://www.linkedin.com/in/{slug}>"),
)
COMPANY_URLS: tuple[tuple[int, str], ...] = (
    (40, "https://www.linkedin.com/company/{slug}"),
    (25, "https://www.linkedin.com/company/{slug}/"),
    (10, "http://www.linkedin.com/company/{slug}"),
    (10, "linkedin.com/company/{slug}"),
    (6, "https://{country}.linkedin.com/company/{slug}"),
    (6, "https://www.linkedin.com/company/{slug}/about/"),
    (3, "https://www.linkedin.com/company/{slug}?trk=public_jobs_topcard-org-name"),
)


@dataclass(frozen=True, slots=True)
class Company:
    """A real company of the sample that has a domain of its own. `country_code` is ``""`` when it is not known."""

    host: str
    root: str
    name: str
    linkedin_slug: str
    description: str
    locality: str
    region: str
    country_code: str


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who does not exist. `slug` is the identity, readable and not percent-encoded."""

    first: str
    last: str
    slug: str
    company: Company


@dataclass(slots=True)
class Workspace:
    """The CRM in the making: records, who they truly are, and the domains that are taken."""

    records: list[dict[str, Any]] = field(default_factory=list)
    truth: list[tuple[str, str, str]] = field(default_factory=list)  # record_id, company, kind
    domains: set[str] = field(default_factory=set)


def main() -> None:
    """Write the five files."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--out", type=Path, required=True)
    arguments.add_argument("--seed", type=int, default=11)
    arguments.add_argument("--companies", type=int, default=2800, help="companies in the CRM, copies not counted")
    arguments.add_argument("--people", type=int, default=5900, help="people, re-discoveries not counted")
    given = arguments.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)

    known = list(read_companies())
    in_crm = choose(known, given.companies, posting_domains(), lots(given.seed, "choose"))
    chosen = set(in_crm)
    outside = [company for company in known if company not in chosen]
    people = list(invent_people(given.people, in_crm, outside, lots(given.seed, "people")))

    workspace = fill_workspace(in_crm, known, people, lots(given.seed, "workspace"))
    write_workspace(given.out, workspace)
    write_people(given.out, people, in_crm, lots(given.seed, "rows"))


# The real part


def rows(path: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of a gzipped CSV file."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)


def read_companies() -> Iterator[Company]:
    """Yield one company per root domain, LinkedIn and description from whichever source has them."""
    codes = country_codes()
    grouped: dict[str, list[tuple[str, dict[str, str]]]] = {}
    for row in rows(DATA / "companies.csv.gz"):
        host = host_of(row["website"])
        root = root_of(host)
        # On github.com/somebody lives somebody; on github.com itself lives GitHub.
        is_guest = root in SHARED_HOSTS and (host != root or re.search(r"\w/+\w", row["website"]) is not None)
        if host and not is_guest and row["name"].strip():
            grouped.setdefault(root, []).append((host, row))
    for root, found in grouped.items():
        named = found[0][1]
        slugs = [match[1] for _, row in found if (match := re.search(r"/company/([^/?#]+)", row["linkedin_url"]))]
        places = [place for _, row in found if (place := place_of(row["location_text"], codes))]
        locality, region, country_code = places[0] if places else ("", "", "")
        yield Company(
            host=root if any(host == root for host, _ in found) else found[0][0],
            root=root,
            name=named["name"].strip(),
            linkedin_slug=slugs[0] if slugs else "",
            description=next((row["short_description"] for _, row in found if row["short_description"]), ""),
            locality=locality,
            region=region,
            country_code=country_code,
        )


def posting_domains() -> list[str]:
    """Return the domains that have postings in the sample, in order of appearance."""
    found = (row["company_domain"] for row in rows(DATA / "job_postings.csv.gz"))
    return list(dict.fromkeys(domain for domain in found if domain))


def country_codes() -> dict[str, str]:
    """Return the code of each country by its names, in lower case."""
    codes: dict[str, str] = {}
    for row in rows(COUNTRIES):
        for name in (row["name"], row["official_name"], row["common_name"], row["alpha3"], *row["aliases"].split("|")):
            if name:
                codes.setdefault(name.lower(), row["alpha2"])
    return codes | {"usa": "US", "united states": "US", "uk": "GB", "united kingdom": "GB"}


def place_of(text: str, codes: dict[str, str]) -> tuple[str, str, str] | None:
    """Return (locality, region, country code) of 'City, Region, Country'; None for anything else."""
    parts = [part.strip() for part in text.split(";", maxsplit=1)[0].split(",")]
    if len(parts) != 3 or parts[2].lower() not in codes:
        return None
    return parts[0], parts[1], codes[parts[2].lower()]


def host_of(website: str) -> str:
    """Return the host of a website without `www.`; ``""`` when the cell is no plain address."""
    host = re.sub(r"^https?://|[/?#:].*$", "", website.strip().lower())
    host = re.sub(r"^https?://|[/?#:].*$", "", host).removeprefix("www.")
    return host if re.fullmatch(r"[a-z0-9][a-z0-9-]*(\.[a-z0-9][a-z0-9-]*)*\.[a-z]{2,}", host) else ""


def root_of(host: str) -> str:
    """Return the last two labels, or three behind a common second-level ending: enough for this sample."""
    labels = host.split(".")
    return ".".join(labels[-3:] if ".".join(labels[-2:]) in SECOND_LEVEL else labels[-2:])


def choose(known: Sequence[Company], count: int, needed: Sequence[str], draw: random.Random) -> list[Company]:
    """Return `count` companies: those of the postings, then others drawn by lot; no two share a LinkedIn page."""
    by_root = {company.root: company for company in known}
    first = [by_root[root] for root in dict.fromkeys(map(root_of, needed)) if root in by_root]
    needed_first = set(first)
    rest = [company for company in known if company not in needed_first]
    draw.shuffle(rest)
    chosen: list[Company] = []
    pages: set[str] = set()
    for company in (*first, *rest):
        page = company.linkedin_slug.lower()
        if len(chosen) < count and page not in pages:
            chosen.append(company)
            pages |= {page} - {""}
    return chosen


# The invented people


def invent_people(
    count: int, in_crm: Sequence[Company], outside: Sequence[Company], draw: random.Random
) -> Iterator[Person]:
    """Yield `count` people: nearly all at companies of the CRM, few at many, one in forty elsewhere."""
    for number in range(count):
        first, last = draw.choice(GIVEN), draw.choice(FAMILY).replace("-", " ")
        if draw.random() < 0.2:
            last = last.replace(" ", "-")
        readable = re.sub(r"[^\w]+", "-", f"{first} {last}".lower()).strip("-_")
        if draw.random() < 0.9:  # most slugs are plain ASCII, some keep their letters
            readable = ascii_only(readable)
        # The square of a lot: some companies employ many of them, most a few.
        company = in_crm[int(draw.random() ** 2 * len(in_crm))] if draw.random() >= 0.025 else draw.choice(outside)
        yield Person(first, last, f"{readable}-demo-{number:05d}", company)


def ascii_only(text: str) -> str:
    """Return `text` without accents."""
    plain = text.translate(str.maketrans("øł", "ol"))
    return unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode().strip("-_'")


def profile_url(person: Person, draw: random.Random) -> str:
    """Return the person's LinkedIn URL in one of the forms it is met in."""
    slug = person.slug if person.slug.isascii() or draw.random() < 0.4 else quote(person.slug)
    return weighted(PROFILE_URLS, draw).format(slug=slug, country=draw.choice(COUNTRY_HOSTS))


def company_url(company: Company, draw: random.Random) -> str:
    """Return the company's LinkedIn URL in some form; ``""`` when it has no page."""
    if not company.linkedin_slug:
        return ""
    return weighted(COMPANY_URLS, draw).format(slug=company.linkedin_slug, country=draw.choice(COUNTRY_HOSTS))


def write_people(folder: Path, people: Sequence[Person], in_crm: Sequence[Company], draw: random.Random) -> None:
    """Write `people.csv` and `people_truth.csv`: each person once, one in ten again later, some rows of junk."""
    places = [row["location"] for row in rows(DATA / "location_strings.csv.gz") if row["location"].strip()]
    weights = [int(row["n"]) for row in rows(DATA / "location_strings.csv.gz") if row["location"].strip()]
    home = dict(zip((person.slug for person in people), draw.choices(places, weights, k=len(people)), strict=True))
    found: list[tuple[datetime, str, dict[str, str]]] = []
    for person in people:
        when = CLAY_BEGAN + timedelta(minutes=draw.randrange(60 * 24 * 150))
        row = person_row(person, person.company, home[person.slug], draw)
        found.append((when, person.slug, row))
        if draw.random() < 0.1:
            later = when + timedelta(days=draw.randrange(1, 90), minutes=draw.randrange(1440))
            moved = draw.random() < 0.3
            employer = in_crm[int(draw.random() ** 2 * len(in_crm))] if moved else person.company
            found.append((later, person.slug, person_row(person, employer, home[person.slug], draw)))
    for number in range(len(people) // 30):
        when = CLAY_BEGAN + timedelta(minutes=draw.randrange(60 * 24 * 200))
        nobody = Person(draw.choice(GIVEN), draw.choice(FAMILY), f"junk-{number}", draw.choice(in_crm))
        row = person_row(nobody, nobody.company, draw.choice(places), draw)
        found.append((when, "", row | {"linkedin_url": draw.choice(JUNK_URLS)}))
    found.sort(key=lambda each: (each[0], each[1]))

    columns = ("row_id", "found_at", *found[0][2])
    with (
        (folder / "people.csv").open("w", encoding="utf-8", newline="") as out,
        (folder / "people_truth.csv").open("w", encoding="utf-8", newline="") as truth_out,
    ):
        table = csv.DictWriter(out, columns, lineterminator="\n")
        table.writeheader()
        truth = csv.writer(truth_out, lineterminator="\n")
        truth.writerow(["row_id", "slug"])
        for row_id, (when, slug, row) in enumerate(found, start=1):
            table.writerow({"row_id": row_id, "found_at": stamp(when), **row})
            truth.writerow([row_id, slug])


def person_row(person: Person, employer: Company, location: str, draw: random.Random) -> dict[str, str]:
    """Return one discovery of `person`, with the dirt such tables have."""
    full = f"{person.first} {person.last}"
    dirty_full = pick(draw, (88, full), (3, full.upper()), (3, full.lower()), (2, f"{full}, MBA"), (2, f" {full} 🚀"))
    has_parts = draw.random() < 0.92
    root = employer.root
    return {
        "full_name": dirty_full,
        "first_name": person.first if has_parts else "",
        "last_name": person.last if has_parts else "",
        "title": draw.choice(TITLES),
        "company_name": pick(draw, (80, employer.name), (12, name_variant(employer.name, draw)), (8, "")),
        "company_domain": pick(
            draw, (80, root), (6, f"www.{root}"), (5, f"https://{root}/"), (4, root.upper()), (3, f" {root} "), (2, "")
        ),
        "company_linkedin_url": company_url(employer, draw) if draw.random() < 0.6 else "",
        "linkedin_url": profile_url(person, draw),
        "location_name": pick(draw, (90, location), (2, location.upper()), (2, f" {location} "), (6, "")),
        "source": "demo",
    }


# The invented CRM


def fill_workspace(
    in_crm: Sequence[Company], known: Sequence[Company], people: Sequence[Person], draw: random.Random
) -> Workspace:
    """Return the CRM: each company once, a quarter of them copied by accident, a few that only look like copies."""
    workspace = Workspace()
    roots = {company.root for company in known}
    record_of: dict[str, str] = {}
    for company in in_crm:
        began = CRM_BEGAN + timedelta(minutes=draw.randrange(60 * 24 * 900))
        is_typed = draw.random() < 0.06
        values = company_values(company, draw)
        if is_typed:
            values["description"] = [f"Met at a fair; ask for the {draw.choice(('COO', 'CTO', 'buyer'))}."]
        record_of[company.root] = add(
            workspace, "companies", values, began, company.root, "company", draw, is_typed=is_typed
        )
    for company in in_crm:
        later = CRM_BEGAN + timedelta(days=900, minutes=draw.randrange(60 * 24 * 300))
        lot = draw.random()
        if lot < 0.25:
            add_copy(workspace, company, roots, later, draw)
            if lot < 0.015:
                add_copy(workspace, company, roots, later + timedelta(days=3), draw)
        elif lot < 0.27:
            add_lookalike(workspace, company, roots, later, draw)
    add_people(workspace, people, record_of, draw)
    draw.shuffle(workspace.records)
    workspace.records.sort(key=lambda record: str(record["object"]))  # companies first: people refer to them
    return workspace


def company_values(company: Company, draw: random.Random) -> dict[str, list[Any]]:
    """Return what a tidy import wrote of the company."""
    values: dict[str, list[Any]] = {"name": [company.name], "domains": [company.root]}
    if company.linkedin_slug and draw.random() < 0.8:
        values["linkedin"] = [company_url(company, draw)]
    if company.description and draw.random() < 0.5:
        values["description"] = [company.description]
    if company.country_code and draw.random() < 0.6:
        values["primary_location"] = [location(company)]
    return values


def add_copy(workspace: Workspace, company: Company, roots: set[str], when: datetime, draw: random.Random) -> None:
    """Add one accidental copy: how copies come about when a domain is missing or is another host."""
    variant = name_variant(company.name, draw)
    stem = company.root.split(".")[0]
    page = company_url(company, draw)
    place = [location(company)] if company.country_code else []
    elsewhere = f"{stem}.{draw.choice(OTHER_ENDINGS)}"
    kinds: dict[str, dict[str, list[Any]]] = {
        "same_name_no_domain": {"name": [company.name], "linkedin": [page], "primary_location": place},
        "name_variant_no_domain": {"name": [variant], "linkedin": [page], "primary_location": place},
        "subdomain": {
            "name": [draw.choice((company.name, variant))],
            "domains": [f"{draw.choice(SUBDOMAINS)}.{company.root}"],
        },
    }
    if elsewhere not in roots:
        kinds["other_ending"] = {"name": [company.name], "domains": [elsewhere], "linkedin": [page]}
    if page:
        kinds["linkedin_only"] = {"name": [variant], "linkedin": [page]}
    kind = draw.choice(list(kinds))
    values = {slug: cells for slug, cells in kinds[kind].items() if any(cells)}
    if kind in {"same_name_no_domain", "name_variant_no_domain"} and draw.random() < 0.5:
        values.pop("linkedin", None)
    if workspace.domains & set(values.get("domains", [])):
        values.pop("domains")
        kind = "same_name_no_domain"
    add(workspace, "companies", values, when, company.root, kind, draw, is_typed=draw.random() < 0.3)


def add_lookalike(workspace: Workspace, company: Company, roots: set[str], when: datetime, draw: random.Random) -> None:
    """Add a company that is none of the copies: a daughter with a domain and a page of its own."""
    daughter = draw.choice(DAUGHTERS)
    domain = f"{company.root.split('.')[0]}{daughter.lower()}.com"
    if domain in roots | workspace.domains:
        return
    page = f"https://www.linkedin.com/company/{company.root.split('.')[0]}-{daughter.lower()}"
    values = {"name": [f"{company.name} {daughter}"], "domains": [domain], "linkedin": [page]}
    add(workspace, "companies", values, when, domain, "lookalike", draw, is_typed=False)


def add_people(workspace: Workspace, people: Sequence[Person], record_of: dict[str, str], draw: random.Random) -> None:
    """Put one person in fifteen into the CRM already, LinkedIn URL in some other form, a few by a member's hand."""
    for person in people:
        if draw.random() >= 1 / 15 or person.company.root not in record_of:
            continue
        is_typed = draw.random() < 0.25
        values: dict[str, list[Any]] = {
            "name": [
                {"first_name": person.first, "last_name": person.last, "full_name": f"{person.first} {person.last}"}
            ],
            "linkedin": [profile_url(person, draw).strip()],
            "company": [{"target_object": "companies", "target_record_id": record_of[person.company.root]}],
        }
        if is_typed:
            values["job_title"] = [f"{draw.choice(TITLES)} (champion)"]
        when = CRM_BEGAN + timedelta(days=1000, minutes=draw.randrange(60 * 24 * 200))
        add(workspace, "people", values, when, person.slug, "person", draw, is_typed=is_typed)


def add(  # noqa: PLR0917
    workspace: Workspace,
    object_slug: str,
    values: dict[str, list[Any]],
    when: datetime,
    truth: str,
    kind: str,
    draw: random.Random,
    *,
    is_typed: bool,
) -> str:
    """Add a record and return its id."""
    bits = f"{draw.getrandbits(128):032x}"
    record_id = f"{bits[:8]}-{bits[8:12]}-4{bits[13:16]}-a{bits[17:20]}-{bits[20:]}"
    record: dict[str, Any] = {
        "object": object_slug,
        "record_id": record_id,
        "created_at": stamp(when),
        "values": values,
    }
    if is_typed:
        record["actor"] = MEMBER
    workspace.records.append(record)
    workspace.truth.append((record_id, truth, kind))
    workspace.domains |= set(values.get("domains", []))
    return record_id


def write_workspace(folder: Path, workspace: Workspace) -> None:
    """Write `workspace.ndjson` and `workspace_truth.csv`."""
    with (folder / "workspace.ndjson").open("w", encoding="utf-8", newline="\n") as out:
        for record in workspace.records:
            out.write(json.dumps(record, ensure_ascii=False) + "\n")
    with (folder / "workspace_truth.csv").open("w", encoding="utf-8", newline="") as out:
        table = csv.writer(out, lineterminator="\n")
        table.writerow(["record_id", "identity", "kind"])
        table.writerows(workspace.truth)


# Small things


def lots(seed: int, purpose: str) -> random.Random:
    """Return a source of lots: the same for the same seed and purpose, whatever else was drawn."""
    return random.Random(f"{seed}:{purpose}")  # noqa: S311  # nothing here is a secret


def location(company: Company) -> dict[str, str | None]:
    """Return the company's place in Attio's shape: all ten keys."""
    empty = ("line_1", "line_2", "line_3", "line_4", "postcode", "latitude", "longitude")
    place: dict[str, str | None] = dict.fromkeys(empty)
    return place | {"locality": company.locality, "region": company.region, "country_code": company.country_code}


def name_variant(name: str, draw: random.Random) -> str:
    """Return the name as somebody else would have typed it."""
    bare = re.sub(r"[ ,]+(inc|llc|ltd|limited|corp|gmbh|bv)\.?$", "", name, flags=re.IGNORECASE)
    forms: tuple[Callable[[], str], ...] = (
        lambda: f"{bare} {draw.choice(LEGAL_FORMS)}",
        lambda: f"{bare}, {draw.choice(LEGAL_FORMS)}",
        bare.upper,
        bare.lower,
        lambda: f"{bare}®",
        lambda: f" {bare} ",
    )
    return draw.choice(forms)()


def pick(draw: random.Random, *choices: tuple[int, str]) -> str:
    """Return one of the texts, by weight."""
    return weighted(choices, draw)


def weighted(choices: Sequence[tuple[int, str]], draw: random.Random) -> str:
    """Return one of the texts, by weight."""
    return draw.choices([text for _, text in choices], [weight for weight, _ in choices])[0]


def stamp(when: datetime) -> str:
    """Return the time as Attio and Clay write it."""
    return when.strftime("%Y-%m-%dT%H:%M:%S.000Z")


if __name__ == "__main__":
    main()
