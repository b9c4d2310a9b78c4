#!/usr/bin/env python3
"""Looks at the pages of plain tables (analytics, fraud, dimensions) with a real browser and compares their numbers with the database.

    tables.py URL DATABASE [--prepare] [--server COMMAND] [--screenshots DIR] [--pages analytics,fraud] [--wait SECONDS]
    tables.py --headwater PATH [--pages analytics,fraud]

Shares no code with Headwater: standard library, SQLite, Chromium. The database may move while it is read: a thread notes the states that the
database has, and what a page shows must be, in all its parts, one state of the last two seconds.

    --prepare            first makes DATABASE, which must not exist, with rows in all tables; then writes to it and expects to see that in two seconds
    --server COMMAND     starts COMMAND, which must serve URL, and ends it
    --headwater PATH     runs the application of each page in a folder of its own, with generated input, and looks at it while it works

Exit code 0 if everything holds; the last line counts.
"""
import argparse
import collections
import datetime
import decimal
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
from page import Process, Report  # noqa: E402
from webdriver import Browser  # noqa: E402

FRESH = 2.0
LOOKS = 3

READ = """
const rows = (id) => [...document.querySelectorAll(`#${id} tbody tr`)].map((row) => [...row.cells].map((cell) => [cell.dataset.value, cell.textContent]));
const values = (...ids) => Object.fromEntries(ids.map((id) => [id, [document.getElementById(id).dataset.value, document.getElementById(id).textContent]]));
const points = (id) => [...document.querySelectorAll(`#${id} [data-window]`)].map((point) => [point.dataset.window, point.dataset.value]);
const bars = (...names) => [...document.querySelectorAll('#bars li')].map((bar) => names.map((name) => bar.dataset[name]));
const pages = [...document.querySelectorAll('#pages a')].map((link) => [link.pathname, link.getAttribute('aria-current')]);
const read = {
  analytics: () => ({figures: values('revenue', 'orders', 'average'), window: document.getElementById('snapshot').dataset.window,
    revenue: points('revenue-trend'), orders: points('orders-trend'), top: rows('top-products'), countries: bars('country', 'revenue', 'orders'), windows: rows('windows')}),
  fraud: () => ({figures: values('alert-count', 'worst', 'latest'), bars: bars('severity', 'alerts'), alerts: rows('alerts')}),
  dimensions: () => ({figures: values('product-count', 'customer-count', 'store-count'), products: rows('products'), customers: rows('customers'), stores: rows('stores')}),
};
return {...read[arguments[0]](), pages, state: document.body.dataset.state, filled: !document.getElementById('filled').hidden};
"""


def grouped(value):
    whole, point, rest = str(value).partition(".")
    return f"{int(whole):,}{point}{rest}"


def moment(text):
    return text[:19].replace("T", " ")


def analytics(database):
    """What the page must show, by the database."""
    rows = database.execute("select window_start, window_end, revenue, orders, average_order_value, top_products, countries from analytics_results order by 1 desc").fetchall()
    if not rows:
        return None
    full = rows[5] if len(rows) > 5 else rows[-1]
    minutes = [row for row in rows[:185] if row[0] <= full[0]][::-1]
    products = [[(str(place), str(place)), (one["name"], one["name"]), (one["product_id"], one["product_id"]), (one["revenue"], grouped(one["revenue"])),
                 (str(one["orders"]), grouped(one["orders"]))] for place, one in enumerate(json.loads(full[5]), 1)]
    countries = sorted(json.loads(full[6]).items(), key=lambda country: (-decimal.Decimal(country[1]["revenue"]), country[0]))
    return {
        "figures": {"revenue": (full[2], grouped(full[2])), "orders": (str(full[3]), grouped(full[3])), "average": (full[4], grouped(full[4]))},
        "window": full[0],
        "revenue": [(row[0], row[2]) for row in minutes],
        "orders": [(row[0], str(row[3])) for row in minutes],
        "top": products,
        "countries": [(country, sums["revenue"], str(sums["orders"])) for country, sums in countries],
        "windows": [[(row[0], moment(row[0])), (row[1], moment(row[1])), *((str(value), grouped(value)) for value in row[2:5])] for row in rows[:30]],
    }


SEVERITIES = ["critical", "high", "medium", "low"]


