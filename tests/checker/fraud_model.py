#!/usr/bin/env python3
"""What `headwater run fraud` must say of the sales in `sales_stream`, computed anew from the documents (docs/fraud.md).

Shares no code with Headwater. Arithmetic is in whole numbers but for the haversine, whose metres are rounded at once. A user's sales
must stand in one partition, as they do under any producer that keys by user: then their order is the order of their offsets.

As a program it checks a run over the embedded log from outside (`headwater tail` and the SQLite file):

    headwater generate sales-stream --seed 7 --count 50000 --step 1s --late 0.01 --bad 0.01
    timeout -s TERM 30 headwater run fraud
    python3 tests/checker/fraud_model.py --headwater target/release/headwater --data headwater-data
"""
import argparse
import collections
import decimal
import ipaddress
import json
import math
import re
import sqlite3
import sys

import check
from check import FAR_FUTURE, EPOCH, datetime, milliseconds, no_constant

FIELDS = ["transaction_id", "user_id", "session_id", "event_time", "product_id", "product_name", "product_category", "quantity", "unit_price",
          "total_amount", "currency", "payment_method", "device_id", "ip_address", "country", "city", "latitude", "longitude"]
NAMES = {"user_id", "session_id", "product_id", "product_name", "product_category", "device_id", "city"}
PAYMENTS = {"credit_card", "debit_card", "paypal", "mobile_wallet", "gift_card", "bank_transfer"}
NUMBER = r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?"
MINUTE, TEN_MINUTES, HOUR = 60_000, 600_000, 3_600_000
EARTH = 6_371_008.8
MODEL = "rules-1"


class Number(str):
    """A number of a JSON document as it was written."""


def refuse_repeated(pairs):
    counts = collections.Counter(name for name, _ in pairs)
    if any(counts[name] > 1 for name in FIELDS):
        raise ValueError("repeated")
    return dict(pairs)


def judge(value, log_time):
    """(None, sale) of a valid record, otherwise (what its letter's reason must contain, None)."""
    if value is None:
        return "null value", None
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return "not UTF-8", None
    try:
        found = json.loads(text, parse_float=Number, parse_int=Number, parse_constant=no_constant, object_pairs_hook=refuse_repeated)
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
    sale = Sale(found)
    # The clock of the log has the last word.
    return ("far future", None) if sale.time > log_time + FAR_FUTURE else (None, sale)


def wrong_with(field, value):
    if field in ("quantity", "latitude", "longitude"):
        if not isinstance(value, Number):
            return f"wrong type: {field}"
    elif not isinstance(value, str) or isinstance(value, Number) and field not in ("unit_price", "total_amount"):
        return f"wrong type: {field}"
    if field in NAMES:
        size = len(value.encode())
        return f"empty field {field}" if size == 0 else f"too long: {field}" if size > 200 else None
    return RULES[field](value)


def rule(reason, holds):
    return lambda value: None if holds(value) else reason


def wrong_time(value):
    try:
        return "negative event time" if milliseconds(value) < 0 else None
    except ValueError:
        return "bad timestamp"


def wrong_amount(value):
    if not re.fullmatch(NUMBER, value):
        return "bad amount"
    return "more than two decimals" if decimal.Decimal(value) * 100 % 1 else None


def wrong_price(value):
    return wrong_amount(value) or (None if decimal.Decimal("0.01") <= decimal.Decimal(value) <= 1_000_000 else "unit price out of range")


def is_address(value):
    try:
        return bool(ipaddress.ip_address(value))
    except ValueError:
        return False


