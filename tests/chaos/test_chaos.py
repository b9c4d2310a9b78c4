#!/usr/bin/env python3
"""The harness checked: its models pass a right run, and notice each way in which a run can be wrong. Needs no server.

    python3 tests/chaos/test_chaos.py
"""
import contextlib
import io
import json
import sys
import unittest
from unittest import mock

import faults
import model
import peer_model
import scale
from readers import Record, digest
from transactions import KINDS, Transactions

import check  # where model finds it

START = model.milliseconds("2024-11-29T20:00:00Z")
LOG_TIME = model.milliseconds("2025-11-29T20:00:00Z")


def failures(checks, *arguments):
    """The claims that a model says do not hold."""
    report = check.Report()
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        checks(*arguments[:1], report, *arguments[1:])
    return [line[7:].split(": ")[0] for line in printed.getvalue().splitlines() if line.startswith("FAILED")]


def transaction(number, **changes):
    good = {
        "transaction_id": f"00000000-0000-4000-8000-{number:012}",
        "user_id": "user_1",
        "product_category": "Home",
        "product_name": "Lamp",
        "amount": "10.10",
        "timestamp": model.iso(START + number * 20_000),
        "payment_method": "paypal",
    }
    return json.dumps({**good, **changes}).encode()


def letter(offset, topic, at, stage, reason, value):
    headers = {"topic": topic, "partition": 0, "offset": at, "stage": stage, "reason": reason}
    return Record(0, offset, LOG_TIME, None, value, [(f"headwater.{name}", str(part).encode()) for name, part in headers.items()])


def update(offset, start, count, cents=1010):
    key = {"window_start": start, "category": "Home"}
    row = {**key, "window_end": model.iso(model.milliseconds(start) + model.MINUTE), "total_sales": model.money(count * cents), "transaction_count": count}
    return Record(0, offset, LOG_TIME, json.dumps(key).encode(), json.dumps(row).encode(), [])


class SalesRun:
    """24 records, one every 20 s: the last one late, one malformed; 22 of them in 8 windows, an update for each."""

    def __init__(self):
        values = [transaction(number) for number in range(22)] + [transaction(22, amount="5"), transaction(23, timestamp=model.iso(START))]
        self.inputs = [Record(0, offset, LOG_TIME + offset, None, value, []) for offset, value in enumerate(values)]
        counts = {model.iso(START + minute * 60_000): 3 for minute in range(7)} | {model.iso(START + 420_000): 1}
        rows = [(start, count) for start, most in counts.items() for count in range(1, most + 1)]
        self.updates = [update(offset * 2, *row) for offset, row in enumerate(rows)]
        self.letters = [letter(0, "transactions", 22, "transactions", "undecodable value: amount out of range", values[22])]
        self.letters += [letter(2, "by-category", 5, "category-sales", "late", values[23])]
        self.table = {(start, "Home"): (model.iso(model.milliseconds(start) + model.MINUTE), model.money(count * 1010), count) for start, count in counts.items()}
        self.committed, self.ends, self.hanging, self.live, self.stored = {("transactions", 0): 24}, {("transactions", 0): 24}, [], None, None

    def failures(self, guarantee):
        live = {0: [(record.offset, digest(record.key, record.value)) for record in self.updates]} if self.live is None else self.live
        stored = {identity: (reason, value) for identity, reason, value in map(model.letter_of, self.letters)} if self.stored is None else self.stored
        run = model.Run("app", self.inputs, self.updates, self.letters, self.table, stored, self.committed, self.ends, self.hanging, live, [], LOG_TIME)
        return failures(model.check, run, guarantee)


