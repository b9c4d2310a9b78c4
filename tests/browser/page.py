#!/usr/bin/env python3
"""Looks at the category-sales page with a real browser and compares every number on it with the database.

    page.py URL DATABASE [--points N] [--screenshot FILE] [--width N --height N] [--dark] [--whole]

Shares no code with Headwater: standard library, SQLite, Chromium. The database may move while it is read: a thread notes every
state that the database has, and what the page shows must be, in all its parts, one state of the last two seconds.

    --prepare            first makes DATABASE, which must not exist, with two hours of sales
    --insert             writes to DATABASE (never one that an app writes) and expects to see it within two seconds
    --server COMMAND     starts COMMAND, which must serve URL; kills it in between and expects the page to come back

Exit code 0 if everything holds; the last line counts.
"""

import argparse
import datetime
import decimal
import random
import shlex
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request

sys.dont_write_bytecode = True
from webdriver import Browser  # noqa: E402

FRESH = 2.0
READINGS = 6
TRIES = 8
TREND = 100
TABLE_WINDOWS = 10

READ = """
const text = (id) => document.getElementById(id).textContent;
const data = (id) => document.getElementById(id).dataset;
const all = (selector) => [...document.querySelectorAll(selector)];
const value = (id) => [data(id).value, text(id)];
return {
  state: document.body.dataset.state, snapshot: {...data('snapshot')},
  total: value('total-sales'), count: value('transaction-count'), latest: value('latest-window'),
  bars: all('#bars [data-category]').map((bar) => [bar.dataset.category, bar.dataset.total, bar.dataset.count, bar.innerText,
    bar.querySelector('.bar').getBoundingClientRect().width / bar.querySelector('.track').getBoundingClientRect().width]),
  points: Number(data('trend').points),
  trend: all('#trend [data-window]').map((point) => [point.dataset.window, point.dataset.total, point.dataset.count,
    Number(point.getAttribute('cx')), Number(point.getAttribute('cy'))]),
  rows: all('#sales tbody tr').map((row) => [...row.cells].map((cell) => [cell.dataset.value, cell.textContent])),
  now: Date.now(),
};
"""


class Report:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, holds, what, why=""):
        if holds:
            self.passed += 1
            print(f"ok      {what}")
        else:
            self.failed += 1
            print(f"FAILED  {what}{': ' if why else ''}{why}")
        sys.stdout.flush()
        return holds


# ---------------------------------------------------------------- the database

def rows_of(connection):
    """All rows as (window_start, window_end, category, total, count), in order of time and category."""
    query = "SELECT window_start, window_end, category, total_sales, transaction_count FROM category_sales ORDER BY 1, 3"
    try:
        return connection.execute(query).fetchall()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return []
        raise


class Witness(threading.Thread):
    """Notes the states that the database has, and until when each was seen."""

    KEEP = 15.0

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.lock, self.states = path, threading.Lock(), []
        self.stopped, self.error = threading.Event(), None

    def run(self):
        try:
            connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=5)
            version = None
            while not self.stopped.is_set():
                found = connection.execute("PRAGMA data_version").fetchone()[0]
                if found != version:
                    version, rows = found, rows_of(connection)
                    self.note(rows)
                else:
                    self.note(None)
                time.sleep(0.008)
        except sqlite3.Error as error:
            self.error = error

    def note(self, rows):
        now = time.time()
        with self.lock:
            if rows is not None:
                self.states.append([rows, now, now])
                self.states = [state for state in self.states if state[2] > now - self.KEEP]
            self.states[-1][2] = now

    def since(self, moment):
        """States that were there at this moment or later, latest first."""
        with self.lock:
            return [state[0] for state in reversed(self.states) if state[2] >= moment]

    def wait(self):
        while not self.states and self.error is None:
            time.sleep(0.01)
        if self.error is not None:
            raise self.error


def money(amount):
    return f"{amount:.2f}"