def fraud(database):
    rows = database.execute("""select event_time, severity, score, user_id, total_amount, country, city, hits, transaction_id from fraud_alerts
        order by 1 desc, transaction_id""").fetchall()
    if not rows:
        return None
    counts = {}
    for row in rows:
        counts[row[1]] = counts.get(row[1], 0) + 1
    bars = sorted(counts.items(), key=lambda count: SEVERITIES.index(count[0]))
    latest = rows[0]
    return {
        "figures": {"alert-count": (str(len(rows)), grouped(len(rows))), "worst": (str(bars[0][1]), grouped(bars[0][1])), "latest": (latest[8], moment(latest[0])[11:])},
        "bars": [(severity, str(count)) for severity, count in bars],
        "alerts": [[(at, moment(at)), (severity, severity), (score, score), (user, user), (amount, grouped(amount)), (country, f"{city}, {country}"),
                    (reasons(hits), reasons(hits)), (identity, identity[:8])]
                   for at, severity, score, user, amount, country, city, hits, identity in rows[:50]],
    }


def reasons(hits):
    return "; ".join(hit["reason"] for hit in json.loads(hits))


DIMENSIONS = {
    "products": ("product", "dim_product", ["product_id", "name", "category", "unit_price", "shelf_life_days"]),
    "customers": ("customer", "dim_customer", ["customer_id", "name", "city", "loyalty_tier"]),
    "stores": ("store", "dim_store", ["store_id", "name", "city", "region", "floor_area_sqm"]),
}


def dimensions(database):
    found = {"figures": {}}
    for name, (figure, table, columns) in DIMENSIONS.items():
        rows = database.execute(f"select {', '.join(columns)}, effective_date, end_date, is_current from {table} order by effective_date desc, {columns[0]}").fetchall()
        current = sum(row[-1] for row in rows)
        found["figures"][f"{figure}-count"] = (str(current), grouped(current))
        found[name] = [[*(cell(column, value) for column, value in zip(columns, row)), (row[-3], moment(row[-3])),
                        (row[-2] or "", "current" if row[-1] else moment(row[-2]))] for row in rows[:20]]
    return found


def cell(column, value):
    if value is None:
        return "", "–"
    return str(value), grouped(value) if column in ("unit_price", "floor_area_sqm") else str(value)


PAGES = {"analytics": analytics, "fraud": fraud, "dimensions": dimensions}


def as_lists(value):
    return json.loads(json.dumps(value))


class Witness(threading.Thread):
    """Notes every state of the database, as far as it sees them, that a page might show."""

    def __init__(self, path, page):
        super().__init__(daemon=True)
        self.path, self.page, self.states = path, page, collections.deque(maxlen=400)
        self.stopping = threading.Event()

    def run(self):
        while not self.stopping.wait(0.02):
            try:
                database = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)
                state = as_lists(PAGES[self.page](database))
                database.close()
            except sqlite3.OperationalError:
                continue
            if self.states and self.states[-1][0] == state:
                self.states.pop()
            self.states.append((state, time.monotonic()))

    def since(self, moment):
        """The states that the database had at or after a moment."""
        return [state for state, last_seen in list(self.states) if last_seen >= moment and state]


def settles(browser, witness, seconds):
    """None once all that the page shows is one state of the database in the last two seconds; otherwise what still differs when time is over."""
    deadline = time.monotonic() + seconds
    while True:
        began = time.monotonic()
        shown = browser.run(READ, witness.page)
        time.sleep(0.05)
        states = witness.since(began - FRESH)
        differences = [[name for name in state if shown[name] != state[name]] for state in states]
        if [] in differences:
            return None
        if time.monotonic() > deadline:
            least = min(differences, key=len, default=None)
            return "no state of the database is known" if least is None else f"{least[0]}: {shown[least[0]]} is not {states[-1][least[0]]}"[:1500]


def settles_on_the_last(browser, witness, seconds):
    """The same for a database that nobody else writes: what was written last must be there."""
    deadline = time.monotonic() + seconds
    while True:
        shown, last = browser.run(READ, witness.page), as_lists(PAGES[witness.page](sqlite3.connect(witness.path)))
        wrong = [name for name in last if shown[name] != last[name]]
        if not wrong or time.monotonic() > deadline:
            return f"{wrong[0]}: {shown[wrong[0]]} is not {last[wrong[0]]}"[:1500] if wrong else None
        time.sleep(0.05)