class SalesTest(unittest.TestCase):
    def notices(self, change, *expected, guarantee="exactly-once"):
        run = SalesRun()
        change(run)
        self.assertEqual(set(expected), set(run.failures(guarantee)))

    def test_a_right_run_passes(self):
        self.notices(lambda run: None)
        self.notices(lambda run: None, guarantee="at-least-once")

    def test_a_row_that_was_removed(self):
        self.notices(lambda run: run.table.pop((model.iso(START), "Home")), "the table is what the input adds up to, to the cent", "input = result + dead letters", "the last record of each key is its row in the table")

    def test_a_cent_too_much(self):
        def change(run):
            key = (model.iso(START), "Home")
            run.table[key] = (run.table[key][0], "30.31", 3)
        self.notices(change, "the table is what the input adds up to, to the cent", "the last record of each key is its row in the table")

    def test_a_record_that_counts_twice_in_topic_and_table(self):
        def change(run):
            start = model.iso(START + 420_000)
            run.table[(start, "Home")] = (model.iso(START + 480_000), "20.20", 2)
            run.updates.append(update(100, start, 2))
        self.notices(change, "the table is what the input adds up to, to the cent", "input = result + dead letters")
        self.notices(change, guarantee="at-least-once")

    def test_a_record_that_is_lost_in_topic_and_table(self):
        def change(run):
            start = model.iso(START + 420_000)
            run.table.pop((start, "Home"))
            run.updates.pop()
        self.notices(change, "the table is what the input adds up to, to the cent", "input = result + dead letters")
        self.notices(change, "nothing is lost, every window counts what the input holds, or more", guarantee="at-least-once")

    def test_a_window_that_nobody_bought_in(self):
        def change(run):
            run.table[(model.iso(0), "Home")] = (model.iso(60_000), "10.10", 1)
            run.updates.append(update(100, model.iso(0), 1))
        self.notices(change, "no window comes from nowhere", guarantee="at-least-once")

    def test_two_updates_in_the_wrong_order(self):
        def change(run):
            first, second = run.updates[0], run.updates[1]
            run.updates[:2] = [second._replace(offset=first.offset), first._replace(offset=second.offset)]
        self.notices(change, "every update of a window counts more than the one before")

    def test_an_update_that_stands_twice(self):
        self.notices(lambda run: run.updates.insert(1, run.updates[0]._replace(offset=1)), "every update of a window counts more than the one before")

    def test_a_key_that_is_not_its_rows(self):
        self.notices(lambda run: run.updates.__setitem__(0, run.updates[0]._replace(key=b"{}")), "records of the topic are rows under their keys")

    def test_a_malformed_record_without_a_letter(self):
        self.notices(lambda run: run.letters.pop(0), "each malformed record has a letter", "input = result + dead letters")

    def test_a_letter_that_stands_twice(self):
        self.notices(lambda run: run.letters.append(run.letters[0]._replace(offset=9)), "every dead letter stands in the topic once", "input = result + dead letters")

    def test_a_transaction_that_is_late_twice(self):
        self.notices(lambda run: run.letters.append(letter(9, "by-category", 6, "category-sales", "late", run.inputs[23].value)), "no transaction is late twice", "input = result + dead letters")

    def test_a_letter_for_a_good_record(self):
        self.notices(lambda run: run.letters.append(letter(9, "transactions", 3, "transactions", "unknown category", run.inputs[3].value)), "no other record has one", "input = result + dead letters")

    def test_a_good_record_called_late(self):
        def change(run):
            run.letters.append(letter(9, "by-category", 6, "category-sales", "late", run.inputs[21].value))
            run.table.pop((model.iso(START + 420_000), "Home"))
            run.updates.pop()
        self.notices(change, "no transaction is late that cannot be")
        self.notices(change, "nothing is lost, every window counts what the input holds, or more", guarantee="at-least-once")

    def test_what_is_done_again_at_least_once_may_be_late_then(self):
        self.notices(lambda run: run.letters.append(letter(9, "by-category", 6, "category-sales", "late", run.inputs[21].value)), guarantee="at-least-once")

    def test_a_record_may_be_late_after_its_partition_was_idle(self):
        def change(run):
            # Another partition is minutes ahead, and this one stood still before its last record.
            run.inputs.append(Record(1, 0, LOG_TIME + 25, None, transaction(24, timestamp=model.iso(START + 800_000)), []))
            run.inputs.append(Record(0, 24, LOG_TIME + 9_000, None, transaction(25, timestamp=model.iso(START + 425_000)), []))
            run.letters.append(letter(9, "by-category", 6, "category-sales", "late", run.inputs[25].value))
            ahead = model.iso(START + 780_000)
            run.updates.append(update(100, ahead, 1))
            run.table[(ahead, "Home")] = (model.iso(START + 840_000), "10.10", 1)
            run.committed = run.ends = {("transactions", 0): 25, ("transactions", 1): 1}
        self.notices(change)

    def test_a_record_may_not_be_late_because_of_what_came_after_its_partition_woke(self):
        def change(run):
            # As above, but the other partition was ahead only long after this one had spoken again.
            run.inputs.append(Record(0, 24, LOG_TIME + 9_000, None, transaction(25, timestamp=model.iso(START + 425_000)), []))
            run.inputs.append(Record(1, 0, LOG_TIME + 90_000, None, transaction(24, timestamp=model.iso(START + 800_000)), []))
            run.letters.append(letter(9, "by-category", 6, "category-sales", "late", run.inputs[24].value))
            ahead = model.iso(START + 780_000)
            run.updates.append(update(100, ahead, 1))
            run.table[(ahead, "Home")] = (model.iso(START + 840_000), "10.10", 1)
            run.committed = run.ends = {("transactions", 0): 25, ("transactions", 1): 1}
        self.notices(change, "no transaction is late that cannot be")

    def test_a_reason_that_does_not_fit(self):
        self.notices(lambda run: run.letters.__setitem__(0, letter(0, "transactions", 22, "transactions", "broken JSON", run.inputs[22].value)), "reasons fit")

    def test_bytes_that_were_changed(self):
        self.notices(lambda run: run.letters.__setitem__(0, run.letters[0]._replace(value=b"other")), "letters carry the bytes as they were read")

    def test_a_letter_that_the_table_does_not_hold(self):
        self.notices(lambda run: setattr(run, "stored", {}), "table dead_letters is what the topic holds")

    def test_an_offset_that_is_behind(self):
        self.notices(lambda run: run.committed.update({("transactions", 0): 23}), "the committed offsets are the ends of the input")

    def test_a_transaction_that_hangs(self):
        self.notices(lambda run: run.hanging.append((("category-sales", 0), 40, 44)), "no transaction hangs")

    def test_a_reader_that_saw_something_else(self):
        self.notices(lambda run: setattr(run, "live", {0: [(0, 1)]}), "a read_committed reader saw the same all along")

    def test_no_input(self):
        run = SalesRun()
        run.inputs = []
        self.assertIn("there is input", run.failures("exactly-once"))