def expected(rows):
    """What the page must show for these rows."""
    decimal.getcontext().prec = 60
    windows = {}
    for start, end, category, total, count in rows:
        windows.setdefault(start, []).append((start, end, category, decimal.Decimal(total), count))
    starts = sorted(windows)
    sums = [(start, money(sum(row[3] for row in windows[start])), str(sum(row[4] for row in windows[start]))) for start in starts[-TREND:]]
    table = [row for start in reversed(starts[-TABLE_WINDOWS:]) for row in windows[start]]
    return {
        "total": money(sum((decimal.Decimal(row[3]) for row in rows), decimal.Decimal())),
        "count": str(sum(row[4] for row in rows)),
        "latest": starts[-1],
        "bars": [(row[2], money(row[3]), str(row[4])) for row in windows[starts[-1]]],
        "largest": max(row[3] for start in starts[-TREND:] for row in windows[start]),
        "trend": sums,
        "rows": [[row[0], row[1], row[2], money(row[3]), str(row[4])] for row in table],
    }


# ---------------------------------------------------------------- the page

def plain(text):
    return text.replace(",", "")


def differences(page, rows):
    """Where the page shows something else than these rows, in words."""
    if not rows:
        return ["the database is empty"]
    want, found = expected(rows), []

    def compare(what, shown, wanted):
        if shown != wanted:
            found.append(f"{what}: page {shown!r}, database {wanted!r}")

    compare("total sales", page["total"][0], want["total"])
    compare("total sales, text", plain(page["total"][1]), want["total"])
    compare("transactions", page["count"][0], want["count"])
    compare("transactions, text", plain(page["count"][1]), want["count"])
    compare("latest window", page["latest"][0], want["latest"])
    compare("latest window, text", page["latest"][1][:5], want["latest"][11:16])
    compare("bars", [tuple(bar[:3]) for bar in page["bars"]], want["bars"])
    for category, total, count, text, _ in page["bars"]:
        shown = plain(text).split("\n")
        compare(f"bar {category}, text", shown[:3], [category, total, f"{count} tx"])
    compare("trend", [tuple(point[:3]) for point in page["trend"]], want["trend"])
    compare("trend, data-points", page["points"], len(want["trend"]))
    compare("table", [[cell[0] for cell in row] for row in page["rows"]], want["rows"])
    texts = [[cell[1] for cell in row] for row in page["rows"]]
    wanted = [[row[0][:16].replace("T", " "), row[1][:16].replace("T", " "), row[2], row[3], row[4]] for row in want["rows"]]
    compare("table, texts", [[*row[:3], plain(row[3]), plain(row[4])] for row in texts], wanted)
    return found


def geometry(page, rows):
    """Where a line or a bar is drawn elsewhere than its number says."""
    want, found = expected(rows), []
    points = page["trend"]
    if any(one[3] >= two[3] for one, two in zip(points, points[1:])):
        found.append("the points of the trend do not go from left to right")
    by_total = sorted(points, key=lambda point: decimal.Decimal(point[1]))
    if any(one[4] < two[4] - 0.1 for one, two in zip(by_total, by_total[1:])):
        found.append("a larger total is drawn lower")
    for category, total, _, _, share in page["bars"]:
        wanted = float(decimal.Decimal(total) / want["largest"]) if want["largest"] else 0
        if abs(share - wanted) > 0.02:
            found.append(f"bar {category} is {share:.3f} of the scale, not {wanted:.3f}")
    return found


def read_page(browser, witness):
    """A reading of the page, the rows that it shows (None where it shows none of the last two seconds) and what differs."""
    started = time.time()
    page = browser.run(READ)
    # The state that the page shows may be one that the witness is just reading.
    for _ in range(3):
        states = witness.since(started - FRESH)
        for rows in states:
            if not differences(page, rows):
                return page, rows, []
        time.sleep(0.05)
    return page, None, differences(page, states[0])


