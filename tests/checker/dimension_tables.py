"""What the tables of `dimensions` must hold, computed anew from the records of its topics.

Shares no code with Headwater. `expected` takes the records of one topic of changes and returns the rows of its table and the places of the
records that must be dead letters; times are milliseconds.

    rows, malformed = expected("product", [(partition, offset, value), ...])
"""
import json
import re
from decimal import Decimal

from scd2 import versions

FIRST, LAST = -62_135_596_800_000, 253_402_300_799_999
TIERS = ["none", "bronze", "silver", "gold"]


class Bad(Exception):
    """Why a record is no change."""


def text(value):
    if not isinstance(value, str) or value == "":
        raise Bad("text")
    return value


def tier(value):
    if value not in TIERS:
        raise Bad("tier")
    return value


def price(value):
    """Text with two decimals."""
    written = str(value) if isinstance(value, (str, int, Decimal)) and not isinstance(value, bool) else ""
    if not re.fullmatch(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", written):
        raise Bad("price")
    cents = Decimal(written).scaleb(2)
    if cents != int(cents) or not 0 <= cents <= 9_999_999_999:
        raise Bad("price")
    return f"{int(cents) // 100}.{int(cents) % 100:02}"


def whole(least, most):
    def read(value):
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)) or value != int(value) or not least <= value <= most:
            raise Bad("whole number")
        return int(value)
    return read


# Column -> how it is read, and whether it may be missing.
COLUMNS = {
    "product": {"name": (text, False), "category": (text, False), "unit_price": (price, False), "shelf_life_days": (whole(0, 3_650), True)},
    "customer": {"name": (text, False), "city": (text, False), "loyalty_tier": (tier, False)},
    "store": {"name": (text, False), "city": (text, False), "region": (text, False), "floor_area_sqm": (whole(1, 100_000), True)},
}


def once(pairs):
    """An object with a name twice says two things at once."""
    if len({name for name, _ in pairs}) < len(pairs):
        raise Bad("repeated field")
    return dict(pairs)


def change_of(dimension, value):
    """A change that keeps every rule, with the columns of the table alone."""
    try:
        told = json.loads(value.decode("utf-8", "strict"), parse_float=Decimal, object_pairs_hook=once)
    except (ValueError, AttributeError) as error:
        raise Bad("no JSON") from error
    if not isinstance(told, dict):
        raise Bad("no object")
    key, moment = text(told.get("key")), whole(FIRST, LAST)(told.get("valid_from"))
    if told.get("op") == "delete":
        return {"key": key, "op": "delete", "valid_from": moment}
    if told.get("op") != "upsert" or not isinstance(told.get("columns"), dict):
        raise Bad("no operation")
    found = told["columns"]
    columns = {}
    for name, (read, is_optional) in COLUMNS[dimension].items():
        if not (is_optional and found.get(name) is None):
            columns[name] = read(found.get(name))
    return {"key": key, "op": "upsert", "valid_from": moment, "columns": columns}


def expected(dimension, records):
    """Rows of the table, as dictionaries by (key, effective_date), and the places (partition, offset) of malformed records."""
    changes, malformed = [], set()
    for partition, offset, value in records:
        try:
            changes.append({**change_of(dimension, value), "offset": (offset, partition)})
        except Bad:
            malformed.add((partition, offset))
    rows = {}
    for version in versions(changes):
        row = {name: version["columns"].get(name) for name in COLUMNS[dimension]}
        row |= {name: version[name] for name in ("effective_date", "end_date", "is_current")}
        rows[version["key"], version["effective_date"]] = row
    return rows, malformed
