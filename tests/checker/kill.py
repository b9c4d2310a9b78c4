#!/usr/bin/env python3
"""Kills `headwater run category-sales` again and again while records go through, then checks that nothing is lost and nothing counts twice.

    python3 tests/checker/kill.py --headwater target/release/headwater --kills 30 --records 1000000 --rate 30000

Each kill (SIGKILL) comes after at least one commit of that life, seen from outside (/prometheus), at a random moment, and before the
input is read. After the last one the application finishes; then `check.py` checks the run, and the log lines of each restart must
say that no more was restored than one commit had brought (in the changelog, commits are the gaps in the offsets). With `--lose-state`
the state directory is deleted after the last kill, as on a machine that was lost: then everything must come back from the changelog.
"""
import argparse
import collections
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request

import check

COMMIT_DEADLINE = 60
FINISH_DEADLINE = 600
STOP_DEADLINE = 30


class Life:
    """One process, from its start to its end."""

    def __init__(self, arguments, number):
        self.log = os.path.join(arguments.data, f"life-{number}.log")
        command = [arguments.headwater, "run", "category-sales", "--data", arguments.data, "--listen", "127.0.0.1:0"]
        command += ["--application-id", arguments.application_id, "--guarantee", arguments.guarantee]
        if arguments.rate:
            command += ["--generate", "--rate", str(arguments.rate), *generator_options(arguments)]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "HEADWATER_LOG": "info"})

    def text(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def counter(self, name):
        """A counter of this life; 0 while nobody answers."""
        page = re.search(r"the page: (http://\S+)", self.text())
        if not page:
            return 0
        try:
            with urllib.request.urlopen(page[1] + "prometheus", timeout=5) as answer:
                found = re.search(rf"^{name}(?:{{.*}})? (\d+)", answer.read().decode(), re.MULTILINE)
                return int(found[1]) if found else 0
        except OSError:
            return 0

    def wait(self, what, condition, seconds):
        """Waits for the condition; a process that ends before that has failed."""
        deadline = time.monotonic() + seconds
        while not condition():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                sys.exit(f"no {what}; {self.log} ends with:\n" + "\n".join(self.text().splitlines()[-20:]))
            time.sleep(0.01)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def restored(self):
        """Records restored in this life, task by task."""
        return [int(count) for count in re.findall(r"restored task.*?\brecords=(\d+)", self.text())]


def settled(arguments):
    """How many records have become a result or a dead letter in the warehouse."""
    path = f"{arguments.data}/headwater.sqlite"
    if not os.path.exists(path):
        return 0
    try:
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        counted = database.execute("select coalesce(sum(transaction_count), 0) from category_sales").fetchone()[0]
        return counted + database.execute("select count(*) from dead_letters").fetchone()[0]
    except sqlite3.OperationalError:
        return 0


def processed(arguments):
    """The same from the topics: what is committed, whether or not a sink has seen it."""
    last = {}
    for line in check.tail(arguments, arguments.output):
        last[line["key"]] = check.json.loads(line["value"])["transaction_count"]
    return sum(last.values()) + len(check.tail(arguments, f"{arguments.application_id}-dlq"))


def largest_commit(arguments):
    """The most records that one transaction brought into a partition of the changelog: markers take an offset of their own."""
    run, largest, before = collections.Counter(), 0, {}
    for line in check.tail(arguments, f"{arguments.application_id}-category-sales-changelog"):
        at = line["partition"]
        run[at] = run[at] + 1 if before.get(at) == line["offset"] - 1 else 1
        before[at] = line["offset"]
        largest = max(largest, run[at])
    return largest


def generator_options(arguments):
    options = ["--count", str(arguments.records), "--seed", str(arguments.seed), "--late", str(arguments.late), "--bad", str(arguments.bad)]
    return [*options, "--step", arguments.step, "--partitions", str(arguments.partitions)]


def generate(arguments):
    command = [arguments.headwater, "generate", "transactions", "--data", arguments.data]
    subprocess.run(command + generator_options(arguments), check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--headwater", default="target/release/headwater", help="the command")
    parser.add_argument("--data", help="an empty directory [default: one that is made and stays]")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--rate", type=int, default=0, help="records a second, made up while they are processed; 0: all of them before")
    parser.add_argument("--partitions", type=int, default=1)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--step", default="10ms")
    parser.add_argument("--late", type=float, default=0.01)
    parser.add_argument("--bad", type=float, default=0.01)
    parser.add_argument("--guarantee", default="exactly-once", choices=["exactly-once", "at-least-once"])
    parser.add_argument("--lose-state", action="store_true", help="delete the state after the last kill")
    parser.add_argument("--application-id", default="category-sales")
    arguments = parser.parse_args()
    arguments.data = arguments.data or tempfile.mkdtemp(prefix="headwater-kill-")
    arguments.input, arguments.output = "transactions", "category-sales"
    print(f"       seed {arguments.seed}, data in {arguments.data}")
    chance = random.Random(arguments.seed)
    report = check.Report()
    if not arguments.rate:
        generate(arguments)

    lives, early = [], []
    for number in range(arguments.kills):
        life = Life(arguments, number)
        lives.append(life)
        life.wait("commit", lambda: life.counter("headwater_commits_total") > 0, COMMIT_DEADLINE)
        time.sleep(chance.uniform(0, 0.5))
        life.kill()
        done = processed(arguments)
        print(f"       kill {number + 1}: {done} of {arguments.records} records done, restored before: {life.restored()}", flush=True)
        if done >= arguments.records:
            early.append(number + 1)
    report.expect("every kill came before the input was read (if not: raise --records, or set --rate)", early)

    if arguments.lose_state:
        shutil.rmtree(f"{arguments.data}/state")
    life = Life(arguments, arguments.kills)
    lives.append(life)
    life.wait("end of the input", lambda: life.restored() and settled(arguments) >= arguments.records, FINISH_DEADLINE)
    life.process.send_signal(signal.SIGTERM)
    try:
        code = life.process.wait(STOP_DEADLINE)
    except subprocess.TimeoutExpired:
        code = "still running"
    report.expect("SIGTERM ends it in good order", [] if code == 0 else [code, *life.text().splitlines()[-5:]])
    restored = [life.restored() for life in lives[1:]]
    report.expect("each restart tells what it restored", [number + 1 for number, counts in enumerate(restored) if not counts])
    if arguments.guarantee == "exactly-once":
        most = largest_commit(arguments)
        print(f"       restored {restored}, the largest commit brought {most}")
        if arguments.lose_state:
            lost = restored.pop()
            report.expect("lost state comes back from the changelog", [] if sum(lost) > most else [lost])
        report.expect("no other restart restores more than one commit had brought", [counts for counts in restored if max(counts, default=0) > most])
        check.check(arguments, report)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
