#!/usr/bin/env python3
"""Everything that can be wrong with input at once: malformed and late records, rows that the database refuses, kills in between.

    python3 tests/checker/bad_input.py --headwater target/release/headwater

Triggers on table `category_sales` refuse rows: one stands there before the application first runs, two come while it works. They are
of the three kinds that leave a transaction differently (ABORT, ROLLBACK, IGNORE). The application is killed (SIGKILL) a few times, must go
on by itself, and is then checked by `check.py`: every bad record and every refused row is a dead letter with a fitting reason and the
bytes as they were read, once per identity in topic and table. A second run holds nothing but malformed and late records.
"""
import argparse
import collections
import json
import os
import random
import signal
import sqlite3
import sys
import tempfile
import time

import check
import kill

KINDS = ["broken JSON", "not UTF-8", "missing field", "negative event time", "far future", "out of range", "more than two decimals", "unknown category"]
TABLE = """create table category_sales (window_start text not null, window_end text not null, category text not null, total_sales text not null,
    transaction_count integer not null, primary key (window_start, category)) without rowid"""
TRIGGER = "create trigger {name} before insert on category_sales when {condition} begin select {raises}; end"


class Refusal:
    """A trigger: what it says, and for which rows, in SQL and in Python."""

    def __init__(self, name, raises, words, condition, holds):
        self.sql = TRIGGER.format(name=name, condition=condition, raises=raises)
        self.words, self.holds = words, holds
        self.since = None

    def put_on(self, database):
        """From which offset of the output topic it holds: the sink's progress is in the same file, so one transaction tells."""
        database.execute("begin immediate")
        database.execute(self.sql)
        known = database.execute("select count(*) from sqlite_master where name = 'headwater_sink_progress'").fetchone()[0]
        sql = "select next_offset from headwater_sink_progress where sink = 'category-sales'"
        self.since = (database.execute(sql).fetchone()[0] if known else 0) or 0
        database.execute("commit")


BEFORE = Refusal("no_fives", "raise(abort, 'no fives in sports')", "no fives in sports",
                 "new.category = 'Sports' and new.transaction_count % 5 = 0",
                 lambda row: row["category"] == "Sports" and row["transaction_count"] % 5 == 0)
WHILE = [
    Refusal("no_sevens", "raise(rollback, 'no sevens at home')", "no sevens at home",
            "new.category = 'Home' and new.total_sales like '%7'",
            lambda row: row["category"] == "Home" and row["total_sales"].endswith("7")),
    Refusal("no_threes", "raise(ignore)", "RAISE(IGNORE)",
            "new.category = 'Beauty' and new.total_sales like '%3'",
            lambda row: row["category"] == "Beauty" and row["total_sales"].endswith("3")),
]


def refuses(row, offset):
    found = [refusal.words for refusal in [BEFORE, *WHILE] if refusal.since is not None and offset >= refusal.since and refusal.holds(row)]
    return found[0] if found else None


def connect(arguments):
    return sqlite3.connect(f"{arguments.data}/headwater.sqlite", timeout=30, isolation_level=None)


def has_settled(arguments):
    """Every record is a result or a letter, and both sinks have read their topics to the end."""
    updates, letters = check.tail(arguments, arguments.output), check.tail(arguments, f"{arguments.application_id}-dlq")
    last = {line["key"]: json.loads(line["value"])["transaction_count"] for line in updates}
    of_input = sum(1 for line in letters if ["headwater.topic", arguments.output] not in line["headers"])
    if sum(last.values()) + of_input < arguments.records:
        return False
    database = connect(arguments)
    progress = dict(database.execute("select topic, next_offset from headwater_sink_progress"))
    unpublished = database.execute("select count(*) from dead_letters where published = 0").fetchone()[0]
    ends = {arguments.output: updates, f"{arguments.application_id}-dlq": letters}
    return not unpublished and all((progress.get(topic) or 0) > lines[-1]["offset"] for topic, lines in ends.items() if lines)


def finish(arguments, life, report):
    """Waits until all is done and ends the application."""
    life.wait("commit", lambda: life.counter("headwater_commits_total") > 0, kill.COMMIT_DEADLINE)
    deadline = time.monotonic() + kill.FINISH_DEADLINE
    while not has_settled(arguments):
        if life.process.poll() is not None or time.monotonic() > deadline:
            life.process.kill()
            sys.exit(f"it does not come to an end; {life.log} ends with:\n" + "\n".join(life.text().splitlines()[-20:]))
        time.sleep(0.2)
    life.process.send_signal(signal.SIGTERM)
    report.expect("the application goes on to the end and stops in good order", [code for code in [life.process.wait(kill.STOP_DEADLINE)] if code])


def kinds(arguments, report, wanted):
    """No kind of bad input is left out, or the run would prove little."""
    database = connect(arguments)
    reasons = [reason for reason, in database.execute("select reason from dead_letters")]
    counts = collections.Counter(kind for kind in KINDS + ["late"] for reason in reasons if kind in reason)
    print("       " + ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())))
    report.expect("every kind of bad input was there", [kind for kind in wanted if not counts[kind]])
    odd = "select count(*) from dead_letters where typeof(value) <> 'blob' or reason = '' or seen_at = ''"
    report.expect("every letter has a value, a reason and a time", [count for count, in database.execute(odd) if count])


def with_kills_and_triggers(arguments, report):
    # The input grows while it is read: triggers and kills meet an application at work, however fast it is.
    arguments.late, arguments.bad, arguments.rate = 0.03, 0.05, 30_000
    chance = random.Random(arguments.seed)
    database = connect(arguments)
    database.execute("pragma journal_mode = wal")
    database.execute(TABLE)
    BEFORE.put_on(database)
    for number in range(arguments.kills):
        life = kill.Life(arguments, number)
        life.wait("commit", lambda: life.counter("headwater_commits_total") > 0, kill.COMMIT_DEADLINE)
        if number < len(WHILE):
            WHILE[number].put_on(database)
        time.sleep(chance.uniform(0, 0.4))
        life.kill()
    for refusal in WHILE[arguments.kills:]:
        refusal.put_on(database)
    finish(arguments, kill.Life(arguments, arguments.kills), report)
    print("       refused since offsets", [refusal.since for refusal in [BEFORE, *WHILE]])
    check.check(arguments, report, refuses)
    words = [refusal.words for refusal in [BEFORE, *WHILE]]
    found = {word for reason, in database.execute("select reason from dead_letters") for word in words if word in reason}
    report.expect("each trigger has refused rows", set(words) - found)
    kinds(arguments, report, KINDS + ["late"])


def nothing_good(arguments, report):
    arguments.late, arguments.bad, arguments.records, arguments.rate = 0.5, 0.5, 20_000, 0
    kill.generate(arguments)
    finish(arguments, kill.Life(arguments, 0), report)
    check.check(arguments, report)
    # What is read in one go, before the tasks have told each other their time, is not late.
    kinds(arguments, report, KINDS)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--headwater", default="target/release/headwater", help="the command")
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    arguments.step, arguments.partitions, arguments.guarantee = "10ms", 1, "exactly-once"
    arguments.application_id, arguments.input, arguments.output = "category-sales", "transactions", "category-sales"
    report = check.Report()
    with tempfile.TemporaryDirectory(prefix="headwater-bad-input-") as root:
        for part in [with_kills_and_triggers, nothing_good]:
            arguments.data = os.path.join(root, part.__name__)
            os.mkdir(arguments.data)
            print(f"{part.__name__.replace('_', ' ')}, seed {arguments.seed}", flush=True)
            part(arguments, report)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
