"""Value shapes: what may be written for each attribute type, and what is read back (API facts, section 6)."""

from __future__ import annotations

import calendar
import datetime as dt
import math
import re
import uuid
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Json = dict[str, Any]

LOCATION_KEYS = (
    *("line_1", "line_2", "line_3", "line_4", "locality", "region", "postcode", "country_code"),
    *("latitude", "longitude"),
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


CREATABLE_TYPES = _words("""
    text number checkbox currency date timestamp rating status select record-reference actor-reference location
    domain email-address phone-number
""")
MULTISELECT_TYPES = frozenset(
    ["select", "record-reference", "actor-reference", "domain", "email-address", "phone-number"]
)
RESERVED_TLDS = frozenset(["example", "invalid", "localhost", "local", "test"])
# Second levels under which a country's registry sells names: enough for the root domain of what people type.
REGISTRY_SECOND_LEVELS = _words("""
    ac co com edu gen go gob gov gouv ind ltd me mil ne net nom or org plc sch
""")
CURRENCIES = _words("""
    ARS AUD BRL BGN CAD CLP CNY COP CZK DKK EUR HKD ISK INR ILS JPY KRW MYR MXN NTD NZD NGN NOK XPF PEN PHP PLN GBP
    RWF SAR SGD ZAR SEK CHF THB AED UYU USD
""")

COUNTRIES = _words("""
    AC AD AE AF AG AI AL AM AN AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW
    BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK
    FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS
    IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM
    MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS
    PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK
    TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW
""")
"""The codes that locations and phone numbers may bear: ISO 3166-1 alpha-2 and six more, among them XK."""

MOST_TEXT = 10 * 10**6  # bytes

_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_EMAIL = re.compile(r"([^@\s<>()]+)@([^@\s]+)")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_MOMENT = re.compile(
    r"(\d{4})(?:-(\d{2})(?:-(\d{2})"
    r"(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(Z|[+-]\d{2}:?\d{2})?)?)?)?"
)
_DIALLING = dict(
    pair.split(":")
    for pair in _words("""
    1:US 7:RU 20:EG 27:ZA 30:GR 31:NL 32:BE 33:FR 34:ES 36:HU 39:IT 40:RO 41:CH 43:AT 44:GB 45:DK 46:SE 47:NO 48:PL
    49:DE 52:MX 54:AR 55:BR 56:CL 57:CO 60:MY 61:AU 62:ID 63:PH 64:NZ 65:SG 66:TH 81:JP 82:KR 84:VN 86:CN 90:TR
    91:IN 92:PK 212:MA 234:NG 254:KE 351:PT 352:LU 353:IE 354:IS 356:MT 357:CY 358:FI 359:BG 370:LT 371:LV 372:EE
    380:UA 381:RS 385:HR 386:SI 420:CZ 421:SK 423:LI 852:HK 886:TW 966:SA 971:AE 972:IL
    """)
)
"""Country calling codes, each with the country that has it or most of its numbers."""


class Refusal(Exception):  # noqa: N818  # what Attio says no to is no error of ours
    """An answer other than success, in Attio's shape (section 12)."""

    def __init__(
        self, status: int, code: str, message: str, *, kind: str = "invalid_request_error", **extra: Any
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body: Json = {"status_code": status, "type": kind, "code": code, "message": message, **extra}


def invalid(slug: str, why: str) -> Refusal:
    """Return the refusal of a value whose shape or type is wrong."""
    message = f'An invalid value was passed to attribute with slug "{slug}".'
    return Refusal(
        400, "validation_type", message, validation_errors=[{"code": "invalid_value", "path": [slug], "message": why}]
    )


def missing_value(slug: str) -> Refusal:
    """Return the refusal of a record without a required value."""
    return Refusal(400, "missing_value", f'Required value for attribute with slug "{slug}" was not provided.')


def check_keys(data: Any, required: Iterable[str], allowed: Iterable[str]) -> None:
    """Refuse a body that lacks a required key or has one that is not allowed."""
    if not isinstance(data, dict):
        raise Refusal(400, "validation_type", "data is to be an object.")
    missing, unknown = sorted(set(required) - set(data)), sorted(set(data) - set(allowed))
    if missing or unknown:
        what = f'"{missing[0]}" is required' if missing else f'"{unknown[0]}" is not allowed'
        raise Refusal(400, "validation_type", f"Body payload validation error: {what}.")


def check_strings(data: Any, names: set[str], *, required: bool) -> None:
    """Refuse a body that is more than non-empty strings of these names, or nothing."""
    check_keys(data, names if required else (), names)
    if not data or not all(isinstance(value, str) and value for value in data.values()):
        raise Refusal(400, "validation_type", f"Non-empty strings are expected for {', '.join(sorted(names))}.")


def check_slug(slug: Any) -> None:
    """Refuse what cannot be a slug."""
    if not isinstance(slug, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", slug):
        raise Refusal(400, "validation_type", "Body payload validation error: api_slug is to be a word in snake case.")


def check_uuid(value: Any, name: str) -> None:
    """Refuse what has not the form of a UUID."""
    expect(is_uuid(value), f"{name} is to be a UUID")


def expect(holds: object, what: str) -> None:
    """Refuse a request unless what is expected of it holds."""
    if not holds:
        raise Refusal(400, "validation_type", f"Body payload validation error: {what}.")


class Workspace(Protocol):
    """What value parsing needs to know of the workspace."""

    def find_referenced(self, attribute: Any, value: Any) -> tuple[str, str]:
        """Return object slug and record id of what a reference names; raise `Refusal`."""

    def find_member(self, value: Any, slug: str) -> str:
        """Return the id of a workspace member; raise `Refusal`."""


def parse(attribute: Any, value: Any, workspace: Workspace) -> Json:
    """Return the read shape of a written `value`; raise `Refusal` unless it is one that Attio takes."""
    kind = attribute.type
    if kind == "record-reference":
        target_object, target_id = workspace.find_referenced(attribute, value)
        return {"target_object": target_object, "target_record_id": target_id}
    if kind == "actor-reference":
        return {
            "referenced_actor_type": "workspace-member",
            "referenced_actor_id": workspace.find_member(value, attribute.api_slug),
        }
    if kind in {"select", "status"}:
        return _choice(attribute, value)
    if kind == "currency":
        amount = _only(attribute.api_slug, value, "currency_value")
        if not _is_number(amount) or round(amount, 4) != amount:
            raise invalid(attribute.api_slug, "a number with at most 4 decimals is expected")
        return {"currency_value": amount, "currency_code": attribute.currency_code}
    parser = _PARSERS.get(kind)
    if parser is None:
        raise invalid(attribute.api_slug, f"values of type {kind} cannot be written")
    return parser(attribute.api_slug, value)


def _only(slug: str, value: Any, key: str) -> Any:
    """Return the scalar, written bare or as `{key: scalar}`; other keys are refused."""
    if isinstance(value, dict):
        if set(value) != {key}:
            raise invalid(slug, f'an object with the key "{key}" and no other is expected')
        return value[key]
    return value


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond float64
        return False


def _text(slug: str, value: Any) -> Json:
    text = _only(slug, value, "value")
    if not isinstance(text, str):
        raise invalid(slug, "a string is expected")
    if "\x00" in text:
        raise invalid(slug, "a string without NUL is expected")
    if len(text.encode()) > MOST_TEXT:
        raise invalid(slug, "a text is limited to 10 MB")
    return {"value": text}


def _number(slug: str, value: Any) -> Json:
    number = _only(slug, value, "value")
    if not _is_number(number):
        raise invalid(slug, "a number is expected")
    return {"value": number}


def _checkbox(slug: str, value: Any) -> Json:
    checked = _only(slug, value, "value")
    if checked in {"true", "false"} if isinstance(checked, str) else False:
        checked = checked == "true"
    if not isinstance(checked, bool):
        raise invalid(slug, "true or false is expected")
    return {"value": checked}


def _read_moment(text: Any) -> tuple[dt.datetime, int]:
    """Return a moment in UTC and the nanoseconds of its second; raise `ValueError`.

    Parts that are left out are the first of their kind, no zone is UTC.
    """
    found = _MOMENT.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    local = dt.datetime(
        int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=dt.UTC
    )
    offset = dt.timedelta()
    if zone and zone != "Z":
        offset = dt.timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:])) * (-1 if zone[0] == "-" else 1)
    return local - offset, int((fraction or "").ljust(9, "0"))


