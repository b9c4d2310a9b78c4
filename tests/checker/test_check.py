#!/usr/bin/env python3
"""The checker checked: it passes a right run, and notices each way in which a run can be wrong.

    python3 tests/checker/test_check.py
"""
import argparse
import contextlib
import io
import json
import os
import sqlite3
import sys
import tempfile
import unittest

import check

FAKE = """#!/usr/bin/env python3
import sys
print(open(f"{sys.argv[sys.argv.index('--data') + 1]}/{sys.argv[2]}.jsonl").read(), end="")
"""
START = check.milliseconds("2025-11-29T20:00:00Z")


def transaction(number, **changes):
    good = {
        "transaction_id": f"00000000-0000-4000-8000-{number:012}",
        "user_id": "user_1",
        "product_category": "Home",
        "product_name": "Lamp",
        "amount": "10.10",
        "timestamp": check.iso(START + number * 20_000),
        "payment_method": "paypal",
    }
    return json.dumps({**good, **changes})


class Run:
    """A run of 24 records: one every 20 s, the last one late, one malformed; 22 of them in 8 windows."""

    def __init__(self):
        self.input = [transaction(number) for number in range(22)]
        self.input += [transaction(22, amount="5"), transaction(23, timestamp=check.iso(START))]
        self.rows = {check.iso(START + minute * 60_000): 3 for minute in range(7)} | {check.iso(START + 420_000): 1}
        self.updates = [(start, count) for start, counts in self.rows.items() for count in range(1, counts + 1)]
        self.letters = [("transactions", 22, "transactions", "undecodable value: amount out of range", self.input[22])]
        self.letters += [("by-category", 5, "category-sales", "late", self.input[23])]
        self.stored = list(self.letters)

    def failures(self):
        with tempfile.TemporaryDirectory() as data:
            self.write(data)
            report = check.Report()
            arguments = argparse.Namespace(headwater=f"{data}/headwater", data=data, application_id="app", input="transactions", output="category-sales")
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                check.check(arguments, report)
            return [line[7:].split(":")[0] for line in printed.getvalue().splitlines() if line.startswith("FAILED")]

    def write(self, data):
        with open(f"{data}/headwater", "w") as fake:
            fake.write(FAKE)
        os.chmod(fake.name, 0o755)
        self.topic(data, "transactions", [("user_1", value, []) for value in self.input])
        self.topic(data, "category-sales", [(json.dumps({"window_start": start, "category": "Home"}), json.dumps(row(start, count)), []) for start, count in self.updates])
        self.topic(data, "app-dlq", [(None, value, headers(topic, offset, stage, reason)) for topic, offset, stage, reason, value in self.letters])
        database = sqlite3.connect(f"{data}/headwater.sqlite")
        database.execute("create table category_sales (window_start, window_end, category, total_sales, transaction_count)")
        database.execute("create table dead_letters (application_id, topic, partition, offset, stage, reason, value)")
        database.executemany("insert into category_sales values (?, ?, ?, ?, ?)", [tuple(row(*update).values()) for update in self.rows.items()])
        database.executemany("insert into dead_letters values ('app', ?, 0, ?, ?, ?, ?)", [(*letter[:4], letter[4].encode()) for letter in self.stored])
        database.commit()
        database.close()

    @staticmethod
    def topic(data, name, records):
        with open(f"{data}/{name}.jsonl", "w") as topic:
            for offset, (key, value, pairs) in enumerate(records):
                line = {"partition": 0, "offset": offset, "timestamp": START + 10_000_000, "key": key, "value": value, "headers": pairs}
                print(json.dumps(line), file=topic)


def row(start, count):
    total = f"{count * 1010 // 100}.{count * 1010 % 100:02}"
    return {"window_start": start, "window_end": check.iso(check.milliseconds(start) + 60_000), "category": "Home", "total_sales": total, "transaction_count": count}


def headers(topic, offset, stage, reason):
    values = {"topic": topic, "partition": "0", "offset": str(offset), "stage": stage, "reason": reason}
    return [[f"headwater.{name}", value] for name, value in values.items()]


class CheckerTest(unittest.TestCase):
    def notices(self, change, *expected):
        run = Run()
        change(run)
        found = run.failures()
        for claim in expected:
            self.assertIn(claim, found)
        self.assertEqual(bool(expected), bool(found))

    def test_a_right_run_passes(self):
        self.notices(lambda run: None)

    def test_a_lost_record(self):
        self.notices(lambda run: run.rows.update({check.iso(START): 2}), "the table is what the input adds up to", "input = result + dead letters")

    def test_a_record_that_counts_twice(self):
        self.notices(lambda run: run.updates.append((check.iso(START), 3)), "every update of a window counts more")

    def test_a_topic_that_ends_behind_the_table(self):
        self.notices(lambda run: run.updates.pop(), "the last record of each key that the database takes is its row")

    def test_a_malformed_record_without_a_letter(self):
        self.notices(lambda run: run.letters.pop(0), "each malformed record has a letter", "table dead_letters is what the topic holds")

    def test_a_letter_that_stands_twice(self):
        self.notices(lambda run: run.letters.append(run.letters[0]), "every dead letter stands in the topic once")

    def test_a_letter_for_a_good_record(self):
        self.notices(lambda run: run.letters.append(("transactions", 3, "transactions", "unknown category", run.input[3])), "no other record has one")

    def test_a_reason_that_does_not_fit(self):
        self.notices(lambda run: run.letters.__setitem__(0, (*run.letters[0][:3], "broken JSON", run.input[22])), "reasons fit")

    def test_bytes_that_were_changed(self):
        self.notices(lambda run: run.letters.__setitem__(0, (*run.letters[0][:4], "other")), "letters carry the bytes as they were read")

    def test_a_letter_that_is_not_late(self):
        self.notices(lambda run: run.letters.append(("by-category", 6, "category-sales", "late", run.input[21])), "late letters are late")


if __name__ == "__main__":
    sys.exit(unittest.main())