def check(browser, page, options, report):
    witness = Witness(options.database, page)
    witness.start()
    browser.open(f"{options.url}{page}")
    if not report.check(browser.wait("return !document.getElementById('filled').hidden", options.wait), f"{page}: there is something to see"):
        return
    for _ in range(LOOKS):
        wrong = settles(browser, witness, options.wait)
        report.check(wrong is None, f"{page}: every number is the table's", wrong or "")
        time.sleep(1)
    witness.stopping.set()
    shown = browser.run(READ, page)
    report.check(shown["filled"] and shown["state"] == "live", f"{page}: it is live")
    here = [path for path, current in shown["pages"] if current]
    report.check(here == [f"/{page}"] or len(shown["pages"]) < 2, f"{page}: the way to the other pages says where one is", str(shown["pages"]))
    if options.screenshots:
        browser.screenshot(os.path.join(options.screenshots, f"{page}.png"), whole=True)
    if options.prepare:
        database = sqlite3.connect(options.database)
        for what, sql in CHANGES[page]:
            database.execute(sql)
            database.commit()
            wrong = settles_on_the_last(browser, witness, FRESH)
            report.check(wrong is None, f"{page}: {what} is seen within {FRESH:.0f} s", wrong or "")
    said = [message["message"] for message in browser.messages()]
    report.check(not said, f"{page}: the console is silent", str(said)[:300])
    origins = browser.run("return [...new Set(performance.getEntriesByType('resource').map((entry) => new URL(entry.name).origin))]")
    report.check(origins == [options.url.rstrip("/")], f"{page}: no other server is asked", str(origins))


NEW_WINDOW = "'2025-11-29T23:00:00Z', '2025-11-29T23:01:00Z', '12.30', 2, '6.15', '[]', '{}'"
CHANGES = {
    "analytics": [
        ("a new window", f"insert into analytics_results values ({NEW_WINDOW})"),
        ("a change of the last full minute", """update analytics_results set revenue = '1234567.89', orders = 1234 where window_start =
            (select window_start from analytics_results order by 1 desc limit 1 offset 5)"""),
        ("the removal of a window", "delete from analytics_results where window_start = '2025-11-29T23:00:00Z'"),
    ],
    "fraud": [
        ("a new alert", """insert into fraud_alerts select 'ffffffff-0000-4000-8000-000000000001', user_id, '2026-01-01T00:00:00.500Z', '1000000.00', country, city, latitude,
            longitude, score, 'critical', hits, model from fraud_alerts limit 1"""),
        ("another severity", "update fraud_alerts set severity = 'low' where transaction_id = 'ffffffff-0000-4000-8000-000000000001'"),
    ],
    "dimensions": [
        ("the end of a version", "update dim_store set end_date = '2026-01-01T00:00:00.000Z', is_current = 0 where is_current = 1"),
        ("a new version", "insert into dim_product values ('P-9', '2026-02-01T00:00:00.000Z', null, 1, 'Newest', 'Home', '1234.50', null)"),
    ],
}

SCHEMA = """
create table analytics_results (window_start text primary key, window_end text, revenue text, orders integer, average_order_value text, top_products text, countries text);
create table fraud_alerts (transaction_id text primary key, user_id text, event_time text, total_amount text, country text, city text, latitude real, longitude real,
    score text, severity text, hits text, model text);
create table dim_product (product_id text, effective_date text, end_date text, is_current integer, name text, category text, unit_price text, shelf_life_days integer);
create table dim_customer (customer_id text, effective_date text, end_date text, is_current integer, name text, city text, loyalty_tier text);
create table dim_store (store_id text, effective_date text, end_date text, is_current integer, name text, city text, region text, floor_area_sqm integer);
"""


def text_of(at, milliseconds=False):
    return at.strftime("%Y-%m-%dT%H:%M:%S") + (f".{at.microsecond // 1000:03}Z" if milliseconds else "Z")


