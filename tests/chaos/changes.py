#!/usr/bin/env python3
"""Made-up changes to products, customers and stores of a bakery, brought to the three topics of `headwater run dimensions`.

    python3 tests/chaos/changes.py --brokers B --records N --seed S [--late 0.1] [--bad 0.01]

Standard input holds its pace, as that of `transactions.py`. Rows come and go: changes in the order of their time and out of it, the same
columns again, corrections of a moment that was told before, deletes, and records that break a rule.
"""
import argparse
import json
import random
import sys

import transactions

YEAR_MS = 365 * 86_400_000
ROWS, STEP_MS, REACH_MS = 400, 60_000, 90 * 86_400_000
TOPICS = ("product-changes", "customer-changes", "store-changes")
WORDS = ["Rye", "Spelt", "Brezel", "Käse", "north", "south", "\U0001f35e", "x" * 40]
BROKEN = [
    lambda change: json.dumps(change).encode()[:-2],
    lambda change: json.dumps({**change, "op": "merge"}).encode(),
    lambda change: json.dumps({**change, "valid_from": "yesterday"}).encode(),
    lambda change: json.dumps({**change, "key": ""}).encode(),
    lambda change: json.dumps({name: value for name, value in change.items() if name != "key"}).encode(),
    lambda change: json.dumps({**change, "op": "upsert", "columns": {"name": 7}}).encode(),
    lambda change: b"[" + json.dumps(change).encode() + b"]",
    lambda change: None,
]


class Changes:
    """Records for one seed; what was told of a row before decides what may be told next."""

    def __init__(self, seed, start_ms, late, bad):
        self.chance, self.start_ms, self.late, self.bad = random.Random(seed), start_ms, late, bad
        self.told = {}

    def columns(self, topic):
        chance = self.chance
        found = {"name": chance.choice(WORDS)}
        if topic == "product-changes":
            cents = chance.randrange(100, 900)
            found |= {"category": chance.choice(WORDS[:3]), "unit_price": chance.choice([cents / 100, f"{cents // 100}.{cents % 100:02}", f"{cents // 100}.{cents % 100:02}0"])}
            found |= chance.choice([{}, {"shelf_life_days": chance.randrange(0, 30)}, {"shelf_life_days": None}])
        elif topic == "customer-changes":
            found |= {"city": chance.choice(WORDS[3:6]), "loyalty_tier": chance.choice(["none", "bronze", "silver", "gold"])}
        else:
            found |= {"city": chance.choice(WORDS[3:6]), "region": chance.choice(WORDS[4:6])}
            found |= chance.choice([{}, {"floor_area_sqm": chance.randrange(20, 500)}, {"floor_area_sqm": 40.0}, {"colour": "red"}])
        return found

    def records(self, count):
        for index in range(count):
            chance, topic = self.chance, TOPICS[self.chance.randrange(3)]
            key = f"{topic[0]}-{int(ROWS * chance.random() * chance.random())}"
            at = self.start_ms + index * STEP_MS - (chance.randrange(REACH_MS) if chance.random() < self.late else 0)
            before = self.told.get((topic, key))
            columns = self.columns(topic)
            if before and chance.random() < 0.2:
                columns = before[1]
            elif before and chance.random() < 0.1:
                at = before[0]
            change = {"key": key, "op": "upsert", "valid_from": at, "columns": columns}
            if chance.random() < 0.08:
                change = {"key": key, "op": "delete", "valid_from": at}
            self.told[topic, key] = (at, columns)
            value = chance.choice(BROKEN)(change) if chance.random() < self.bad else json.dumps(change, ensure_ascii=chance.random() < 0.5).encode()
            yield {"topic": topic, "key": key.encode(), "value": value}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--brokers", required=True)
    parser.add_argument("--records", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--late", type=float, default=0.1)
    parser.add_argument("--bad", type=float, default=0.01)
    arguments = parser.parse_args()
    # A year ago, or what that was when the seed was chosen: nothing depends on it.
    changes = Changes(arguments.seed, 1_700_000_000_000 - YEAR_MS, arguments.late, arguments.bad)
    transactions.stream(arguments.brokers, None, changes.records(arguments.records), arguments.records, transactions.pace_from_stdin())


if __name__ == "__main__":
    sys.exit(main())
