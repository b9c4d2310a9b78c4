"""What is a valid transaction of `sales_stream`: the rules a second time, with other means (json, decimal, datetime, ipaddress)."""
import decimal
import ipaddress
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "checker"))
from check import FAR_FUTURE, milliseconds, no_constant  # noqa: E402

NUMBERS, AMOUNTS = {"quantity", "latitude", "longitude"}, {"unit_price", "total_amount"}
FIELDS = ["transaction_id", "user_id", "session_id", "event_time", "product_id", "product_name", "product_category", "quantity", "unit_price", "total_amount",
          "currency", "payment_method", "device_id", "ip_address", "country", "city", "latitude", "longitude"]
NAMES = {"user_id", "session_id", "product_id", "product_name", "product_category", "device_id", "city"}
PAYMENTS = {"credit_card", "debit_card", "paypal", "mobile_wallet", "gift_card", "bank_transfer"}
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")


def refuse(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names) and any(names.count(name) > 1 for name in FIELDS):
        raise ValueError("repeated")
    return dict(pairs)


class Number(str):
    """A number as it was written."""


def judge(value, log_time):
    """(None, transaction) of a valid record, otherwise (what its letter's reason must contain, None)."""
    if value is None:
        return "null value", None
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return "not UTF-8", None
    try:
        found = json.loads(text, parse_float=Number, parse_int=Number, parse_constant=no_constant, object_pairs_hook=refuse)
    except ValueError as error:
        return ("repeated field" if str(error) == "repeated" else "broken JSON"), None
    if not isinstance(found, dict):
        return "not a JSON object", None
    for field in FIELDS:
        if field not in found:
            return f"missing field {field}", None
        reason = wrong_with(field, found[field])
        if reason:
            return reason, None
    if decimal.Decimal(found["unit_price"]) * int(found["quantity"]) != decimal.Decimal(found["total_amount"]):
        return "wrong total", None
    # The last to look, after all that is said by the record alone.
    return ("far future", None) if milliseconds(found["event_time"]) > log_time + FAR_FUTURE else (None, found)


def wrong_with(field, value):
    kind = type(value)
    if kind is not (Number if field in NUMBERS else str) and not (field in AMOUNTS and kind is Number):
        return f"wrong type: {field}"
    if field in NAMES:
        return f"empty field {field}" if not value else f"too long: {field}" if len(value.encode()) > 200 else None
    return RULES[field](value)


def uuid_rule(value):
    return None if re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", value) else "bad UUID"


def time_rule(value):
    try:
        return "negative event time" if milliseconds(value) < 0 else None
    except ValueError:
        return "bad timestamp"


def amount_rule(value):
    if not NUMBER.fullmatch(value):
        return "bad amount"
    return "more than two decimals" if decimal.Decimal(value) * 100 % 1 else None


def price_rule(value):
    return amount_rule(value) or (None if 1 <= decimal.Decimal(value) * 100 <= 100_000_000 else "out of range")


def address_rule(value):
    try:
        return None if ipaddress.ip_address(value) else None
    except ValueError:
        return "bad IP address"


def within(limit):
    return lambda value: None if abs(decimal.Decimal(value)) <= limit else "coordinate out of range"


RULES = {
    "transaction_id": uuid_rule,
    "event_time": time_rule,
    "quantity": lambda value: None if re.fullmatch(r"\d+", value) and 1 <= int(value) <= 1000 else "bad quantity",
    "unit_price": price_rule,
    "total_amount": amount_rule,
    "currency": lambda value: None if value == "USD" else "unknown currency",
    "payment_method": lambda value: None if value in PAYMENTS else "unknown payment method",
    "ip_address": address_rule,
    "country": lambda value: None if re.fullmatch("[A-Z]{2}", value) else "bad country code",
    "latitude": within(90),
    "longitude": within(180),
}