class PeerTest(unittest.TestCase):
    USERS = [Record(0, 0, 0, b"user_1", b'{"user_id":"user_1","name":"N","country":"DE","tier":"gold"}', [])]

    def run_of(self, topology):
        inputs = []
        for number in range(12):
            user, at = "user_1" if number % 2 else "user_2", START + number * 7_000
            value = json.dumps({"transaction_id": f"t{number}", "user_id": user, "amount": 10.1 if number else 950.55, "timestamp": at})
            inputs.append(Record(0, number, at, user.encode(), value.encode(), []))
        expected = list(peer_model.TOPOLOGIES[topology](inputs, self.USERS))
        outputs = [Record(0, offset, record.timestamp, record.key, json.dumps(fields).encode(), []) for offset, (record, fields) in enumerate(expected)]
        return peer_model.PeerRun(topology, inputs, self.USERS, outputs, [], {("tx", 0): 12}, {("tx", 0): 12}, [], None, [])

    def notices(self, topology, change, *expected, guarantee="exactly-once"):
        run = self.run_of(topology)
        change(run.outputs)
        run.live = {0: [(record.offset, digest(record.key, record.value)) for record in run.outputs]}
        self.assertEqual(set(expected), set(failures(peer_model.check, run, guarantee)))

    def test_right_runs_pass(self):
        for topology in peer_model.TOPOLOGIES:
            for guarantee in ("exactly-once", "at-least-once"):
                self.notices(topology, lambda outputs: None, guarantee=guarantee)

    def test_what_must_come_out_by_hand(self):
        enriched = [json.loads(record.value) for record in self.run_of("enrich").outputs]
        self.assertEqual(enriched[0], {"transaction_id": "t1", "user_id": "user_1", "amount_cents": 1010, "country": "DE", "tier": "gold"})
        self.assertEqual([row["transaction_id"] for row in enriched], ["t1", "t3", "t5", "t7", "t9", "t11"])
        alerts = [json.loads(record.value) for record in self.run_of("fraud").outputs]
        self.assertEqual([(row["transaction_id"], row["count_60s"], row["sum_60s_cents"]) for row in alerts],
                         [("t0", 1, 95_055), ("t8", 5, 4 * 1010 + 95_055), ("t9", 5, 5050), ("t10", 5, 5050), ("t11", 5, 5050)])

    def test_one_removed_one_doubled_one_changed(self):
        for topology in peer_model.TOPOLOGIES:
            doubled = "nothing is doubled, nothing comes from nowhere"
            self.notices(topology, lambda outputs: outputs.pop(), "nothing is lost")
            self.notices(topology, lambda outputs: outputs.pop(), "nothing is lost", guarantee="at-least-once")
            self.notices(topology, lambda outputs: outputs.append(outputs[0]._replace(offset=99)), doubled)
            self.notices(topology, lambda outputs: outputs.append(outputs[0]._replace(offset=99)), guarantee="at-least-once")
            self.notices(topology, lambda outputs: outputs.__setitem__(0, outputs[0]._replace(timestamp=5)), "nothing is lost", doubled)
            self.notices(topology, lambda outputs: outputs.append(outputs[0]._replace(offset=99, value=b"no JSON")), "every record of the output is a JSON object")


