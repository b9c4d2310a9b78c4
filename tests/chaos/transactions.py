#!/usr/bin/env python3
"""Another producer's transactions: shares nothing with `headwater generate`, writes what shops might write.

    python3 tests/chaos/transactions.py --brokers B --records N --seed S [--topic transactions] [--late 0.01] [--bad 0.01]

Standard input holds its pace: `rate N S` (N records a second at most, and what is left in no less than S seconds). Event times begin a year ago; most producers write ISO 8601, some
the naive form `2025-11-29 20:04:32`; amounts are numbers or text, some have no key, some have fields that nobody asked for. Shares of
the records are late or malformed, in every way that `tests/checker/check.py` knows. Ends with a line `sent N`.
"""
import argparse
import datetime
import functools
import itertools
import json
import random
import sys
import threading
import time

from confluent_kafka import Producer

CATEGORIES = ["Electronics", "Fashion", "Beauty", "Home", "Sports", "Grocery"]
PAYMENTS = ["credit_card", "debit_card", "paypal"]
USERS = 5_000
YEAR = datetime.timedelta(days=365)
# Never late by itself, and by how much a late record is behind.
SHUFFLE_MS = 2_000
LATE_MS = (30_000, 900_000)
TICK = 0.005
# However long the rest must last, something always comes.
SLOWEST = 20.0


def without(field):
    return lambda fields, _: fields.pop(field)


def with_(field, value):
    return lambda fields, _: fields.__setitem__(field, value)


def far_future(fields, chance):
    ahead = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=chance.choice([2, 48, 9000]))
    fields["timestamp"] = ahead.strftime("%Y-%m-%dT%H:%M:%SZ")


def third_decimal(fields, _):
    fields["amount"] = f"{fields['amount']}5" if "." in str(fields["amount"]) else "20.005"


# Name of the rule, as the checker calls it, and how it is broken.
BROKEN_RULES = [
    ("missing field", without("user_id")),
    ("missing field", without("timestamp")),
    ("negative event time", with_("timestamp", "1931-05-01T00:00:00Z")),
    ("far future", far_future),
    ("out of range", with_("amount", "1000.00")),
    ("out of range", with_("amount", 5)),
    ("more than two decimals", third_decimal),
    ("unknown category", with_("product_category", "Garden")),
    ("unknown payment method", with_("payment_method", "cash")),
    ("UUID", with_("transaction_id", "1234")),
    ("wrong type", with_("user_id", 7)),
    ("bad timestamp", with_("timestamp", "yesterday")),
    ("bad amount", with_("amount", "ten")),
]
BROKEN_BYTES = [
    ("broken JSON", lambda text, chance: text[: chance.randrange(1, len(text) - 1)]),
    ("not UTF-8", lambda text, _: text.replace(b'"product_name": "', b'"product_name": "\xc3\x28')),
    ("repeated field", lambda text, _: text[:-1] + b', "user_id": "again"}'),
    ("not a JSON object", lambda text, _: b"[" + text + b"]"),
]
# What the checkers want to have seen.
KINDS = sorted({name for name, _ in BROKEN_RULES + BROKEN_BYTES})


class Transactions:
    """Records one after the other, all from one seed."""

    def __init__(self, seed, start_ms, step_ms, late, bad):
        self.chance = random.Random(seed)
        self.start_ms, self.step_ms, self.late, self.bad = start_ms, step_ms, late, bad
        self.index = 0

    def records(self, count, partitions):
        for index in range(count):
            user, key, value = self.next()
            yield {"key": key, "value": value, "partition": (user if key else index) % partitions}

    def next(self):
        """(number of the user, key, value)"""
        chance = self.chance
        share = chance.random()
        at = self.start_ms + int(self.index * self.step_ms) + int(chance.random() * SHUFFLE_MS) - SHUFFLE_MS // 2
        self.index += 1
        if self.bad <= share < self.bad + self.late:
            at -= chance.randrange(*LATE_MS)
        bits = chance.getrandbits(180)
        user, category, cents = bits % USERS, CATEGORIES[(bits >> 16) % 6], 1_000 + (bits >> 20) % 99_000
        dice = (bits >> 40) % 400
        digits = f"{bits >> 52:032x}"
        fields = {
            "transaction_id": f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-9{digits[17:20]}-{digits[20:32]}",
            "user_id": f"customer-{user}",
            "product_category": category,
            "product_name": f"{category} n\u00ba {cents % 50}",
            "amount": amount(cents, dice % 5),
            "timestamp": time_text(at, dice % 10),
            "payment_method": PAYMENTS[dice % 3],
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


def amount(cents, kind):
    """A number or text, whole where it may be."""
    if kind == 0:
        return f"{cents // 100}.{cents % 100:02}"
    if cents % 100 == 0:
        return cents // 100
    return Verbatim(f"{cents // 100}.{cents % 100:02}")


@functools.lru_cache(100_000)
def second_text(second):
    return (datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=second)).isoformat()


