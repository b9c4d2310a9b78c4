#!/usr/bin/env python3
"""The comparison of two runs checked: it passes what is the same, and notices each way in which they can differ. Needs no server.

    python3 tests/takeover/test_outputs.py
"""
import contextlib
import io
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "chaos"), os.path.join(HERE, "..", "checker")]

import check
import outputs
from readers import Record


def record(offset, key, value, timestamp=5, headers=()):
    return Record(0, offset, timestamp, key, value, list(headers))


ALONE = [record(0, b"a", b'{"n":1,"m":2}'), record(1, b"b", b'{"n":7}'), record(2, b"a", b'{"n":2}', 6)]


class OutputsTest(unittest.TestCase):
    def failed(self, checks, expected, found, *more):
        report = check.Report()
        with contextlib.redirect_stdout(io.StringIO()):
            checks(report, "run", expected, found, *more)
        return report.failed

    def test_the_same_is_the_same(self):
        again = [record(4, b"b", b'{"n":7}'), record(5, b"a", b'{ "m":2, "n":1 }'), record(6, b"a", b'{"n":2}', 6)]
        for checks in (outputs.check_table, outputs.check_sequences, outputs.check_counts, outputs.check_multiset):
            self.assertEqual(self.failed(checks, ALONE, again), 0, checks)

    def test_a_table_is_what_was_said_last(self):
        self.assertEqual(self.failed(outputs.check_table, ALONE, ALONE[1:]), 0)
        for wrong in (ALONE[:2], [*ALONE, record(3, b"a", b'{"n":3}', 6)], [*ALONE, record(3, b"c", b'{"n":1}')], [*ALONE, record(3, b"b", None)], [*ALONE, ALONE[2]._replace(timestamp=7)]):
            self.assertEqual(self.failed(outputs.check_table, ALONE, wrong), 1, wrong)

    def test_every_update_counts_where_it_must(self):
        swapped = [ALONE[2], ALONE[1], ALONE[0]]
        self.assertEqual(self.failed(outputs.check_sequences, ALONE, swapped), 1)
        self.assertEqual(self.failed(outputs.check_sequences, ALONE, ALONE[1:]), 1)
        self.assertEqual(self.failed(outputs.check_counts, ALONE, [*ALONE, ALONE[0]]), 1)

    def test_losses_and_doubles_are_told_apart(self):
        self.assertEqual(self.failed(outputs.check_multiset, ALONE, ALONE[1:]), 1)
        self.assertEqual(self.failed(outputs.check_multiset, ALONE, [*ALONE, ALONE[0]]), 1)
        self.assertEqual(self.failed(outputs.check_multiset, ALONE, [*ALONE[1:], record(0, b"a", b'{"n":1,"m":3}')]), 2)

    def test_changelogs_are_compared_byte_for_byte(self):
        self.assertEqual(self.failed(outputs.check_changelog, ALONE, ALONE, False), 0)
        other_bytes = [*ALONE, record(3, b"b", b'{"n": 7}')]
        for wrong in (other_bytes, [*ALONE, ALONE[2]._replace(timestamp=7)], [*ALONE, ALONE[2]._replace(headers=[("h", b"")])], ALONE[1:2]):
            self.assertEqual(self.failed(outputs.check_changelog, ALONE, wrong, False), 1, wrong)

    def test_deletions_may_be_compacted_away(self):
        self.assertEqual(self.failed(outputs.check_changelog, [*ALONE, record(3, b"b", None)], [ALONE[2]], False), 0)
        self.assertEqual(self.failed(outputs.check_changelog, [*ALONE, record(3, b"b", None)], ALONE, False), 1)

    def test_what_is_trimmed_is_not_missed(self):
        self.assertEqual(self.failed(outputs.check_changelog, ALONE, [ALONE[2]], True), 0)
        self.assertEqual(self.failed(outputs.check_changelog, ALONE, [record(3, b"c", b"{}")], True), 1)
        self.assertEqual(self.failed(outputs.check_changelog, ALONE, [], True), 1)


if __name__ == "__main__":
    unittest.main()