def prepare(path):
    database = sqlite3.connect(path)
    database.execute("pragma journal_mode = wal")
    database.executescript(SCHEMA)
    chance, start = random.Random(7), datetime.datetime(2025, 11, 29, 18, 30)
    for number in range(400):
        at, part = start + datetime.timedelta(seconds=10 * number), 1 if number < 395 else (400 - number) / 6
        orders = int(part * chance.randint(550, 700))
        products = sorted(((int(part * chance.randint(50_000, 90_000)), f"P-{n:03}") for n in range(10)), reverse=True)
        shares = [chance.random() for _ in range(8)]
        cents = [int(share * part * 900_000) for share in shares]
        countries = {code: {"revenue": money(one), "orders": max(1, orders // 8)} for code, one in zip(["AU", "BR", "DE", "FR", "IN", "JP", "KE", "US"], cents)}
        top = [{"product_id": product, "name": f"Desk Lamp No. {product[2:]}", "revenue": money(one), "orders": one // 4_000} for one, product in products]
        row = (text_of(at), text_of(at + datetime.timedelta(minutes=1)), money(sum(cents)), orders, money(sum(cents) // max(1, orders)), json.dumps(top), json.dumps(countries))
        database.execute("insert into analytics_results values (?, ?, ?, ?, ?, ?, ?)", row)
    for number in range(120):
        hits = [{"detector": "amount", "score": 0.8, "reason": f"{chance.randint(5, 40)} times the usual amount"}, {"detector": "travel", "score": 0.9, "reason": "São Paulo 20 min after Berlin"}]
        row = (f"{number:08x}-0000-4000-8000-000000000000", f"user_{chance.randrange(9999):06}", text_of(start + datetime.timedelta(milliseconds=61_250 * number), True),
               money(chance.randint(100, 900_000)), "BR", "São Paulo", -23.5, -46.6, f"0.{chance.randint(500, 999)}", chance.choice(["medium", "medium", "high", "critical"]),
               json.dumps(hits[: chance.randint(1, 2)]), "rules-1")
        database.execute(f"insert into fraud_alerts values ({', '.join('?' * 12)})", row)
    for number in range(40):
        times = [text_of(start + datetime.timedelta(days=day, hours=number), True) for day in (-30, -10)]
        for effective, end, is_current in ((times[0], times[1], 0), (times[1], None, 1)):
            database.execute("insert into dim_product values (?, ?, ?, ?, ?, ?, ?, ?)", (f"P-{number:03}", effective, end, is_current, f"Lamp {number}", "Home", money(number * 1_999), 30 if number % 2 else None))
            database.execute("insert into dim_customer values (?, ?, ?, ?, ?, ?, ?)", (f"C-{number:03}", effective, end, is_current, f"Ada {number}", "Pune", "gold" if is_current else "silver"))
            database.execute("insert into dim_store values (?, ?, ?, ?, ?, ?, ?, ?)", (f"S-{number:03}", effective, end, is_current, f"Store {number}", "Nairobi", "East", 1_200 + number))
    database.commit()
    database.close()


def money(cents):
    return f"{cents // 100}.{cents % 100:02}"


class Application:
    """`headwater run` with its own input; its page and its database."""

    def __init__(self, headwater, name, folder):
        data = os.path.join(folder, name)
        command = [os.path.abspath(headwater), "run", name, "--generate", "--count", "0", "--rate", "500", "--step", "100ms", "--late", "0.01", "--data", data, "--listen", "127.0.0.1:0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        guard = threading.Timer(60, self.process.kill)
        guard.start()
        self.url = next((found[0] for line in self.process.stdout for found in [re.findall(r"http://[0-9.:]+/", line)] if found), None)
        guard.cancel()
        # The rest of what it says must not fill the pipe.
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        self.database = os.path.join(data, "headwater.sqlite")

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)


def look_at_applications(browser, options, report):
    with tempfile.TemporaryDirectory() as folder:
        for page in options.pages.split(","):
            application = Application(options.headwater, page, folder)
            try:
                if report.check(application.url is not None, f"{page}: the application says where its page is"):
                    options.url, options.database = application.url, application.database
                    check(browser, page, options, report)
            finally:
                code = application.end()
            report.check(code == 0, f"{page}: it ends in good order", str(code))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", nargs="?")
    parser.add_argument("database", nargs="?")
    parser.add_argument("--headwater")
    parser.add_argument("--prepare", action="store_true")
    parser.add_argument("--server")
    parser.add_argument("--screenshots")
    parser.add_argument("--pages", default=",".join(PAGES))
    parser.add_argument("--wait", type=float, default=30)
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--dark", action="store_true")
    options = parser.parse_args()
    report = Report()
    if options.prepare:
        prepare(options.database)
    server = Process(options.server, options.url) if options.server else None
    try:
        if server:
            server.start()
        with Browser() as browser:
            browser.emulate(options.width, 900, 2, options.dark)
            if options.headwater:
                look_at_applications(browser, options, report)
            else:
                for page in options.pages.split(","):
                    check(browser, page, options, report)
    finally:
        if server:
            server.kill()
    print(f"{report.passed} passed, {report.failed} failed")
    return 1 if report.failed or not report.passed else 0


if __name__ == "__main__":
    sys.exit(main())
