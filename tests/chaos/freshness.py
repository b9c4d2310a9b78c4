#!/usr/bin/env python3
"""How far the table in PostgreSQL and the page are behind what was sent, while thousands of records come in every second.

    python3 tests/chaos/freshness.py --headwater target/release/headwater --rate 4000 --seconds 20

The producer stamps each record with the wall clock when it sends it. There is one partition, and nothing is late or malformed: so a row
that counts n transactions shows the first n of its window and category, and is as far behind as the next of them is old. The table is read
several times a second, the page all along by a browser; the page may also be no more than two seconds behind what the table held.
"""
import bisect
import collections
import os
import subprocess
import sys
import threading
import time

import model
from category_sales import CategorySalesChaos, options
from chaos import parser_of, play
from dashboard import Dashboard
from instances import Ended
from readers import read_topic

import check  # where model finds it

BEHIND = 2.0
READ_EVERY = 0.1
WARM_UP = 60
# Less than this of the rate was no load.
ENOUGH = 0.8
ROWS = """select 'at' || extract(epoch from statement_timestamp()) || E'\\n' || coalesce(string_agg(to_char(window_start at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') || '|' || category
    || '|' || transaction_count, E'\\n'), '') from category_sales where window_start >= (select max(window_start) from category_sales) - interval '10 minutes'"""


class TableWatch(threading.Thread):
    """Readings of the latest rows: (when, (window, category) -> count), by a session that stays."""

    def __init__(self, servers):
        super().__init__(daemon=True)
        self.readings = []
        command = ["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1", "--dbname", servers.postgres]
        self.session = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PGTZ": "UTC"})
        self.session.stdin.write(f"{ROWS} \\watch {READ_EVERY}\n")
        self.session.stdin.flush()

    def run(self):
        for line in self.session.stdout:
            line = line.strip()
            if line.startswith("at"):
                self.readings.append((float(line[2:]), {}))
            elif line:
                window, category, count = line.split("|")
                self.readings[-1][1][(window, category)] = int(count)

    def stop(self):
        self.session.kill()
        self.session.wait()
        self.join()
        # The last one may be torn.
        return self.readings[:-1]


class Sent:
    """What was sent: when each transaction of a window and category was, in order; milliseconds since the epoch."""

    def __init__(self, records):
        self.times, wrong = collections.defaultdict(list), []
        for record in records:
            reason, found = check.judge(record.value, record.timestamp)
            if reason:
                wrong.append(reason)
                continue
            window = model.iso(model.milliseconds(found["timestamp"]) // model.MINUTE * model.MINUTE)
            self.times[(window, found["product_category"])].append(record.timestamp)
        self.wrong = wrong

    def behind(self, at, rows):
        """The age of the oldest transaction that these rows do not show yet, in seconds; of windows from their first on."""
        oldest = min(window for window, _ in rows)
        missing = [self.times[key][rows.get(key, 0)] for key in self.times if key[0] >= oldest and rows.get(key, 0) < len(self.times[key])]
        return max(0.0, at - min(missing, default=at * 1000) / 1000)


def table_behind(page, tables):
    """How long before the page was read the table last held less than it shows, in seconds; 0 where it shows all that was there."""
    at, rows = page
    oldest = min(window for window, _ in rows)
    for when, held in reversed(tables[: bisect.bisect_right(tables, at, key=lambda reading: reading[0])]):
        if all(rows.get(key, 0) >= count for key, count in held.items() if key[0] >= oldest):
            newer = [later for later, _ in tables if when < later <= at]
            return at - newer[0] if newer else 0.0
    # What was there before the first reading is as old as that at least.
    return max(0.0, at - tables[0][0])


class Freshness(CategorySalesChaos):
    partitions = 1
    dashboard = None

    def pages(self, seconds):
        """Readings of the page for so long."""
        found, until = [], time.monotonic() + seconds
        while time.monotonic() < until:
            page = self.dashboard.read()
            rows = {(window, category): int(count) for window, _, category, _, count in page["rows"]}
            found.append((page["now"], rows, page["state"]))
            # Reading costs the page time that it could show something in.
            time.sleep(READ_EVERY / 2)
        return found

    def end(self):
        if self.dashboard:
            self.dashboard.close()
        super().end()


def figures(name, values):
    values = sorted(values)
    at = lambda share: values[min(len(values) - 1, int(share * len(values)))]  # noqa: E731
    print(f"       {name}: {len(values)} readings, median {at(0.5) * 1000:.0f} ms, 99 of 100 below {at(0.99) * 1000:.0f} ms, at most {values[-1] * 1000:.0f} ms", flush=True)
    return [value for value in values if value > BEHIND]


def act(run):
    arguments, slot = run.arguments, run.slots[0]
    run.feed.rate(arguments.rate)
    slot.start()
    slot.life.wait("commit", slot.life.has_committed)
    slot.life.wait("results", lambda: run.seen() > 0 and slot.life.page, WARM_UP)
    run.dashboard = Dashboard(slot.life.page)
    if not run.dashboard.browser.wait("return document.querySelectorAll('#sales tbody tr').length > 6", WARM_UP):
        raise Ended("the page shows nothing")
    watch = TableWatch(run.servers)
    watch.start()
    before, began = run.work()[0], time.monotonic()
    pages = run.pages(arguments.seconds)
    rate = (run.work()[0] - before) / (time.monotonic() - began)
    tables = [reading for reading in watch.stop() if reading[1]]
    run.feed.rate(0)
    sent = Sent(read_topic(run.servers.brokers, run.input, 1, "read_uncommitted"))
    print(f"       {rate:.0f} records a second came in")
    run.report.expect("that was the load", [] if rate > ENOUGH * arguments.rate else [rate])
    run.report.expect("every record counts", sent.wrong)
    run.report.expect("table and page were read all along", [] if min(len(tables), len(pages)) > 2 * arguments.seconds else [(len(tables), len(pages))])
    run.report.expect("the page was live all along", [page for page in pages if page[2] != "live"])
    run.report.expect(f"a row is in the table within {BEHIND} s of its records", figures("table behind what was sent", [sent.behind(at, rows) for at, rows in tables]))
    figures("page behind what was sent", [sent.behind(at, rows) for at, rows, _ in pages])
    run.report.expect(f"the page is at most {BEHIND} s behind the table", figures("page behind the table", [table_behind(page[:2], tables) for page in pages]))
    codes = [slot.life.terminate()]
    run.report.expect("the application stops in good order", [code for code in codes if code])
    run.report.expect("the producer has no complaint", run.feed.complaints())


def main():
    parser = options(parser_of(__doc__))
    parser.set_defaults(records=100_000_000, rate=4_000, late=0, bad=0)
    parser.add_argument("--seconds", type=float, default=20)
    arguments = parser.parse_args()
    arguments.instances = 1
    return play(Freshness, arguments, check.Report(), act)


if __name__ == "__main__":
    sys.exit(main())