def moment_of(text: Any) -> int:
    """Return a moment as nanoseconds; raise `ValueError`."""
    moment, nanoseconds = _read_moment(text)
    return calendar.timegm(moment.utctimetuple()) * 10**9 + nanoseconds


def _date(slug: str, value: Any) -> Json:
    try:
        moment, _ = _read_moment(_only(slug, value, "value"))
    except (ValueError, OverflowError) as error:
        raise invalid(slug, "a date YYYY-MM-DD is expected") from error
    return {"value": moment.date().isoformat()}


def _timestamp(slug: str, value: Any) -> Json:
    try:
        moment, nanoseconds = _read_moment(_only(slug, value, "value"))
    except (ValueError, OverflowError) as error:
        raise invalid(slug, "an ISO 8601 timestamp is expected") from error
    return {"value": f"{moment.replace(tzinfo=None).isoformat()}.{nanoseconds:09d}Z"}


def _rating(slug: str, value: Any) -> Json:
    stars = _only(slug, value, "value")
    if not isinstance(stars, int) or isinstance(stars, bool) or not 0 <= stars <= 5:
        raise invalid(slug, "a whole number from 0 to 5 is expected")
    return {"value": stars}


def _location(slug: str, value: Any) -> Json:
    if not isinstance(value, dict):
        raise invalid(slug, "an object with all ten location keys is expected")
    if set(value) != set(LOCATION_KEYS):
        wrong = sorted(set(LOCATION_KEYS) ^ set(value))
        raise invalid(slug, f"all ten location keys and no others are expected; see {', '.join(wrong)}")
    if not all(part is None or isinstance(part, str) for part in value.values()):
        raise invalid(slug, "strings or null are expected, latitude and longitude included")
    country = value["country_code"]
    if country is not None and country not in COUNTRIES:
        raise invalid(slug, "country_code is to be ISO 3166-1 alpha-2")
    for name, most in (("latitude", 90), ("longitude", 180)):
        if value[name] is not None and not (
            re.fullmatch(r"-?\d{1,3}(\.\d+)?", value[name]) and abs(float(value[name])) <= most
        ):
            raise invalid(slug, f"{name} is to be a number between -{most} and {most}, as a string")
    return {key: value[key] for key in LOCATION_KEYS}


