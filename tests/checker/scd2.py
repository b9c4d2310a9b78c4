#!/usr/bin/env python3
"""`headwater scd2 replay` against an independent model, on random histories that nobody has seen before.

    python3 tests/checker/scd2.py --headwater target/release/headwater --seed 7

The model sorts the changes of a key and scans them once; it shares nothing with the operator, which takes them one by one in the order of
the file. Also checked: what a damaged line costs, standard input and output, and the time for 100,000 changes to 1,000 keys.
"""
import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time

LIMIT_SECONDS = 10


def same(one, other):
    """Equal as JSON values: true is not 1, and 1 is 1.0."""
    if isinstance(one, bool) or isinstance(other, bool):
        return isinstance(one, bool) and isinstance(other, bool) and one == other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) in (int, float, str, type(None)) and one == other and isinstance(one, str) == isinstance(other, str)


def versions(changes):
    """The rows that these changes stand for, by the words of the documents."""
    counts = {}
    for change in changes:
        place = (change["key"], change["valid_from"])
        if place not in counts or change["offset"] > counts[place]["offset"]:
            counts[place] = change
    rows, current = [], None
    for (key, at), change in sorted(counts.items(), key=lambda item: (item[0][0].encode(), item[0][1])):
        if current is not None and current["key"] != key:
            current = None
        columns = change["columns"] if change["op"] == "upsert" else None
        if current is not None and columns is not None and same(current["columns"], columns):
            continue
        if current is not None:
            current.update(end_date=at, is_current=False)
            current = None
        if columns is not None:
            current = {"key": key, "columns": columns, "effective_date": at, "end_date": None, "is_current": True}
            rows.append(current)
    return rows


# Pairs that are equal, neighbours that are not.
VALUES = [1, 1.0, True, "1", 0, -0.0, False, None, "", 1.5, 15e-1, 10**20, 1e20, 9007199254740993, 9007199254740992.0, 0.1, "ä", "\u2028\n\"",
          [], [1], [1.0], {}, {"b": [1, {"c": None}], "a": 2}, {"a": 2.0, "b": [1.0, {"c": None}]}]


def columns(rng, few):
    names = rng.sample(["name", "price", "größe", ""], rng.randint(0, 2))
    return {name: rng.choice(VALUES[:4] if few else VALUES) for name in names}


