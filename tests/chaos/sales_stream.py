#!/usr/bin/env python3
"""Another producer's sales for the topic `sales_stream`: shares nothing with `headwater generate`, writes what shops might write.

    python3 tests/chaos/sales_stream.py --brokers B --records N --seed S [--topic sales_stream] [--late 0.01] [--bad 0.01]

Standard input holds its pace, as that of `transactions.py`. A few products sell well and many do not, some change their names; prices come
from a short list, so that products tie. Shares of the records are late or malformed, in every way that `analytics_model.py` knows.
"""
import argparse
import datetime
import random
import sys

from transactions import BROKEN_BYTES, LATE_MS, SHUFFLE_MS, YEAR, pace_from_stdin, stream, time_text, to_bytes, with_, without

PRODUCTS, USERS = 300, 5_000
PLACES = [("DE", "Berlin", 52.52, 13.405), ("BR", "S\u00e3o Paulo", -23.55052, -46.633308), ("US", "New York", 40.7128, -74.006), ("JP", "Tokyo", 35.6762, 139.6503),
          ("KE", "Nairobi", -1.286389, 36.817223), ("AU", "Sydney", -33.8688, 151.2093), ("IN", "Pune", 18.5204, 73.8567), ("IS", "Reykjav\u00edk", 64.1466, -21.9426)]
PAYMENTS = ["credit_card", "debit_card", "paypal", "mobile_wallet", "gift_card", "bank_transfer"]
PRICES = [499, 999, 1_050, 2_000, 4_995, 12_900]


def far_future(fields, chance):
    ahead = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=chance.choice([2, 48, 9000]))
    fields["event_time"] = ahead.strftime("%Y-%m-%dT%H:%M:%SZ")


# Name of the rule, as the model calls it, and how it is broken.
BROKEN_RULES = [
    ("missing field", without("session_id")),
    ("missing field", without("longitude")),
    ("negative event time", with_("event_time", "1931-05-01T00:00:00Z")),
    ("far future", far_future),
    ("bad timestamp", with_("event_time", "yesterday")),
    ("bad quantity", with_("quantity", 0)),
    ("bad quantity", with_("quantity", 1001)),
    ("out of range", with_("unit_price", "0.00")),
    ("more than two decimals", with_("unit_price", "4.995")),
    ("bad amount", with_("total_amount", "ten")),
    ("wrong total", with_("total_amount", "0.01")),
    ("unknown currency", with_("currency", "EUR")),
    ("unknown payment method", with_("payment_method", "cash")),
    ("bad UUID", with_("transaction_id", "1234")),
    ("wrong type", with_("user_id", 7)),
    ("empty field", with_("device_id", "")),
    ("too long", with_("city", "x" * 201)),
    ("bad IP address", with_("ip_address", "203.0.113.256")),
    ("bad country code", with_("country", "Germany")),
    ("coordinate out of range", with_("latitude", 90.5)),
]
# What the checkers want to have seen.
KINDS = sorted({name for name, _ in BROKEN_RULES + BROKEN_BYTES})


class Sales:
    """Records one after the other, all from one seed."""

    def __init__(self, seed, start_ms, step_ms, late, bad):
        self.chance = random.Random(seed)
        self.start_ms, self.step_ms, self.late, self.bad = start_ms, step_ms, late, bad

    def records(self, count, partitions):
        for index in range(count):
            user, key, value = self.next(index)
            yield {"key": key, "value": value, "partition": (user if key else index) % partitions}

    def next(self, index):
        """(number of the user, key, value)"""
        chance = self.chance
        share = chance.random()
        at = self.start_ms + int(index * self.step_ms) + int(chance.random() * SHUFFLE_MS) - SHUFFLE_MS // 2
        if self.bad <= share < self.bad + self.late:
            at -= chance.randrange(*LATE_MS)
        # The product of three even shares: a few products are sold often.
        product = int(PRODUCTS * chance.random() * chance.random() * chance.random())
        bits = chance.getrandbits(200)
        user, dice, quantity, digits = bits % USERS, (bits >> 16) % 400, 1 + (bits >> 30) % 3, f"{bits >> 60:035x}"
        country, city, latitude, longitude = PLACES[(bits >> 40) % (1 + (bits >> 44) % len(PLACES))]
        price = PRICES[product % len(PRICES)]
        fields = {
            "transaction_id": f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-9{digits[17:20]}-{digits[20:32]}",
            "user_id": f"customer-{user}",
            "session_id": f"visit-{index // 3}",
            "event_time": time_text(at, dice % 10),
            "product_id": f"SKU-{product:03}",
            "product_name": f"Thing n\u00ba {product}" + (" (new)" if product % 7 == 0 and dice % 50 == 0 else ""),
            "product_category": "Things",
            "quantity": quantity,
            "unit_price": f"{price // 100}.{price % 100:02}",
            "total_amount": f"{price * quantity // 100}.{price * quantity % 100:02}",
            "currency": "USD",
            "payment_method": PAYMENTS[dice % len(PAYMENTS)],
            "device_id": f"device-{user % 997}",
            "ip_address": f"203.0.113.{user % 256}" if dice % 4 else f"2001:db8::{user:x}",
            "country": country,
            "city": city,
            "latitude": latitude,
            "longitude": longitude,
        }
        if dice % 20 == 0:
            fields["channel"] = {"name": "web", "tags": [1, None, True]}
        key = None if dice % 20 == 1 else f"customer-{user}".encode()
        return user, key, self.spoilt(fields) if share < self.bad else to_bytes(fields)

    def spoilt(self, fields):
        pick = self.chance.randrange(len(BROKEN_RULES) + len(BROKEN_BYTES))
        if pick < len(BROKEN_RULES):
            BROKEN_RULES[pick][1](fields, self.chance)
            return to_bytes(fields)
        return BROKEN_BYTES[pick - len(BROKEN_RULES)][1](to_bytes(fields), self.chance)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--brokers", required=True)
    parser.add_argument("--topic", default="sales_stream")
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--records", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--late", type=float, default=0.01)
    parser.add_argument("--bad", type=float, default=0.01)
    parser.add_argument("--step-ms", type=float, default=10)
    parser.add_argument("--start-ms", type=int, help="event time of the first record [default: a year ago]")
    arguments = parser.parse_args()
    if arguments.start_ms is None:
        arguments.start_ms = int((datetime.datetime.now(datetime.timezone.utc) - YEAR).timestamp() * 1000)
    sales = Sales(arguments.seed, arguments.start_ms, arguments.step_ms, arguments.late, arguments.bad)
    stream(arguments.brokers, arguments.topic, sales.records(arguments.records, arguments.partitions), arguments.records, pace_from_stdin())


if __name__ == "__main__":
    sys.exit(main())