def time_text(ms, kind):
    text = second_text(ms // 1000)
    if kind < 3:
        return text.replace("T", " ")
    return f"{text}.{ms % 1000:03}Z" if kind < 9 else f"{text}+00:00"


class Verbatim(str):
    """A number that is written as it stands: no float comes near money."""


def to_bytes(fields):
    parts = []
    for name, value in fields.items():
        kind = type(value)
        # Text of ours needs no escape.
        text = value if kind is Verbatim else f'"{value}"' if kind is str else json.dumps(value)
        parts.append(f'"{name}": {text}')
    return f"{{{', '.join(parts)}}}".encode()


class Pace(threading.Thread):
    """What standard input says: at most so many records a second, and no more than the rest in so many seconds (0: as it may be)."""

    def __init__(self):
        super().__init__(daemon=True)
        self.most, self.seconds, self.abandoned = 0.0, 0.0, False

    def run(self):
        for line in sys.stdin:
            word, most, seconds = line.split()
            if word == "rate":
                self.most, self.seconds = float(most), float(seconds)
        # Whoever held the pace is gone, and with it the reason to go on.
        self.abandoned = True

    def rate(self, rest):
        return min(self.most, max(SLOWEST, rest / self.seconds)) if self.seconds else self.most


def pace_from_stdin():
    pace = Pace()
    pace.start()
    return pace


def fail(error, _message=None):
    """What a producer complains about; errors without a message pass by themselves unless they are fatal."""
    if error and (_message is not None or error.fatal()):
        print(f"failed: {error}", flush=True)


def settings(brokers):
    return {
        "bootstrap.servers": brokers,
        "enable.idempotence": True,
        "partitioner": "murmur2_random",
        "linger.ms": 5,
        # Whatever happens to the broker, a record is sent in the end.
        "message.timeout.ms": 0,
        "queue.buffering.max.messages": 20_000,
        "delivery.report.only.error": True,
        "on_delivery": fail,
        "error_cb": fail,
        "log_level": 0,
    }


def send(producer, topic, record):
    while True:
        try:
            return producer.produce(**{"topic": topic, **record})
        except BufferError:
            producer.poll(0.1)


def stream(brokers, topic, records, count, pace):
    """Sends the records (what `produce` takes, `count` of them; each may name a topic of its own) at the pace that is set, and says how many it were."""
    producer = Producer(settings(brokers))
    sent, allowance, before = 0, 0.0, time.monotonic()
    while sent < count and not pace.abandoned:
        now, rate = time.monotonic(), pace.rate(count - sent)
        # What the broker's absence has cost is not caught up at once.
        allowance = min(allowance + (now - before) * rate, max(1.0, rate * 0.2))
        before = now
        for record in itertools.islice(records, int(allowance)):
            send(producer, topic, record)
            sent, allowance = sent + 1, allowance - 1
        producer.poll(0)
        time.sleep(TICK)
    while producer.flush(1):
        pass
    print(f"sent {sent}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--brokers", required=True)
    parser.add_argument("--topic", default="transactions")
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
    transactions = Transactions(arguments.seed, arguments.start_ms, arguments.step_ms, arguments.late, arguments.bad)
    stream(arguments.brokers, arguments.topic, transactions.records(arguments.records, arguments.partitions), arguments.records, pace_from_stdin())


if __name__ == "__main__":
    main()