class HarnessTest(unittest.TestCase):
    def test_a_schedule_is_its_seeds(self):
        first = faults.schedule(20, 7, ["kafka", "postgres"])
        self.assertEqual(first, faults.schedule(20, 7, ["kafka", "postgres"]))
        self.assertNotEqual(first, faults.schedule(20, 8, ["kafka", "postgres"]))
        self.assertEqual(sum(action.startswith("kill") for action in first), 20)
        self.assertLessEqual({"kill", "kill all", "pause", "terminate", "kafka", "postgres"}, set(first))

    def test_the_input_is_its_seeds_and_holds_every_kind(self):
        def records(seed):
            return list(Transactions(seed, START, 10, 0.01, 0.2).records(5_000, 4))
        self.assertEqual([record["value"] for record in records(1)][:100], [record["value"] for record in records(1)][:100])
        self.assertNotEqual(records(1)[0], records(2)[0])
        reasons = {check.judge(record["value"], LOG_TIME)[0] for record in records(1)}
        self.assertLessEqual(set(KINDS), reasons)
        self.assertIn(None, reasons)

    def test_the_first_commits_between_two_rebalances(self):
        told, states = [], [False, False, True, True]

        class Stranger:
            def __init__(self, _):
                pass

            def subscribe(self, _):
                told.append("comes")

            def assignment(self):
                return ["elsewhere"]

            def close(self):
                told.append("goes")

        def is_stable(_):
            told.append("at rest" if states.pop(0) else "rebalances")
            return told[-1] == "at rest"

        run = mock.MagicMock(members=dict, await_commits=lambda _: told.append("commits"))
        run.servers.is_stable, run.await_rest = is_stable, lambda: scale.Scale.await_rest(run)
        with mock.patch.object(scale, "Consumer", Stranger), mock.patch.object(scale.time, "sleep"):
            scale.Scale.stranger(run, 1)
        self.assertEqual(told, ["comes", "rebalances", "rebalances", "at rest", "commits", "goes", "at rest", "commits"])

    def test_failures_in_a_row(self):
        self.assertEqual(scale.in_a_row([1.0, 2.0, 3.0], [0.5, 1.5, 2.5]), [])
        self.assertEqual(scale.in_a_row([1.0, 2.0, 3.0], [1.5]), [(2.0, 3.0)])


if __name__ == "__main__":
    sys.exit(unittest.main())
