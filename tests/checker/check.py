#!/usr/bin/env python3
"""Checks a run of `category-sales` from outside: reads topics (`headwater tail`) and the SQLite file, computes every total anew.

Shares no code with Headwater. What is a valid transaction is decided here a second time, with other means (json, decimal, datetime).

    python3 tests/checker/check.py --headwater target/release/headwater --data headwater-data

Checked: input = result + dead letters; table == own totals; last record per key of the topic == table; counts of a window only
rise; one letter per malformed record, in topic and table, with a reason that fits; late letters are late. Rows that the database
refuses (`bad_input.py` has some) are letters of the sink, and the table holds the last row that it takes.
"""
import argparse
import base64
import collections
import datetime
import decimal
import json
import re
import sqlite3
import subprocess
import sys
import uuid

CATEGORIES = {"Electronics", "Fashion", "Beauty", "Home", "Sports", "Grocery"}
PAYMENTS = {"credit_card", "debit_card", "paypal"}
FIELDS = ["transaction_id", "user_id", "product_category", "product_name", "amount", "timestamp", "payment_method"]
MINUTE = 60_000
GRACE = 60_000
FAR_FUTURE = 3_600_000
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


class Report:
    """Counts what holds and prints what does not."""

    def __init__(self):
        self.passed = self.failed = 0

    def expect(self, what, wrong):
        """`wrong`: what contradicts the claim; empty where it holds."""
        wrong = list(wrong)
        self.passed += not wrong
        self.failed += bool(wrong)
        print(f"{'FAILED' if wrong else 'ok':6} {what}" + (f": {len(wrong)} wrong, such as {wrong[:3]}" if wrong else ""))

    def end(self):
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed or not self.passed else 0


def raw(value):
    """The bytes that a line of `tail` stands for."""
    if value is None:
        return None
    return value.encode() if isinstance(value, str) else base64.b64decode(value["base64"])


def milliseconds(text):
    moment = datetime.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.timezone.utc)
    return (moment - EPOCH) // datetime.timedelta(milliseconds=1)


def iso(ms):
    return (EPOCH + datetime.timedelta(milliseconds=ms)).strftime("%Y-%m-%dT%H:%M:%SZ")


def refuse(pairs):
    names = [name for name, _ in pairs]
    if any(names.count(name) > 1 for name in FIELDS):
        raise ValueError("repeated")
    return dict(pairs)


def no_constant(name):
    raise ValueError(f"{name} is not JSON")