def compare_while_it_moves(browser, witness, report, points):
    shown, different, last = 0, [], None
    for _ in range(READINGS * TRIES):
        page, rows, found = read_page(browser, witness)
        if rows is None:
            different = found
            if len(witness.since(time.time() - FRESH)) == 1:
                break  # The database has not moved: nothing to wait for.
            continue
        shown, last = shown + 1, (page, rows)
        if shown == READINGS:
            break
        time.sleep(0.35)
    report.check(shown == READINGS, f"every number is the database's, {shown} of {READINGS} readings", "; ".join(different)[:2000])
    if last is None:
        return
    page, rows = last
    age = page["now"] / 1000 - datetime.datetime.fromisoformat(page["snapshot"]["asOf"].replace("Z", "+00:00")).timestamp()
    report.check(-0.1 <= age <= FRESH, f"the snapshot says when it holds, {age:.2f} s ago")
    report.check(page["state"] == "live", "the page says that it is live", page["state"])
    report.check(page["points"] >= points, f"the trend has {page['points']} points, {points} wanted")


def drawn_as_counted(browser, witness, report):
    """Bars move for a fifth of a second, so that a reading may catch them on the way."""
    found = ["no reading showed the database"]
    for _ in range(40):
        page, rows, _ = read_page(browser, witness)
        if rows is not None:
            found = geometry(page, rows)
            if not found:
                break
        time.sleep(0.15)
    report.check(not found, "bars and points are drawn where their numbers say", "; ".join(found))


def answers_the_keyboard(browser, report):
    """With the arrow keys one reads the points as with the pointer."""
    tip = browser.run("""
        const trend = document.getElementById('trend');
        const press = (key) => trend.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true}));
        trend.focus({preventScroll: true});
        press('Home');
        const first = trend.querySelector('[data-window]');
        const shown = [document.getElementById('tip').innerText, first.dataset.total, document.activeElement === trend];
        press('Escape');
        shown.push(document.getElementById('tip').hidden);
        trend.blur();
        return shown;
    """)
    holds = plain(tip[0]).startswith(tip[1]) and tip[2] and tip[3]
    report.check(holds, "the trend answers the keyboard", str(tip))