RULES = {
    "transaction_id": rule("bad UUID", lambda value: re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", value)),
    "event_time": wrong_time,
    "quantity": rule("bad quantity", lambda value: re.fullmatch(r"\d+", value) and 1 <= int(value) <= 1_000),
    "unit_price": wrong_price,
    "total_amount": wrong_amount,
    "currency": rule("unknown currency", lambda value: value == "USD"),
    "payment_method": rule("unknown payment method", lambda value: value in PAYMENTS),
    "ip_address": rule("bad IP address", is_address),
    "country": rule("bad country code", lambda value: re.fullmatch("[A-Z]{2}", value)),
    "latitude": rule("coordinate out of range: latitude", lambda value: abs(micro_degrees(value)) <= 90_000_000),
    "longitude": rule("coordinate out of range: longitude", lambda value: abs(micro_degrees(value)) <= 180_000_000),
}


def micro_degrees(text):
    value = float(text) * 1e6
    if math.isinf(value):
        return value
    return int(math.copysign(math.floor(abs(value) + 0.5), value))


class Sale:
    """What the detectors look at."""

    def __init__(self, found):
        self.identity, self.user = found["transaction_id"].lower(), found["user_id"]
        self.time, self.cents = milliseconds(found["event_time"]), int(decimal.Decimal(found["total_amount"]) * 100)
        self.country, self.city = found["country"], found["city"]
        self.latitude, self.longitude = micro_degrees(found["latitude"]), micro_degrees(found["longitude"])


def money(cents):
    return f"{cents // 100}.{cents % 100:02}"


def metres(one, other):
    """Haversine on a sphere."""
    north, east, other_north, other_east = (math.radians(angle / 1e6) for angle in (one.latitude, one.longitude, other.latitude, other.longitude))
    by_north, by_east = math.sin((other_north - north) / 2), math.sin((other_east - east) / 2)
    chord = by_north * by_north + math.cos(north) * math.cos(other_north) * by_east * by_east
    return math.floor(2 * EARTH * math.asin(math.sqrt(min(chord, 1.0))) + 0.5)


def first(limits, value):
    """The score of the first limit that is reached."""
    return next((score for limit, score in limits if value >= limit), None)


class Amount:
    """Beyond what anybody spends, or far beyond what this user does."""

    ABSOLUTE = [(2_500_000, 900), (1_000_000, 650), (500_000, 350)]

    def __init__(self):
        self.count = self.sum = self.squares = 0

    def findings(self, sale):
        score = first(self.ABSOLUTE, sale.cents)
        if score:
            limit = next(limit for limit, _ in self.ABSOLUTE if sale.cents >= limit)
            yield score, f"{money(sale.cents)} is at least {money(limit)}"
        if self.count >= 5 and sale.cents * self.count > 3 * self.sum:
            above = self.count * sale.cents - self.sum
            spread = max(self.count * self.squares - self.sum**2, self.sum**2 // 4, 1)
            deviations = math.isqrt(above**2 * 10**6 // spread)
            if deviations >= 4_000:
                text = f"{deviations // 1000}.{deviations % 1000 // 10:02} deviations above the mean {money(self.sum // self.count)} of {self.count} purchases"
                yield min(950, 250 + (deviations - 4_000) // 10), f"{money(sale.cents)} is {text}"

    def learn(self, sale, _score):
        cents = min(sale.cents, 4 * self.sum // self.count) if self.count >= 5 else sale.cents
        self.count, self.sum, self.squares = self.count + 1, self.sum + cents, self.squares + cents**2
        if self.count == 128:
            self.count, self.sum, self.squares = self.count // 2, self.sum // 2, self.squares // 2


class Velocity:
    """More purchases in a short time, or more money, than a person spends by hand."""

    MINUTELY = [(6, 900), (5, 750), (4, 600), (3, 300)]
    TEN_MINUTELY = [(8, 900), (7, 750), (6, 600), (5, 300)]
    SUM = [(1_000_000, 600), (500_000, 300)]

    def __init__(self):
        self.recent = []

    def findings(self, sale):
        near = [other for other in self.recent if abs(other.time - sale.time) < TEN_MINUTES] + [sale]
        nearer = [other for other in near if abs(other.time - sale.time) < MINUTE]
        total = sum(other.cents for other in near)
        for score, text in [
            (first(self.MINUTELY, len(nearer)), f"{len(nearer)} purchases within a minute"),
            (first(self.TEN_MINUTELY, len(near)), f"{len(near)} purchases within ten minutes"),
            (first(self.SUM, total) if len(near) > 1 else None, f"{money(total)} within ten minutes"),
        ]:
            if score:
                yield score, text

    def learn(self, sale, _score):
        # Sorting is stable: of equal times, what arrived first stands first.
        recent = sorted([*self.recent, sale], key=lambda other: other.time)
        self.recent = [other for other in recent if recent[-1].time - other.time < TEN_MINUTES][-64:]


class Travel:
    """Neighbours in event time that nobody could have made both."""

    def __init__(self):
        self.believed = []

    def findings(self, sale):
        earlier = [other for other in self.believed if other.time <= sale.time]
        later = [other for other in self.believed if other.time > sale.time]
        fastest = None
        for other in earlier[-1:] + later[:1]:
            way, elapsed = metres(other, sale), max(1, abs(other.time - sale.time))
            # Of two that are as fast, the later one is named.
            if way >= 100_000 and (fastest is None or way * 3_600 // elapsed >= fastest[0]):
                fastest = (way * 3_600 // elapsed, way, elapsed)
        if fastest and fastest[0] >= 900:
            speed, way, elapsed = fastest
            yield 300 if speed < 1_000 else min(950, 600 + (speed - 1_000) // 4), f"{way // 1000} km in {elapsed // 1000} s: {speed} km/h"

    def learn(self, sale, score):
        if score < 600:
            self.believed = sorted([*self.believed, sale], key=lambda other: other.time)[-8:]


def thousandths(score):
    return f"{score // 1000}.{score % 1000:03}"


class User:
    """One user's history."""

    def __init__(self):
        self.detectors = {"amount": Amount(), "velocity": Velocity(), "travel": Travel()}

    def alert(self, sale):
        """The alert that a sale is worth, as the topic has it; none where it is not."""
        hits, doubt = [], 1
        for name, detector in self.detectors.items():
            found = list(detector.findings(sale))
            score = max((score for score, _ in found), default=0)
            if found:
                hits.append({"detector": name, "score": thousandths(score), "reason": "; ".join(text for _, text in found)})
            detector.learn(sale, score)
            doubt *= 1_000 - score
        # Three detectors: thousandths of thousandths of thousandths are left over.
        combined = 1_000 - doubt // 1_000 ** (len(self.detectors) - 1)
        if combined < 500:
            return None
        moment = EPOCH + datetime.timedelta(milliseconds=sale.time)
        return {
            "transaction_id": sale.identity,
            "user_id": sale.user,
            "event_time": moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{sale.time % 1000:03}Z",
            "total_amount": money(sale.cents),
            "country": sale.country,
            "city": sale.city,
            "latitude": degrees(sale.latitude),
            "longitude": degrees(sale.longitude),
            "score": thousandths(combined),
            "severity": "critical" if combined >= 900 else "high" if combined >= 700 else "medium",
            "hits": hits,
            "model": MODEL,
        }


def degrees(micro):
    return Number(f"{'-' if micro < 0 else ''}{abs(micro) // 10**6}.{abs(micro) % 10**6:06}")


class Expected:
    """What must come of the records of `sales_stream`: (partition, offset, log time, value), each partition in order of offsets."""

    def __init__(self, records, topic="sales_stream"):
        self.alerts, self.malformed = {}, {}
        self.sales, self.repeated, self.astray = 0, [], []
        users, homes, seen = collections.defaultdict(User), {}, set()
        for partition, offset, log_time, value in records:
            reason, sale = judge(value, log_time)
            if reason:
                self.malformed[(topic, str(partition), str(offset))] = (reason, value)
                continue
            self.sales += 1
            if homes.setdefault(sale.user, partition) != partition:
                self.astray.append(sale.user)
            if sale.identity in seen:
                self.repeated.append(sale.identity)
            seen.add(sale.identity)
            alert = users[sale.user].alert(sale)
            if alert:
                self.alerts[sale.identity] = alert


def alert_of(value):
    """An alert as the topic has it, numbers as they were written."""
    return json.loads(value, parse_float=Number, parse_int=Number)


def row_of(alert):
    """An alert as the table has it: columns as text, coordinates as what they stand for."""
    columns = {**alert, "latitude": float(alert["latitude"]), "longitude": float(alert["longitude"])}
    return {**columns, "hits": sorted_hits(alert["hits"])}


def sorted_hits(hits):
    """Hits in their order; a database may put the members of an object in another."""
    return [json.dumps(hit, sort_keys=True) for hit in hits]


def apart(found, expected):
    return [(key, found.get(key), expected.get(key)) for key in found.keys() | expected.keys() if found.get(key) != expected.get(key)]


def check_alerts(expected, updates, table, report):
    """`updates`: (key, value) of the topic in order; `table`: transaction id -> row as `row_of` has it."""
    found, misfits, times = {}, [], collections.Counter()
    for key, value in updates:
        alert = alert_of(value)
        times[alert["transaction_id"]] += 1
        found[alert["transaction_id"]] = alert
        if json.loads(key) != {"transaction_id": alert["transaction_id"]}:
            misfits.append(key)
    print(f"       {expected.sales} sales, {len(expected.malformed)} malformed records, {len(expected.alerts)} alerts expected")
    report.expect("there are sales and alerts", [] if expected.sales and expected.alerts else ["none"])
    report.expect("no transaction id is used twice", expected.repeated)
    report.expect("a user's sales stand in one partition", expected.astray)
    report.expect("keys of the topic are those of the table", misfits)
    report.expect("each alert stands in the topic once", [identity for identity, count in times.items() if count > 1])
    report.expect("the topic holds the alerts that the sales are worth", apart(found, expected.alerts))
    report.expect("so does the table", apart(table, {identity: row_of(alert) for identity, alert in expected.alerts.items()}))


def check_letters(expected, letters, stored, report):
    """`letters`: (identity, reason, value) of the topic in order; `stored`: identity -> (reason, value) of the table."""
    times = collections.Counter(identity for identity, _, _ in letters)
    found = {identity[:3]: (reason, value) for identity, reason, value in letters}
    report.expect("every dead letter stands in the topic once", [identity for identity, count in times.items() if count > 1])
    report.expect("each malformed record has a letter, and no other one", found.keys() ^ expected.malformed.keys())
    both = found.keys() & expected.malformed.keys()
    report.expect("reasons fit", [(at, expected.malformed[at][0], found[at][0]) for at in both if expected.malformed[at][0] not in found[at][0]])
    report.expect("letters carry the bytes as they were read", [at for at in both if expected.malformed[at][1] != found[at][1]])
    report.expect("table dead_letters is what the topic holds", apart(stored, {identity: (reason, value) for identity, reason, value in letters}))


def rows_of(database):
    columns = ["transaction_id", "user_id", "event_time", "total_amount", "country", "city", "latitude", "longitude", "score", "severity", "hits", "model"]
    for values in database.execute(f"select {', '.join(columns)} from fraud_alerts"):
        row = dict(zip(columns, values))
        yield row["transaction_id"], {**row, "hits": sorted_hits(json.loads(row["hits"]))}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--headwater", default="target/release/headwater", help="the command")
    parser.add_argument("--data", default="headwater-data", help="the data directory of a run that has read all of its input")
    parser.add_argument("--application-id", default="fraud")
    arguments = parser.parse_args()
    report = check.Report()
    lines = check.tail(arguments, "sales_stream")
    expected = Expected((line["partition"], line["offset"], line["timestamp"], check.raw(line["value"])) for line in sorted(lines, key=lambda line: (line["partition"], line["offset"])))
    database = sqlite3.connect(f"file:{arguments.data}/headwater.sqlite?mode=ro", uri=True)
    updates = [(line["key"], line["value"]) for line in check.tail(arguments, "fraud_alerts")]
    check_alerts(expected, updates, dict(rows_of(database)), report)
    stored = database.execute("select topic, partition, offset, stage, reason, value from dead_letters where application_id = ?", [arguments.application_id])
    stored = {(topic, str(partition), str(offset), stage): (reason, value) for topic, partition, offset, stage, reason, value in stored}
    check_letters(expected, list(check.letters_of(arguments)), stored, report)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
