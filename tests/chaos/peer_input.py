#!/usr/bin/env python3
"""Transactions and users in the format of the comparison (`benches/peer/SPEC.md`), made up here anew: few users, some of them busy.

    python3 tests/chaos/peer_input.py --brokers B --records N --seed S --topic T [--partitions 4]

Standard input holds its pace, as that of `transactions.py`.
"""
import argparse
import json
import random
import sys

from confluent_kafka import Producer

from transactions import CATEGORIES, PAYMENTS, pace_from_stdin, settings, stream

START = 1_700_000_040_000
USERS_AT = 1_700_000_039_000
USERS = 8_000
COUNTRIES, TIERS = ["DE", "FR", "JP", "BR", "KE"], ["basic", "silver", "gold"]


def to_bytes(fields):
    return json.dumps(fields, separators=(",", ":")).encode()


def users(seed):
    """(key, timestamp, value); every tenth user is not in the table."""
    chance = random.Random(seed)
    for number in range(USERS):
        if number % 10:
            user = f"user_{number:06}"
            yield user.encode(), USERS_AT, to_bytes({"user_id": user, "name": f"Name {number:x}", "country": chance.choice(COUNTRIES), "tier": chance.choice(TIERS)})


def five_a_millisecond(number):
    return START + number // 5


def purchases(seed, records, time_of=five_a_millisecond):
    """(key, timestamp, value); `time_of` says when each number is bought."""
    chance = random.Random(seed)
    for number in range(records):
        at, bits = time_of(number), chance.getrandbits(200)
        # The product of two even shares: some users come often.
        user = f"user_{int(USERS * chance.random() * chance.random()):06}"
        category, cents, digits = CATEGORIES[bits % 6], 1_000 + (bits >> 8) % 99_000, f"{bits >> 64:034x}"[:32]
        value = (f'{{"transaction_id":"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-9{digits[17:20]}-{digits[20:]}","user_id":"{user}",'
                 f'"product_category":"{category}","product_name":"{category} Item {(bits >> 32) % 100:02}","amount":{cents // 100}.{cents % 100:02},'
                 f'"timestamp":{at},"payment_method":"{PAYMENTS[bits % 3]}"}}')
        yield user.encode(), at, value.encode()


def send_users(brokers, topic, seed):
    """All of the table, before anything else happens."""
    producer = Producer(settings(brokers))
    for key, at, value in users(seed):
        producer.produce(topic, key=key, value=value, timestamp=at)
        producer.poll(0)
    while producer.flush(1):
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--brokers", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--records", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    arguments = parser.parse_args()
    records = ({"key": key, "timestamp": at, "value": value} for key, at, value in purchases(arguments.seed, arguments.records))
    stream(arguments.brokers, arguments.topic, records, arguments.records, pace_from_stdin())


if __name__ == "__main__":
    sys.exit(main())
