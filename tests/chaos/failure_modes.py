#!/usr/bin/env python3
"""The failure modes of the transactions system, one by one: producer, broker, processor, database, dashboard.

    python3 tests/chaos/failure_modes.py --headwater target/release/headwater --seed 1

Each is brought about on a real Kafka and a real PostgreSQL while records come in, must show where a person would look (metrics, /health,
the page in a browser that stays open all along, the log), is put right, and must have left no trace: all that came in has come out,
`model.py` says what that is, and the page shows it. The producer of the first two is `headwater generate`, of the others one of ours.
"""
import collections
import http.client
import os
import re
import subprocess
import sys
import time

import model
from category_sales import CategorySalesChaos, options
from chaos import parser_of, play
from dashboard import Dashboard, WithPages, answer, health
from instances import Ended
from readers import LiveReader, read_topic

import check  # where model finds it

# Seconds in which a failure must show, and in which all goes on when it is put right.
SHOWS, RECOVERS = 45, 90
# Positions are measured every two seconds: what has not moved for so long stands still.
STILL = 5.0
AT_REST = 1.0
# Open pages that a server takes.
MOST_PAGES = 256
# Records of the first producer: before anything happens, and in each of its modes. The second has more than anybody waits for.
FIRST, EACH, ENDLESS = 2_000, 12_000, 100_000_000
# Event times of the second producer begin behind those of the first.
SECOND_START = "2025-11-30T00:00:00Z"
TOTALS = "select coalesce(sum(total_sales), 0)::text, coalesce(sum(transaction_count), 0)::text from category_sales"


class Mode:
    """A report under the name of a failure mode."""

    def __init__(self, report, name):
        self.report, self.name = report, name

    def expect(self, what, wrong):
        self.report.expect(f"{self.name}: {what}", wrong)

    def holds(self, what, found):
        self.expect(what, [] if found else [found])


