#!/usr/bin/env python3
"""The model of `analytics` checked: it passes a right run, and notices each way in which one can be wrong. Needs no server.

    python3 tests/chaos/test_analytics.py
"""
import json
import sys
import unittest

import analytics_model
import model
import sales_stream
from readers import Record, digest
from test_chaos import failures

START = model.milliseconds("2024-11-29T20:00:00Z")
LOG_TIME = model.milliseconds("2025-11-29T20:00:00Z")


def letter(offset, at, stage, reason, value):
    headers = {"topic": "sales_stream", "partition": at.partition, "offset": at.offset, "stage": stage, "reason": reason}
    return Record(0, offset, LOG_TIME, None, value, [(f"headwater.{name}", str(part).encode()) for name, part in headers.items()])


class AnalyticsRun:
    """2,000 records in two partitions, some late, some malformed, and a row for each window."""

    def __init__(self):
        made = sales_stream.Sales(7, START, 200, 0.05, 0.05).records(2_000, 2)
        self.inputs = [Record(record["partition"], offset, LOG_TIME, record["key"], record["value"], []) for offset, record in enumerate(made)]
        self.given = analytics_model.Input(self.run())
        self.table = analytics_model.rows(self.given.counted)
        self.updates = []
        for offset, (start, row) in enumerate(self.table.items()):
            key = {"window_start": start}
            self.updates.append(Record(0, offset, LOG_TIME, json.dumps(key).encode(), json.dumps({**key, **row}).encode(), []))
        self.letters = []
        for stage, found in (("in-time", self.given.late), ("sales", self.given.malformed)):
            for (_, partition, offset), (reason, value) in found.items():
                self.letters.append(letter(len(self.letters), Record(int(partition), int(offset), 0, None, None, []), stage, reason, value))

    def run(self, **parts):
        committed = {("sales_stream", 0): 2_000, ("sales_stream", 1): 2_000}
        empty = {"updates": [], "letters": [], "table": {}, "stored": {}, "live": {}}
        return model.Run("app", self.inputs, committed=committed, ends=committed, hanging=[], live_wrong=[], input_topic="sales_stream", **{**empty, **parts})

    def failures(self, guarantee="exactly-once"):
        live = {0: [(record.offset, digest(record.key, record.value)) for record in self.updates]}
        stored = {identity: (reason, value) for identity, reason, value in map(model.letter_of, self.letters)}
        return failures(analytics_model.check, self.run(updates=self.updates, letters=self.letters, table=self.table, stored=stored, live=live), guarantee)

    def change(self, **columns):
        """The first row with other columns, in table and topic."""
        start = next(iter(self.table))
        self.table[start] = {**self.table[start], **columns}
        self.updates[0] = self.updates[0]._replace(value=json.dumps({"window_start": start, **self.table[start]}).encode())


TABLE = "the table is what the input adds up to, to the cent"


class AnalyticsTest(unittest.TestCase):
    def notices(self, change, *expected, guarantee="exactly-once"):
        run = AnalyticsRun()
        change(run)
        self.assertEqual(run.failures(guarantee), list(expected))

    def test_a_right_run_passes(self):
        run = AnalyticsRun()
        self.assertTrue(len(run.given.late) > 20 and len(run.given.malformed) > 20 and len(run.table) > 30)
        self.assertEqual(run.failures(), [])
        self.assertEqual(run.failures("at-least-once"), [])

    def test_a_cent_is_noticed(self):
        self.notices(lambda run: run.change(revenue="1.00"), TABLE, "the countries of a row add up to it, and the average is theirs")

    def test_another_order_of_products_is_noticed(self):
        def turn(run):
            start = next(start for start, row in run.table.items() if len(row["top_products"]) > 1)
            run.table = {start: run.table[start], **run.table}
            run.updates.sort(key=lambda record: json.loads(record.key)["window_start"] != start)
            run.change(top_products=run.table[start]["top_products"][::-1])

        self.notices(lambda run: (turn(run), run.__setattr__("updates", [record._replace(offset=at) for at, record in enumerate(run.updates)])), TABLE)

    def test_a_lost_window_is_noticed(self):
        def lose(run):
            del run.table[next(iter(run.table))]
            del run.updates[0]

        self.notices(lose, TABLE)
        self.notices(lose, "nothing is lost, every window counts what the input holds, or more", guarantee="at-least-once")

    def test_late_sales_are_those_that_the_input_makes_late(self):
        late = "each late sale has a letter that carries it, and no other one has"
        self.notices(lambda run: run.letters.pop(0), late)
        self.notices(lambda run: run.letters.append(letter(9_999, run.inputs[0], "in-time", "late", run.inputs[0].value)), late)

    def test_a_malformed_record_without_letter_is_noticed(self):
        self.notices(lambda run: run.letters.pop(), "each malformed record has a letter")

    def test_an_update_that_falls_is_noticed(self):
        def fall(run):
            last = run.updates[-1]
            more = json.loads(last.value)
            more["orders"] += 1
            run.updates.insert(len(run.updates) - 1, last._replace(value=json.dumps(more).encode(), offset=last.offset - 0.5))

        self.notices(fall, "no update of a window counts less than the one before")

    def test_a_row_that_the_topic_does_not_have_is_noticed(self):
        self.notices(lambda run: run.updates.pop(), "the last record of each key is its row in the table")

    def test_every_kind_of_bad_input_is_judged(self):
        run = AnalyticsRun()
        run.inputs = [Record(0, offset, LOG_TIME, None, record["value"], []) for offset, record in enumerate(sales_stream.Sales(1, START, 10, 0, 1).records(3_000, 1))]
        reasons = {reason for reason, _ in analytics_model.Input(run.run()).malformed.values()}
        self.assertEqual([kind for kind in sales_stream.KINDS if not any(kind in reason for reason in reasons)], [])


if __name__ == "__main__":
    sys.exit(unittest.main())
