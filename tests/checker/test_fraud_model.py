#!/usr/bin/env python3
"""The model of `fraud` checked: it judges as the documents say, and notices each way in which a run can be wrong. Needs no server.

    python3 tests/checker/test_fraud_model.py
"""
import contextlib
import io
import json
import sys
import unittest

import check
import fraud_model

START = check.milliseconds("2024-11-29T20:00:00Z")
LOG_TIME = check.milliseconds("2025-11-29T20:00:00Z")


def sale(number, seconds, total, longitude="13.4", **changes):
    moment = check.EPOCH + check.datetime.timedelta(milliseconds=START + seconds * 1000)
    fields = {
        "transaction_id": f"00000000-0000-4000-8000-{number:012}",
        "user_id": "user_1",
        "session_id": "s",
        "event_time": moment.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "product_id": "P",
        "product_name": "Lamp",
        "product_category": "Home",
        "quantity": 1,
        "unit_price": total,
        "total_amount": total,
        "currency": "USD",
        "payment_method": "paypal",
        "device_id": "d",
        "ip_address": "203.0.113.7",
        "country": "DE",
        "city": "Berlin",
        "latitude": 52.5,
        "longitude": float(longitude),
    }
    return json.dumps({**fields, **changes}).encode()


HABIT = [sale(number, number * 3600, "50.00") for number in range(6)]


def expected(values):
    return fraud_model.Expected((0, offset, LOG_TIME, value) for offset, value in enumerate(values))


class TheModel(unittest.TestCase):
    def alerts(self, *sales):
        return [(int(identity[-12:]), alert["score"], [hit["detector"] for hit in alert["hits"]]) for identity, alert in expected([*HABIT, *sales]).alerts.items()]

    def test_each_detector_alone_and_together(self):
        at = 6 * 3600
        self.assertEqual(self.alerts(sale(10, at, "60.00")), [])
        self.assertEqual(self.alerts(sale(10, at, "400.00")), [(10, "0.950", ["amount"])])
        self.assertEqual(self.alerts(sale(10, at, "12000.00", user_id="user_2")), [(10, "0.650", ["amount"])])
        self.assertEqual(self.alerts(*[sale(10 + n, at + 5 * n, "5.00") for n in range(4)]), [(13, "0.600", ["velocity"])])
        self.assertEqual(self.alerts(sale(10, at, "50.00", "80"), sale(11, at + 1800, "50.00")), [(10, "0.950", ["travel"])])
        self.assertEqual(self.alerts(*[sale(10 + n, at + 20 * n, "200.00" if n == 2 else "50.00") for n in range(3)]), [(12, "0.615", ["amount", "velocity"])])

    def test_what_breaks_a_rule_is_named(self):
        for changes, reason in [
            ({"quantity": 2}, "wrong total"),
            ({"currency": "EUR"}, "unknown currency"),
            ({"unit_price": "1.005"}, "more than two decimals"),
            ({"event_time": "1969-12-31T23:59:59Z"}, "negative event time"),
            ({"event_time": "2099-12-31T23:59:59Z"}, "far future"),
            ({"latitude": 90.5}, "coordinate out of range: latitude"),
            ({"city": ""}, "empty field city"),
            ({"user_id": 7}, "wrong type: user_id"),
        ]:
            self.assertEqual(fraud_model.judge(sale(1, 0, "5.00", **changes), LOG_TIME)[0], reason)


class TheCheck(unittest.TestCase):
    def setUp(self):
        self.expected = expected([*HABIT, sale(10, 7 * 3600, "400.00"), sale(11, 8 * 3600, "600.00"), b"{"])
        self.updates = [(json.dumps({"transaction_id": identity}), self.text(alert)) for identity, alert in self.expected.alerts.items()]
        self.table = {identity: fraud_model.row_of(alert) for identity, alert in self.expected.alerts.items()}
        identity = ("sales_stream", "0", "8", "sales")
        self.letters = [(identity, "undecodable value: broken JSON: EOF", b"{")]
        self.stored = {identity: self.letters[0][1:]}

    @staticmethod
    def text(alert):
        plain = {**alert, "latitude": "LATITUDE", "longitude": "LONGITUDE"}
        return json.dumps(plain).replace('"LATITUDE"', alert["latitude"]).replace('"LONGITUDE"', alert["longitude"])

    def failures(self):
        report = check.Report()
        with contextlib.redirect_stdout(io.StringIO()):
            fraud_model.check_alerts(self.expected, self.updates, self.table, report)
            fraud_model.check_letters(self.expected, self.letters, self.stored, report)
        return report.failed

    def test_a_right_run_passes(self):
        self.assertEqual(self.failures(), 0)

    def test_what_is_wrong_is_noticed(self):
        identity = self.letters[0][0]
        for break_it in [
            lambda: self.updates.append(self.updates[0]),
            lambda: self.updates.pop(),
            lambda: self.updates.__setitem__(0, (self.updates[0][0], self.updates[0][1].replace("0.950", "0.949"))),
            lambda: self.updates.__setitem__(0, (self.updates[1][0], self.updates[0][1])),
            lambda: self.table.popitem(),
            lambda: self.table.update({"another": next(iter(self.table.values()))}),
            lambda: self.letters.pop(),
            lambda: self.letters.append(self.letters[0]),
            lambda: self.letters.__setitem__(0, (identity, "late", b"{")),
            lambda: self.letters.__setitem__(0, (identity, "broken JSON", b"[")),
            lambda: self.stored.clear(),
        ]:
            self.setUp()
            break_it()
            self.assertGreater(self.failures(), 0)


if __name__ == "__main__":
    sys.exit(unittest.main())