def from_one_origin(browser, report, url):
    names = browser.run("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    elsewhere = [name for name in names if not name.startswith(url.rstrip("/") + "/")]
    report.check(names and not elsewhere, f"{len(names)} files, all from this server", str(elsewhere))
    severe = [entry["message"] for entry in browser.messages() if entry["level"] == "SEVERE"]
    report.check(not severe, "the console has no errors", "; ".join(severe))


# ---------------------------------------------------------------- what is done to it

def seen_within(browser, script, seconds):
    start = time.monotonic()
    return time.monotonic() - start if browser.wait(script, seconds) else None


def insert(browser, database, report):
    writer = sqlite3.connect(database, timeout=5, isolation_level=None)
    latest = writer.execute("SELECT max(window_start) FROM category_sales").fetchone()[0]
    start = datetime.datetime.fromisoformat(latest.replace("Z", "+00:00")) + datetime.timedelta(minutes=1)
    end = start + datetime.timedelta(minutes=1)
    start, end = (moment.strftime("%Y-%m-%dT%H:%M:%SZ") for moment in (start, end))
    old = writer.execute("SELECT min(window_start) FROM category_sales").fetchone()[0]
    total = "document.getElementById('total-sales').dataset.value"
    before = browser.run(f"return {total}")
    steps = [
        ("a new row", f"INSERT INTO category_sales VALUES ('{start}', '{end}', 'Home', '123.45', 3)",
         f"return document.getElementById('latest-window').dataset.value === '{start}'"),
        ("a change of it", f"UPDATE category_sales SET total_sales = '200.05' WHERE window_start = '{start}'",
         "return document.querySelector('#bars [data-category=Home]').dataset.total === '200.05'"),
        ("its removal", f"DELETE FROM category_sales WHERE window_start = '{start}'", f"return {total} === '{before}'"),
        ("a change of the oldest window", f"UPDATE category_sales SET transaction_count = transaction_count + 1 WHERE window_start = '{old}'",
         f"return document.getElementById('transaction-count').dataset.value !== '{browser.run(READ)['count'][0]}'"),
    ]
    for what, sql, script in steps:
        writer.execute(sql)
        seconds = seen_within(browser, script, 5)
        report.check(seconds is not None and seconds <= FRESH, f"{what} shows" + (f" after {seconds:.2f} s" if seconds is not None else ""), "not within two seconds")
    writer.close()


def restart(browser, server, url, report):
    before = browser.run(READ)
    server.kill()
    lost = browser.wait("return document.body.dataset.state !== 'live'", 6)
    report.check(lost, "a page without its server says so")
    kept = browser.run(READ)
    report.check(kept["total"] == before["total"], "and keeps what it showed")
    server.start()
    back = seen_within(browser, "return document.body.dataset.state === 'live'", 10)
    report.check(back is not None, "it comes back by itself" + (f", {back:.1f} s after the server" if back is not None else ""))
    browser.messages()


class Process:
    """A server that this script owns."""

    def __init__(self, command, url):
        self.command, self.url, self.child = shlex.split(command), url, None

    def start(self):
        self.child = subprocess.Popen(self.command, stdout=subprocess.DEVNULL)
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        for _ in range(200):
            try:
                return direct.open(self.url, timeout=5).close()
            except OSError:
                time.sleep(0.05)
        raise SystemExit(f"{self.url} does not answer")

    def kill(self):
        if self.child is not None:
            self.child.kill()
            self.child.wait()


def prepare(path):
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = wal")
    connection.execute("""CREATE TABLE category_sales (window_start TEXT NOT NULL, window_end TEXT NOT NULL, category TEXT NOT NULL,
        total_sales TEXT NOT NULL, transaction_count INTEGER NOT NULL, PRIMARY KEY (window_start, category)) WITHOUT ROWID""")
    chance, start = random.Random(7), datetime.datetime(2025, 11, 29, 18, 30)
    weights = {"Beauty": 6, "Electronics": 14, "Fashion": 11, "Grocery": 17, "Home": 8, "Sports": 7}
    for minute in range(120):
        window = start + datetime.timedelta(minutes=minute)
        times = [(window + datetime.timedelta(minutes=more)).strftime("%Y-%m-%dT%H:%M:%SZ") for more in (0, 1)]
        part = 0.4 if minute == 119 else 1
        for category, weight in weights.items():
            count = max(1, int(part * weight * chance.uniform(0.6, 1.5)))
            cents = sum(chance.randint(1000, 99999) for _ in range(count))
            connection.execute("INSERT INTO category_sales VALUES (?, ?, ?, ?, ?)", (*times, category, f"{cents // 100}.{cents % 100:02}", count))
    connection.commit()
    connection.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("database")
    parser.add_argument("--points", type=int, default=1)
    parser.add_argument("--wait", type=float, default=30, help="how long the page may take until it shows so many points")
    parser.add_argument("--screenshot")
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=900)
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--whole", action="store_true", help="the screenshot shows the whole page, not only the window")
    parser.add_argument("--prepare", action="store_true")
    parser.add_argument("--insert", action="store_true")
    parser.add_argument("--server")
    options = parser.parse_args()

    report = Report()
    if options.prepare:
        prepare(options.database)
    server = Process(options.server, options.url) if options.server else None
    try:
        if server:
            server.start()
        look(options, server, report)
    finally:
        if server:
            server.kill()
    print(f"{report.passed} passed, {report.failed} failed")
    return 1 if report.failed else 0


def look(options, server, report):
    with Browser() as browser:
        browser.emulate(options.width, options.height, 2, options.dark)
        browser.open(options.url)
        enough = f"return Number(document.getElementById('trend').dataset.points) >= {options.points}"
        seconds = seen_within(browser, enough, options.wait)
        if not report.check(seconds is not None, f"the page shows {options.points} points", browser.run("return document.body.innerText")[:300]):
            return
        witness = Witness(options.database)
        witness.start()
        witness.wait()
        compare_while_it_moves(browser, witness, report, options.points)
        drawn_as_counted(browser, witness, report)
        answers_the_keyboard(browser, report)
        from_one_origin(browser, report, options.url)
        if options.screenshot:
            browser.screenshot(options.screenshot, options.whole)
        if options.insert:
            insert(browser, options.database, report)
        if server:
            restart(browser, server, options.url, report)
        if options.insert or server:
            compare_while_it_moves(browser, witness, report, options.points)
        witness.stopped.set()


if __name__ == "__main__":
    sys.exit(main())