class Generator:
    """`headwater generate transactions`, as often as it is started."""

    def __init__(self, chaos):
        self.chaos, self.log = chaos, os.path.join(chaos.directory, "generator.log")
        self.process = None

    def words(self, count, *more):
        seed = str(self.chaos.arguments.seed)
        return [os.path.abspath(self.chaos.arguments.headwater), "generate", "transactions", "--seed", seed, "--count", str(count), "--late", "0.01", "--bad", "0.01", *more]

    def start(self, count):
        rate = str(round(self.chaos.arguments.rate))
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.words(count, "--brokers", self.chaos.servers.brokers, "--rate", rate), stdout=log, stderr=log)

    def text(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def end(self):
        return self.process.wait(RECOVERS)

    def differences(self, count):
        """Values that the topic lacks, or has too often."""
        made = subprocess.run(self.words(count, "--to", "-"), check=True, stdout=subprocess.PIPE).stdout.split(b"\n")[:-1]
        records = read_topic(self.chaos.servers.brokers, self.chaos.input, self.chaos.partitions, "read_uncommitted")
        found = collections.Counter(record.value for record in records)
        wanted = collections.Counter(made)
        return [("lacking", value) for value in wanted - found] + [("too often", value) for value in found - wanted]


class FailureModes(CategorySalesChaos):
    dashboard = generator = None

    def make_app(self):
        self.generator = Generator(self)
        return WithPages(self.arguments, self.servers, self.directory)

    def feed_options(self):
        return [*super().feed_options(), "--start-ms", model.milliseconds(SECOND_START)]

    def page(self, slot):
        return f"http://127.0.0.1:{self.app.ports[slot.number]}/"

    def metric(self, slot, name, label=""):
        """The sum of a metric over its labels; None where it is not told."""
        status, text = answer(self.page(slot) + "prometheus")
        values = re.findall(rf"^{name}(?:{{.*{label}.*}})? ([0-9.e+]+)$", text, re.MULTILINE) if status == 200 else []
        return sum(map(float, values)) if values else None

    def source(self, name):
        """The same of what others fill."""
        return self.metric(self.slots[0], name, 'role="source"')

    def sent(self):
        return sum(self.servers.ends(self.input).values())

    def until(self, what, condition, seconds=SHOWS):
        """Seconds until it holds; every process that should be there is."""
        began = time.monotonic()
        while not condition():
            for slot in self.running():
                slot.life.check_alive()
            if time.monotonic() - began > seconds:
                words = "\n".join(slot.life.last_words() for slot in self.running())
                raise Ended(f"not within {seconds} s: {what}\n{words}")
            time.sleep(0.05)
        self.journal.note(what, after=round(time.monotonic() - began, 2))
        return True

    def shown(self, state, seconds=SHOWS):
        return self.until(f"the page is {state}", lambda: self.dashboard.state() == state, seconds)

    def open(self):
        """Both instances at work, and a page of the first."""
        for slot in self.slots:
            slot.start()
        self.generator.start(FIRST)
        for slot in self.slots:
            slot.life.wait("commit", slot.life.has_committed)
        self.generator.end()
        self.until("there are results", lambda: self.seen() == FIRST)
        self.dashboard = Dashboard(self.page(self.slots[0]))
        self.shown("live")

    def progress(self):
        """Whether the input goes on being committed."""
        _, before = self.work()
        return self.until("the input goes on being committed", lambda: self.work()[1] > before, RECOVERS)

    def rest(self):
        """Nothing comes any more, all is done, and nothing moves."""
        self.feed.rate(0)
        before, since = None, time.monotonic()

        def is_at_rest():
            nonlocal before, since
            state = (*self.work(), self.seen())
            if state != before:
                before, since = state, time.monotonic()
            return state[0] == state[1] and state[2] >= state[0] and time.monotonic() - since > AT_REST

        self.until("all that came in has come out", is_at_rest, RECOVERS)

    def recovered(self, mode):
        self.rest()
        total, count = self.servers.rows(TOTALS)[0]
        shown = self.until("the page shows it", lambda: (self.dashboard.read()["total"], str(self.dashboard.read()["count"])) == (total, count))
        mode.holds("the page shows what the table holds", shown and self.dashboard.state() == "live")
        mode.holds("each instance says that it is well", all(health(self.page(slot))[0] == 200 for slot in self.slots))
        model.check(self.run(), mode, self.arguments.guarantee)

    def begin(self):
        """A reader that is there from now on."""
        self.live = LiveReader(self.servers, self.output)
        self.live.start()

    def end(self):
        if self.dashboard:
            self.dashboard.close()
        if self.generator:
            self.generator.kill()
        super().end()


def producer(run, mode):
    """"No new data in Kafka": seen at the log's end, which stands still; the application is well and has nothing to do."""
    count, before = FIRST + EACH, run.sent()
    run.generator.start(count)
    run.until("a third is sent", lambda: run.sent() - before > EACH / 3)
    run.generator.kill()
    run.journal.note("the producer is killed")
    sent = run.sent()
    mode.holds("it is killed before it is through", sent < count)
    run.until("the metrics tell the last of it", lambda: run.source("headwater_log_end_offset") == sent)
    found, until = set(), time.monotonic() + STILL
    while time.monotonic() < until:
        found.add((run.source("headwater_log_end_offset"), run.dashboard.state()))
        time.sleep(0.2)
    mode.expect("the end of the log stands still, and the page is live", found - {(sent, "live")})
    mode.holds("nothing waits for the application", run.until("the lag is none", lambda: run.source("headwater_lag_records") == 0))
    run.generator.start(count)
    mode.expect("started again, it goes on to the end", [code for code in [run.generator.end()] if code] and [run.generator.text()[-500:]])
    mode.holds("every delivery is confirmed", "all deliveries confirmed" in run.generator.text())
    mode.expect("nothing is missing in the topic, nothing there twice", run.generator.differences(count))


def broker(run, mode):
    """"Connection errors" on both sides: seen at the metrics and in the log; nobody gives up."""
    count, before = FIRST + 2 * EACH, run.sent()
    said = {slot: len(slot.life.text()) for slot in run.slots}
    run.generator.start(count)
    run.until("some are sent", lambda: run.sent() - before > EACH / 4)
    run.servers.script("kafka", "kill")
    run.journal.note("crash of kafka")
    unreachable = all(run.until("the metrics tell that the log is away", lambda slot=slot: run.metric(slot, "headwater_log_reachable") == 0) for slot in run.slots)
    mode.holds("the metrics tell that it is away", unreachable)
    mode.holds("they count the errors", all(run.metric(slot, "headwater_log_errors_total") for slot in run.slots))
    mode.holds("the log says so", run.until("the log says so", lambda: all(" WARN " in slot.life.text()[said[slot]:] for slot in run.slots)))
    mode.holds("the page stays, with what is known", run.dashboard.state() == "live" and run.dashboard.read()["count"] > 0)
    mode.holds("the producer waits", run.generator.process.poll() is None)
    run.servers.script("kafka", "restart")
    run.journal.note("kafka is back")
    mode.holds("the application goes on by itself", run.progress())
    mode.expect("the producer goes on by itself", [code for code in [run.generator.end()] if code] and [run.generator.text()[-500:]])
    run.until("the metrics tell that the log is there", lambda: all(run.metric(slot, "headwater_log_reachable") == 1 for slot in run.slots))
    mode.expect("nothing is missing in the topic, nothing there twice", run.generator.differences(count))


def processor(run, mode):
    """"No database updates, stale dashboard": all instances die at once. The table stands still, the page says that it is old."""
    run.feed.rate(run.arguments.rate)
    run.progress()
    run.until("new numbers show", lambda before=run.dashboard.read()["count"]: run.dashboard.read()["count"] > before)
    for slot in run.slots:
        slot.life.kill()
    run.journal.note("all instances are killed")
    mode.holds("the page says that it is not live", run.shown("reconnecting"))
    kept, (sent, committed), seen = run.dashboard.read(), run.work(), run.seen()
    run.until("the input goes on without them", lambda: run.sent() > sent + run.arguments.rate)
    mode.holds("the page keeps what it knew", run.dashboard.read()["rows"] == kept["rows"] and kept["rows"])
    mode.expect("nothing is committed, and the table stands still", [(run.work()[1], run.seen())] if (run.work()[1], run.seen()) != (committed, seen) else [])
    for slot in run.slots:
        slot.start()
    mode.holds("started again, it goes on", run.progress())
    mode.holds("the page comes back by itself", run.shown("live", RECOVERS))


def database(run, mode):
    """"Dashboard errors, write failures": the results wait in the topic, the page says that it is not current."""
    run.feed.rate(run.arguments.rate)
    run.progress()
    errors = {slot: run.metric(slot, "headwater_sink_errors_total") for slot in run.slots}
    run.servers.script("postgres", "crash")
    run.journal.note("crash of postgres")
    mode.holds("the page says that it is not current", run.shown("problem"))
    mode.holds("and why", run.dashboard.read()["problem"])
    mode.holds("so does /health", all(status == 503 and reason for status, reason in map(health, map(run.page, run.slots))))
    mode.holds("the metrics count write failures", run.until("write failures are counted", lambda: any(run.metric(slot, "headwater_sink_errors_total") > before for slot, before in errors.items())))
    committed = run.work()[1]
    mode.holds("what does not need it goes on", run.until("a second's worth is committed without it", lambda: run.work()[1] > committed + run.arguments.rate))
    run.servers.script("postgres", "restart")
    run.journal.note("postgres is back")
    mode.holds("the page comes back by itself", run.shown("live", RECOVERS))


def dashboard(run, mode):
    """"HTTP errors, connection refused": nobody but who looks at it notices."""
    run.feed.rate(run.arguments.rate)
    run.progress()
    first, other = run.slots
    crowd = [http.client.HTTPConnection("127.0.0.1", run.app.ports[0]) for _ in range(MOST_PAGES)]
    answers = collections.Counter(opened(connection) for connection in crowd)
    run.journal.note("a crowd looks at the page", answers=dict(answers))
    mode.holds("one page too many is told so", answers[200] == MOST_PAGES - 1 and answers[503] == 1)
    mode.holds("who was there before stays", run.dashboard.state() == "live")
    mode.holds("the application goes on beside the crowd", run.progress())
    for connection in crowd:
        connection.close()
    mode.holds("when they are gone there is room", run.until("there is room", lambda: has_room(run.app.ports[0])))
    first.life.kill()
    run.journal.note("the page's process is killed")
    mode.holds("the page says that it is not live", run.shown("reconnecting"))
    mode.holds("its address refuses", answer(run.page(first))[0] == 0)
    before = run.dashboard.read()["count"]
    run.until("results go on", lambda: run.seen() > before + run.arguments.rate, RECOVERS)
    mode.holds("another instance's page shows what comes after", answer(run.page(other))[0] == 200 and health(run.page(other))[0] == 200)
    first.start()
    mode.holds("the page comes back by itself", run.shown("live", RECOVERS))


def opened(connection):
    """Opens a live page and leaves it open; its status."""
    connection.request("GET", "/events")
    return connection.getresponse().status


def has_room(port):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    try:
        return opened(connection) == 200
    finally:
        connection.close()


MODES = [producer, broker, processor, database, dashboard]


def act(run):
    names = run.arguments.only or [mode.__name__ for mode in MODES]
    run.open()
    for mode in MODES:
        if mode.__name__ in names:
            print(f"       {mode.__name__}: {mode.__doc__.strip()}", flush=True)
            report = Mode(run.report, mode.__name__)
            run.begin()
            mode(run, report)
            run.recovered(report)
    codes = [(str(slot.life), slot.life.terminate()) for slot in run.slots]
    run.report.expect("the instances stop in good order", [(life, code) for life, code in codes if code != 0])
    run.report.expect("the second producer has no complaint", run.feed.complaints())
    run.report.expect("no log holds the password", run.secrets())


def main():
    parser = options(parser_of(__doc__))
    parser.set_defaults(records=ENDLESS, rate=3_000)
    parser.add_argument("--only", action="append", choices=[mode.__name__ for mode in MODES])
    arguments = parser.parse_args()
    arguments.instances = 2
    return play(FailureModes, arguments, check.Report(), act)


if __name__ == "__main__":
    sys.exit(main())