def history(rng, count, keys, moments, few):
    """Changes in any order, some of them twice; offsets never repeat."""
    offsets = rng.sample(range(10 * count + 1), count)
    times = [rng.choice([-1, 0, rng.randrange(-10**13, 10**13)]) + step for step in range(moments)]
    changes = []
    for offset in offsets:
        change = {"key": rng.choice(keys), "op": rng.choice(["upsert", "upsert", "upsert", "delete"]), "valid_from": rng.choice(times), "offset": offset}
        if change["op"] == "upsert":
            change["columns"] = columns(rng, few)
        elif rng.random() < 0.2:
            change["columns"] = None
        changes.append(change)
    changes += [dict(rng.choice(changes)) for _ in range(count // 8)] if changes else []
    order = rng.random()
    if order < 0.2:
        changes.sort(key=lambda change: change["valid_from"])
    elif order < 0.4:
        changes.sort(key=lambda change: -change["valid_from"])
    else:
        rng.shuffle(changes)
    return changes


def line(rng, change):
    fields = list(change.items())
    rng.shuffle(fields)
    return json.dumps(dict(fields), ensure_ascii=rng.random() < 0.5)


class Checks:
    def __init__(self, headwater, work):
        self.headwater, self.work = headwater, work
        self.passed = self.failed = 0

    def check(self, holds, what):
        if holds:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED: {what}", file=sys.stderr)

    def replay(self, text, *more):
        source, target = os.path.join(self.work, "changes.jsonl"), os.path.join(self.work, "versions.jsonl")
        with open(source, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        done = subprocess.run([self.headwater, "scd2", "replay", source, "--out", target, *more], capture_output=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.decode())
        with open(target, encoding="utf-8") as file:
            return [json.loads(row) for row in file]


def histories(checks, seed, count):
    for case in range(count):
        rng = random.Random(f"{seed}-{case}")
        keys = [rng.choice(["k", "k\u0000", "ä", "\U0001f35e", "z", "", "kk"]) + str(n) * rng.randint(0, 1) for n in range(rng.randint(1, 4))]
        changes = history(rng, rng.choice([0, 1, 3, 10, 60, 400]), keys, rng.choice([1, 4, 30, 500]), rng.random() < 0.7)
        text = "".join(line(rng, change) + "\n" for change in changes)
        found = checks.replay(text, "--commit-every", str(rng.choice([1, 2, 7, 1000])))
        expected = versions(changes)
        checks.check(len(found) == len(expected) and all(map(same, found, expected)), f"seed {seed} case {case}: {len(changes)} changes, {len(found)} versions, {len(expected)} expected")


GOOD = '{"key": "a", "op": "upsert", "valid_from": 1, "offset": 1, "columns": {"n": 1}}\n'
DAMAGED = [
    ('{"key": "a", "op": "upsert", "valid_from": 1, "offset": 1, "columns": {"n": 1}', "broken JSON"),
    ("7", "not a JSON object but a number"),
    ('{"op": "upsert", "valid_from": 1, "offset": 1, "columns": {}}', "missing field key"),
    ('{"key": "a", "op": "merge", "valid_from": 1, "offset": 1, "columns": {}}', "unknown operation: merge"),
    ('{"key": "a", "op": "upsert", "valid_from": "1", "offset": 1, "columns": {}}', "wrong type: valid_from is a string"),
    ('{"key": "a", "op": "upsert", "valid_from": 1.5, "offset": 1, "columns": {}}', "valid_from is no whole number"),
    ('{"key": "a", "op": "delete", "valid_from": 1}', "missing field offset"),
    ('{"key": "a", "op": "upsert", "valid_from": 1, "offset": 1}', "missing field columns"),
    ('{"key": "a", "op": "upsert", "valid_from": 1, "offset": 1, "columns": {"n": 1, "n": 2}}', "repeated field n"),
    (b'{"key": "\xff", "op": "delete", "valid_from": 1, "offset": 1}', "not UTF-8"),
]


def damaged(checks):
    kept = os.path.join(checks.work, "kept.jsonl")
    for text, reason in DAMAGED:
        with open(kept, "w") as file:
            file.write("as it was")
        stdin = GOOD.encode() + b"\n" + (text if isinstance(text, bytes) else text.encode()) + b"\n" + GOOD.encode()
        done = subprocess.run([checks.headwater, "scd2", "replay", "-", "--out", kept], input=stdin, capture_output=True)
        said = done.stderr.decode()
        checks.check(done.returncode == 1 and f"standard input:3: {reason}" in said, f"{text!r}: exit {done.returncode}: {said}")
        with open(kept) as file:
            checks.check(file.read() == "as it was", f"{text!r}: the file of an earlier run is gone")


def streams(checks):
    done = subprocess.run([checks.headwater, "scd2", "replay", "-", "--out", "-"], input=GOOD.encode(), capture_output=True)
    expected = b'{"key":"a","columns":{"n":1},"effective_date":1,"end_date":null,"is_current":true}\n'
    checks.check(done.returncode == 0 and done.stdout == expected, f"standard output: {done.stdout!r} {done.stderr!r}")
    done = subprocess.run([checks.headwater, "scd2", "replay", "/nowhere/to/be", "--out", "-"], capture_output=True)
    checks.check(done.returncode == 1 and b"/nowhere/to/be" in done.stderr, f"a file that is not there: {done.stderr!r}")


def large(checks, seed, what, keys, moments, order):
    rng = random.Random(f"{seed}-{what}")
    changes = []
    for offset in range(100_000):
        op = "delete" if rng.random() < 0.05 else "upsert"
        change = {"key": f"key-{rng.randrange(keys):06}", "op": op, "valid_from": rng.randrange(moments), "offset": offset}
        if op == "upsert":
            change["columns"] = {"name": f"name {rng.randrange(3)}", "city": "Oslo", "price": rng.randrange(2)}
        changes.append(change)
    order(changes)
    text = "".join(json.dumps(change) + "\n" for change in changes)
    began = time.monotonic()
    found = checks.replay(text)
    took = time.monotonic() - began
    expected = versions(changes)
    checks.check(len(found) == len(expected) and all(map(same, found, expected)), f"{what}: {len(found)} versions, {len(expected)} expected")
    checks.check(took < LIMIT_SECONDS, f"{what}: {took:.1f} s for {len(changes):,} changes to {keys:,} keys")
    print(f"{what}: {len(changes):,} changes to {keys:,} keys, {len(found):,} versions in {took:.1f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--headwater", required=True)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--histories", type=int, default=200)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        checks = Checks(arguments.headwater, work)
        streams(checks)
        damaged(checks)
        histories(checks, arguments.seed, arguments.histories)
        large(checks, arguments.seed, "as they happened", 1_000, 10**6, lambda changes: changes.sort(key=lambda change: change["valid_from"]))
        large(checks, arguments.seed, "in any order", 1_000, 10**6, random.Random(arguments.seed).shuffle)
        large(checks, arguments.seed, "backwards", 1_000, 10**6, lambda changes: changes.sort(key=lambda change: -change["valid_from"]))
        large(checks, arguments.seed, "one key", 1, 10**6, random.Random(arguments.seed).shuffle)
    print(f"{checks.passed} passed, {checks.failed} failed")
    sys.exit(1 if checks.failed else 0)


if __name__ == "__main__":
    main()