def _domain(slug: str, value: Any) -> Json:
    text = _only(slug, value, "domain")
    if not isinstance(text, str):
        raise invalid(slug, "a domain is expected")
    host = re.sub(r"^[a-z][a-z0-9+.-]*://", "", text.lower())
    host = re.split(r"[/?#:]", host, maxsplit=1)[0].rstrip(".")
    return {"domain": host, "root_domain": _root_domain(slug, host)}


def _root_domain(slug: str, host: str) -> str:
    try:
        labels = host.encode("idna").decode().split(".") if not host.isascii() else host.split(".")
    except UnicodeError as error:
        raise invalid(slug, "a domain is expected") from error
    valid = len(labels) >= 2 and all(_LABEL.fullmatch(label) for label in labels)
    if not valid or labels[-1].isdigit() or labels[-1] in RESERVED_TLDS:
        raise invalid(slug, "a domain under a public suffix is expected")
    shown = host.split(".")
    deep = len(labels[-1]) == 2 and len(labels) > 2 and labels[-2] in REGISTRY_SECOND_LEVELS
    return ".".join(shown[-3:] if deep else shown[-2:])


def _email(slug: str, value: Any) -> Json:
    text = _only(slug, value, "email_address")
    found = _EMAIL.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise invalid(slug, "an e-mail address is expected")
    domain = found[2].lower()
    return {
        "original_email_address": text,
        "email_address": text.lower(),
        "email_domain": domain,
        "email_root_domain": _root_domain(slug, domain),
        "email_local_specifier": found[1].lower(),
    }