def judge(value, log_time):
    """(None, transaction) of a valid record, otherwise (what its letter's reason must contain, None)."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return "not UTF-8", None
    try:
        found = json.loads(text, parse_float=decimal.Decimal, parse_int=decimal.Decimal, parse_constant=no_constant, object_pairs_hook=refuse)
    except ValueError as error:
        return ("repeated field" if str(error) == "repeated" else "broken JSON"), None
    if not isinstance(found, dict):
        return "not a JSON object", None
    for field in FIELDS:
        if field not in found:
            return "missing field", None
        if not isinstance(found[field], str) and not (field == "amount" and isinstance(found[field], decimal.Decimal)):
            return "wrong type", None
        reason = wrong_with(field, found[field], log_time)
        if reason:
            return reason, None
    return None, found


def wrong_with(field, value, log_time):
    if field == "transaction_id":
        return None if re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", value) and uuid.UUID(value) is not None else "UUID"
    if field == "product_category":
        return None if value in CATEGORIES else "unknown category"
    if field == "payment_method":
        return None if value in PAYMENTS else "unknown payment method"
    if field == "amount":
        if not re.fullmatch(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", str(value)):
            return "bad amount"
        amount = decimal.Decimal(value)
        if amount * 100 % 1:
            return "more than two decimals"
        return None if decimal.Decimal("10") <= amount <= decimal.Decimal("999.99") else "out of range"
    if field == "timestamp":
        try:
            time = milliseconds(value)
        except ValueError:
            return "bad timestamp"
        if time < 0:
            return "negative event time"
        return "far future" if time > log_time + FAR_FUTURE else None
    return None


def tail(arguments, topic):
    command = [arguments.headwater, "tail", topic, "--data", arguments.data, "--from", "start", "--to", "end"]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.splitlines()
    return [json.loads(line) for line in lines]


def letters_of(arguments):
    """Every record of the dead-letter topic with its headers as a dict; the last of a name counts."""
    for line in tail(arguments, f"{arguments.application_id}-dlq"):
        headers = {name: raw(value).decode() for name, value in line["headers"] if name.startswith("headwater.")}
        identity = tuple(headers[f"headwater.{part}"] for part in ("topic", "partition", "offset", "stage"))
        yield identity, headers["headwater.reason"], raw(line["value"])


def takes_all(_row, _offset):
    """A database that refuses no row."""


def updates_of(arguments, refuses):
    """The records of the output topic as (key, row as in the table, line, what the database says against it)."""
    for line in tail(arguments, arguments.output):
        row = json.loads(line["value"])
        values = (row["window_end"], row["total_sales"], row["transaction_count"])
        yield (row["window_start"], row["category"]), values, line, refuses(row, line["offset"])


def check(arguments, report, refuses=takes_all):
    """`refuses`: the words with which the database refuses a row (a dict) that stands at an offset, if it does."""
    inputs = tail(arguments, arguments.input)
    totals = collections.defaultdict(lambda: [decimal.Decimal(0), 0])
    transactions, malformed, latest = {}, {}, -1
    for line in inputs:
        reason, transaction = judge(raw(line["value"]), line["timestamp"])
        if reason:
            malformed[(arguments.input, str(line["partition"]), str(line["offset"]))] = (reason, raw(line["value"]))
            continue
        time = milliseconds(transaction["timestamp"])
        latest = max(latest, time)
        transactions[transaction["transaction_id"]] = (time, transaction["product_category"], decimal.Decimal(transaction["amount"]))
    print(f"       {len(inputs)} records in {arguments.input}: {len(transactions)} valid, {len(malformed)} malformed")
    report.expect("there is input", [] if inputs else ["none"])
    report.expect("no transaction id is used twice", [] if len(transactions) + len(malformed) == len(inputs) else ["ids repeat"])

    updates = list(updates_of(arguments, refuses))
    refused = {(arguments.output, str(line["partition"]), str(line["offset"])): (words, raw(line["value"])) for _, _, line, words in updates if words}
    every_letter = list(letters_of(arguments))
    letters = [letter for letter in every_letter if letter[0][0] != arguments.output]
    of_sink = {identity[:3]: (reason, value) for identity, reason, value in every_letter if identity[0] == arguments.output}
    identities = collections.Counter(identity for identity, _, _ in letters)
    report.expect("every dead letter stands in the topic once", [identity for identity, count in identities.items() if count > 1])
    late = [json.loads(value)["transaction_id"] for identity, reason, value in letters if reason == "late"]
    other = {identity[:3]: (reason, value) for identity, reason, value in letters if reason != "late"}
    print(f"       {len(letters)} dead letters: {len(late)} late, {len(other)} others")
    report.expect("each malformed record has a letter", malformed.keys() - other.keys())
    report.expect("no other record has one", other.keys() - malformed.keys())
    both = malformed.keys() & other.keys()
    report.expect("reasons fit", [(at, malformed[at][0], other[at][0]) for at in both if malformed[at][0] not in other[at][0]])
    report.expect("letters carry the bytes as they were read", [at for at in both if malformed[at][1] != other[at][1]])
    report.expect("each late letter is of one valid transaction", [i for i, n in collections.Counter(late).items() if n > 1 or i not in transactions])
    windows_end = {i: transactions[i][0] // MINUTE * MINUTE + MINUTE for i in late if i in transactions}
    report.expect("late letters are late", [i for i, end in windows_end.items() if end + GRACE > latest])

    for identity in set(transactions) - set(late):
        time, category, amount = transactions[identity]
        total = totals[(iso(time // MINUTE * MINUTE), category)]
        total[0] += amount
        total[1] += 1
    database = sqlite3.connect(f"file:{arguments.data}/headwater.sqlite?mode=ro", uri=True)
    table = {}
    for start, end, category, total, count in database.execute("select window_start, window_end, category, total_sales, transaction_count from category_sales"):
        table[(start, category)] = (end, total, count)
    taken = {key: values for key, values, _, words in updates if not words}
    last = {key: values for key, values, _, _ in updates}
    report.expect("the last record of each key that the database takes is its row", [(key, taken.get(key), table.get(key)) for key in taken.keys() | table.keys() if taken.get(key) != table.get(key)])
    if refused:
        print(f"       {len(refused)} rows refused by the database")
        report.expect("each refused row has a letter, and no other one", refused.keys() ^ of_sink.keys())
        report.expect("it carries the database's words and the row's bytes", [at for at in refused.keys() & of_sink.keys() if refused[at][0] not in of_sink[at][0] or refused[at][1] != of_sink[at][1]])
        # From here on the row that was refused counts, since the letter is where it is.
        table.update({key: last[key] for key, _, _, words in updates if words})
    own = {key: (iso(milliseconds(key[0]) + MINUTE), str(total), count) for key, (total, count) in totals.items()}
    report.expect("the table is what the input adds up to", [(key, table.get(key), own.get(key)) for key in table.keys() | own.keys() if table.get(key) != own.get(key)])
    counted = sum(count for _, _, count in table.values())
    report.expect("input = result + dead letters", [] if counted + len(letters) == len(inputs) else [f"{len(inputs)} != {counted} + {len(letters)}"])

    before, falls, misfits = {}, [], []
    for key, (_, _, count), line, _ in updates:
        if json.loads(line["key"]) != {"window_start": key[0], "category": key[1]}:
            misfits.append(line["key"])
        if count <= before.get(key, 0):
            falls.append((key, before[key], count))
        before[key] = count
    report.expect("keys of the topic are those of the table", misfits)
    report.expect("every update of a window counts more", falls)

    sql = "select topic, partition, offset, stage, reason, value from dead_letters where application_id = ?"
    stored = database.execute(sql, [arguments.application_id])
    rows = {(topic, str(partition), str(offset), stage): (reason, value) for topic, partition, offset, stage, reason, value in stored}
    in_topic = {identity: (reason, value) for identity, reason, value in every_letter}
    report.expect("table dead_letters is what the topic holds", [i for i in rows.keys() | in_topic.keys() if rows.get(i) != in_topic.get(i)])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--headwater", default="target/release/headwater", help="the command")
    parser.add_argument("--data", default="headwater-data", help="the data directory of a run that has read all of its input")
    parser.add_argument("--application-id", default="category-sales")
    parser.add_argument("--input", default="transactions")
    parser.add_argument("--output", default="category-sales")
    arguments = parser.parse_args()
    report = Report()
    check(arguments, report)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
