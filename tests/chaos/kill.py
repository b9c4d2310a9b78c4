#!/usr/bin/env python3
"""Kills `headwater run category-sales` again and again on a real Kafka and a real PostgreSQL, then checks what is left.

    python3 tests/chaos/kill.py --headwater target/release/headwater --kills 20 --records 1000000 --rate 20000 --seed 1

Two instances share four partitions. While records come in, instances are killed (SIGKILL, one or all), paused beyond their session
and woken, stopped and started again, Kafka and PostgreSQL crash and come back: a schedule from the seed, kept in `journal.jsonl`. Every
kill comes after at least one commit of that life and before the input is through. In the end `model.py` says what must be there.
The servers are its own, made by `scripts/kafka` and `scripts/postgres`; with --brokers and --postgres they are others, and do not crash.
"""
import argparse
import os
import shutil
import sys
import tempfile
import time

import model
from confluent_kafka import IsolationLevel, KafkaException
from faults import Faults, Journal, schedule, steady_rate
from feed import Feed
from instances import CategorySales, Ended, Slot, end_all
from readers import LiveReader, read_topic
from servers import Servers, patiently

import check  # found by model

PARTITIONS = 4
INPUT, OUTPUT = "transactions", "category-sales"
NO_PROGRESS = 120
QUIET = 3.0
TABLE = """select to_char(window_start::timestamptz at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), to_char(window_end::timestamptz at time zone 'UTC',
    'YYYY-MM-DD"T"HH24:MI:SS"Z"'), category, total_sales::text, transaction_count from category_sales"""
LETTERS = """select topic, partition, "offset", stage, reason, case when value is null then 'null' else encode(value, 'hex') end from dead_letters
    where application_id = '{}'"""