def _phone(slug: str, value: Any) -> Json:
    original, country = (value, None) if isinstance(value, str) else (None, None)
    if isinstance(value, dict):
        if not set(value) <= {"original_phone_number", "country_code"} or "original_phone_number" not in value:
            raise invalid(slug, "an object with original_phone_number and country_code is expected")
        original, country = value["original_phone_number"], value.get("country_code")
    if country is not None and country not in COUNTRIES:
        raise invalid(slug, "country_code is to be ISO 3166-1 alpha-2")
    digits = re.sub(r"[ ().-]", "", original) if isinstance(original, str) else ""
    calling = next((code for code, where in _DIALLING.items() if where == country), None)
    if calling is not None and digits.isdecimal():  # a local number, whose country was given
        digits = f"+{calling}{digits.removeprefix('0')}"
    if not _PHONE.fullmatch(digits) or re.match(r"\+1\d{3}555", digits):
        raise invalid(slug, "a valid E.164 phone number is expected")
    dialled = next((where for length in (3, 2, 1) if (where := _DIALLING.get(digits[1 : 1 + length]))), None)
    if country is None and dialled is None:
        raise invalid(slug, "a phone number with a known country calling code is expected")
    return {"original_phone_number": original, "phone_number": digits, "country_code": country or dialled}


def _personal_name(slug: str, value: Any) -> Json:
    if isinstance(value, str):
        last, _, first = (part.strip() for part in value.partition(","))
        return {"first_name": first, "last_name": last, "full_name": f"{first} {last}".strip()}
    if not isinstance(value, dict) or not set(value) <= {"first_name", "last_name", "full_name"}:
        raise invalid(slug, "an object with first_name, last_name and full_name is expected")
    if not all(isinstance(part, str) for part in value.values()):
        raise invalid(slug, "first_name, last_name and full_name are to be strings")
    if set(value) != {"first_name", "last_name", "full_name"}:
        raise invalid(slug, "all of first_name, last_name and full_name are expected")
    return {key: value[key] for key in ("first_name", "last_name", "full_name")}


def _choice(attribute: Any, value: Any) -> Json:
    key = CHOICE_KEY[attribute.type]
    wanted = _only(attribute.api_slug, value, key)
    if not isinstance(wanted, str):
        raise invalid(attribute.api_slug, "the title or the id of an option is expected")
    for option in attribute.options:
        if wanted in {option["title"], option["id"][f"{key}_id"]} and not option["is_archived"]:
            return {key: option}
    message = (
        f'Cannot find {attribute.type} option with title/ID "{wanted}" for attribute with slug "{attribute.api_slug}".'
    )
    raise Refusal(400, "value_not_found", message)


_PARSERS: Mapping[str, Callable[[str, Any], Json]] = {
    "text": _text,
    "number": _number,
    "checkbox": _checkbox,
    "date": _date,
    "timestamp": _timestamp,
    "rating": _rating,
    "location": _location,
    "domain": _domain,
    "email-address": _email,
    "phone-number": _phone,
    "personal-name": _personal_name,
}

CHOICE_KEY = {"select": "option", "status": "status"}
"""What a choice is called in a value of the attribute type."""
MAIN_KEY = {
    "currency": "currency_value",
    "domain": "domain",
    "email-address": "email_address",
    "phone-number": "phone_number",
    "personal-name": "full_name",
    "record-reference": "target_record_id",
    "actor-reference": "referenced_actor_id",
    "location": "locality",
}
"""The key that a shorthand filter, a sort or a uniqueness check looks at; `value` for every other type."""


def main(kind: str, value: Json) -> Any:
    """Return what identifies a read value among others of its attribute."""
    if kind in CHOICE_KEY:
        key = CHOICE_KEY[kind]
        return value[key]["id"][f"{key}_id"]
    if kind == "personal-name":
        return (value["first_name"], value["last_name"], value["full_name"])
    if kind == "location":
        return tuple(value[key] for key in LOCATION_KEYS)
    return value[MAIN_KEY.get(kind, "value")]


def is_uuid(text: object) -> bool:
    """Return whether `text` has the form of a UUID."""
    try:
        return isinstance(text, str) and str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