class Chaos:
    """One run: servers, instances, input, and what is seen of them."""

    def __init__(self, arguments, directory, report):
        self.arguments, self.directory, self.report = arguments, directory, report
        self.servers = Servers(directory, arguments.brokers, arguments.postgres)
        if self.servers.partitions(INPUT):
            sys.exit(f"topic {INPUT} is there: a run needs brokers without one")
        self.servers.create_topic(INPUT, PARTITIONS)
        self.app = CategorySales(arguments, self.servers, directory)
        self.slots = [Slot(self.app, number) for number in range(arguments.instances)]
        self.journal = Journal(os.path.join(directory, "journal.jsonl"), arguments.seed)
        self.live = LiveReader(self.servers, OUTPUT)
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "transactions.py")
        options = ["--topic", INPUT, "--partitions", PARTITIONS, "--late", arguments.late, "--bad", arguments.bad]
        self.feed = Feed(script, self.servers.brokers, arguments.records, arguments.seed, options)
        self.started_ms = int(time.time() * 1000)

    def work(self):
        """(records sent, records committed) of the input."""
        sent = sum(self.servers.ends(INPUT).values())
        committed = patiently(lambda: self.servers.committed(self.app.group))
        return sent, sum(offset for (topic, _), offset in committed.items() if topic == INPUT)

    def begin(self):
        self.live.start()
        self.feed.rate(min(1_000, self.arguments.rate))
        for slot in self.slots:
            slot.start()

    def faults(self):
        """The schedule, while the input keeps coming."""
        faults = Faults(self.slots, self.servers, self.journal, self.arguments.seed, self.work)
        actions = schedule(self.arguments.kills, self.arguments.seed, self.servers.own)
        early, began = [], time.monotonic()
        for number, action in enumerate(actions):
            sent, _ = self.work()
            average = (time.monotonic() - began) / number if number > 2 else 10.0
            self.feed.rate(steady_rate(self.arguments.records - sent, len(actions) - number, average, self.arguments.rate))
            faults.do(action)
            _, committed = self.work()
            if committed >= self.arguments.records:
                early.append(f"{number + 1}: {action}")
        self.report.expect("every fault came before the input was through (if not: raise --records)", early)
        self.report.expect("SIGTERM ended each life in good order", [(life, code) for life, code in faults.exits if code != 0])
        done = ", ".join(f"{count} x {action}" for action, count in sorted(faults.done.items()))
        print(f"       {sum(faults.done.values())} faults in {time.monotonic() - began:.0f} s: {done}")

    def finish(self):
        """Lets the rest of the input come, waits until all of it is done, and stops the instances."""
        self.feed.rate(self.arguments.rate)
        before, deadline = None, time.monotonic() + NO_PROGRESS
        quiet_since = None
        while quiet_since is None or time.monotonic() - quiet_since < QUIET:
            time.sleep(0.2)
            for slot in self.slots:
                slot.life.check_alive()
            state = (self.work(), self.counted())
            if state != before:
                before, deadline, quiet_since = state, time.monotonic() + NO_PROGRESS, None
            elif time.monotonic() > deadline:
                words = "\n".join(slot.life.last_words() for slot in self.slots)
                raise Ended(f"it does not come to an end: sent and committed {state[0]}, in PostgreSQL {state[1]}\n{words}")
            elif quiet_since is None and self.is_through(state):
                quiet_since = time.monotonic()
        codes = [(str(slot.life), slot.life.terminate()) for slot in self.slots]
        self.report.expect("the application goes on to the end and stops in good order", [(life, code) for life, code in codes if code != 0])
        self.report.expect("the producer has sent all of it", self.feed.complaints())

    def is_through(self, state):
        (sent, committed), counted = state
        return self.feed.has_ended() and committed == sent and counted >= sent

    def counted(self):
        """Records that are in the table's sums or among its letters."""
        try:
            letters = f"select count(*) from dead_letters where application_id = '{self.app.group}'"
            sql = f"select (select coalesce(sum(transaction_count), 0) from category_sales) + ({letters})"
            return int(self.servers.rows(sql)[0][0])
        except LookupError:
            return 0

    def run(self):
        """All that is to be seen, for the checks."""
        brokers = self.servers.brokers
        dead_letters = f"{self.app.group}-dlq"
        count = {topic: patiently(lambda topic=topic: self.servers.partitions(topic)) for topic in (INPUT, OUTPUT, dead_letters)}
        updates = read_topic(brokers, OUTPUT, count[OUTPUT])
        last = {record.partition: record.offset for record in updates}
        self.live.finish(last.items())
        table = {(start, category): (end, total, int(number)) for start, end, category, total, number in self.servers.rows(TABLE)}
        stored = {}
        for topic, partition, offset, stage, reason, value in self.servers.rows(LETTERS.format(self.app.group)):
            stored[(topic, partition, offset, stage)] = (reason, None if value == "null" else bytes.fromhex(value))
        return model.Run(
            application_id=self.app.group,
            inputs=read_topic(brokers, INPUT, count[INPUT], "read_uncommitted"),
            updates=updates,
            letters=read_topic(brokers, dead_letters, count[dead_letters]),
            table=table,
            stored=stored,
            committed=patiently(lambda: self.servers.committed(self.app.group)),
            ends=self.servers.ends(INPUT),
            hanging=self.hanging(),
            live=dict(self.live.seen),
            live_wrong=self.live.wrong,
            started_ms=self.started_ms,
        )

    def hanging(self):
        """Partitions with an open transaction; one of a killed instance ends when its time is up."""
        deadline = time.monotonic() + NO_PROGRESS
        while True:
            apart = []
            for topic in self.servers.topics():
                if topic == OUTPUT or topic.startswith(self.app.group):
                    stable, ends = self.servers.ends(topic, IsolationLevel.READ_COMMITTED), self.servers.ends(topic)
                    apart += [(at, stable[at], end) for at, end in ends.items() if stable[at] != end]
            if not apart or time.monotonic() > deadline:
                return apart
            time.sleep(0.5)

    def secrets(self):
        """Logs that hold the database's password."""
        password = self.servers.postgres.split("//")[-1].split("@")[0].partition(":")[2]
        return [life.log for slot in self.slots for life in slot.lives if password and password in life.text()]

    def end(self):
        self.live.stopping.set()
        self.feed.stop()
        end_all(self.slots)
        self.servers.stop()


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--headwater", default="target/release/headwater", help="the command")
    parser.add_argument("--brokers", help="a Kafka of others [default: one of our own, which also crashes]")
    parser.add_argument("--postgres", help="a PostgreSQL of others, as URL [default: one of our own, which also crashes]")
    parser.add_argument("--application-id", default="category-sales")
    parser.add_argument("--guarantee", default="exactly-once", choices=["exactly-once", "at-least-once"])
    parser.add_argument("--commit-interval", help="as the application takes it")
    parser.add_argument("--instances", type=int, default=2)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--rate", type=float, default=20_000, help="records a second at most; less where the input would be through too soon")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--late", type=float, default=0.01)
    parser.add_argument("--bad", type=float, default=0.01)
    parser.add_argument("--keep", action="store_true", help="keep the directory also where all is well")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    directory = tempfile.mkdtemp(prefix="headwater-chaos-")
    print(f"       seed {arguments.seed}, {arguments.guarantee}, all in {directory}", flush=True)
    report = check.Report()
    chaos = Chaos(arguments, directory, report)
    try:
        chaos.begin()
        chaos.faults()
        chaos.finish()
        run = chaos.run()
    except (Ended, KafkaException) as error:
        report.expect("the run comes to its end", [str(error)])
        print(error)
    else:
        model.check(run, report, arguments.guarantee)
        report.expect("no log holds the password", chaos.secrets())
        kinds(run, report)
    finally:
        chaos.end()
    if not report.failed and not arguments.keep:
        shutil.rmtree(directory, ignore_errors=True)
    return report.end()


def kinds(run, report):
    """No kind of bad input is left out, or the run would prove little."""
    import transactions

    reasons = {reason for _, reason, _ in map(model.letter_of, run.letters)}
    wanted = [*transactions.KINDS, "late"]
    if len(run.inputs) >= 50_000:
        report.expect("every kind of bad input was there", [kind for kind in wanted if not any(kind in reason for reason in reasons)])


if __name__ == "__main__":
    sys.exit(main())
