#!/usr/bin/env python3
"""An application that goes from Kafka Streams to Headwater and back while its input keeps coming, beside one that Kafka Streams alone runs.

    python3 tests/takeover/takeover.py --java CLASSPATH --peer-app target/release/peer-app [--topology T] [--guarantee G] [--records N] [--seed S]

Both applications read the same topics. One is handed over again and again, with part of the input not read: to the other side, whose state
directory is the one that it left behind, or none. In the end outputs and changelogs of the two must be the same. Ends with `N passed, M failed`.
"""
import argparse
import collections
import concurrent.futures
import os
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "chaos"), os.path.join(HERE, "..", "checker")]

import check
import outputs
import peer_input
from portions import Portions
from readers import read_topic
from servers import Servers, patiently
from sides import Ended, Headwater, Java, Job, Life, end_all, wipe

PARTITIONS = 4
FOREVER = {"retention.ms": "-1"}
START_DEADLINE, WORK_DEADLINE = 90, 120
# Long enough for a session to run out, and for an open transaction.
EMPTY_DEADLINE = 60

Kind = collections.namedtuple("Kind", "topology guarantee cache optimization protocol")
Phase = collections.namedtuple("Phase", "side keeps_state is_killed")

KINDS = [
    Kind("user-totals", "at_least_once", "", "all", "classic"),
    Kind("user-totals", "exactly_once_v2", "0", "all", "classic"),
    Kind("category-sales", "at_least_once", "", "all", "streams"),
    Kind("category-sales", "exactly_once_v2", "0", "all", "classic"),
    Kind("enrich", "at_least_once", "", "none", "classic"),
    Kind("enrich", "exactly_once_v2", "", "all", "classic"),
]
REPARTITIONS = {"category-sales": "by-category"}
STORES = {"user-totals": "user-totals", "category-sales": "category-sales", "enrich": "users"}


GUESTS = {"java": "headwater", "headwater": "java"}


def has_guest(kind, number):
    """Once for each side."""
    return kind == KINDS[0] and number < len(GUESTS)


def phases(kind):
    """There, back with what was left of the state, there again, and both once more with nothing left."""
    dies = kind.guarantee == "exactly_once_v2"
    return [
        Phase("java", False, False),
        Phase("headwater", False, False),
        Phase("java", True, dies),
        Phase("headwater", True, dies),
        Phase("java", False, False),
        Phase("headwater", False, False),
    ]


class Takeover:
    def __init__(self, arguments, servers, report, directory, kind):
        self.servers, self.report, self.kind = servers, report, kind
        self.name = f"{kind.topology}, {kind.guarantee}"
        self.sides = {"java": Java(arguments.java), "headwater": Headwater(arguments.peer_app)}
        name = f"{kind.topology}-{kind.guarantee.replace('_', '-')}"
        self.input, self.users = f"{name}-tx", f"{name}-users"
        self.directory = os.path.join(directory, name)
        self.alone = self.job(f"{name}-alone")
        self.handed = self.job(f"{name}-handed")
        self.phases = phases(kind)
        self.make_topics(arguments.seed)
        self.portions = Portions(servers.brokers, (self.input, self.users), arguments.seed, len(self.phases), arguments.records)

    def job(self, group):
        return Job(os.path.join(self.directory, group), self.servers.brokers, group, self.kind, (self.input, f"{group}-out", self.users))

    def make_topics(self, seed):
        for topic in (self.input, self.alone.output, self.handed.output):
            self.servers.create_topic(topic, PARTITIONS, FOREVER)
        self.servers.create_topic(self.users, PARTITIONS, {"cleanup.policy": "compact"})
        if self.kind.topology == "enrich":
            peer_input.send_users(self.servers.brokers, self.users, seed)

    def run(self):
        reference = Life(self.sides["java"], self.alone, os.path.join(self.alone.directory, "state"), "alone")
        for number, phase in enumerate(self.phases):
            self.play(number, phase, reference)
        self.report.expect(f"{self.name}: Java alone stops in good order", filter(None, [reference.end()]))
        self.compare()

    def play(self, number, phase, reference):
        """One side begins with what the other has left and goes in the middle of what comes next."""
        is_last = number == len(self.phases) - 1
        life = self.begin(number, phase)
        self.portions.send(self.input, self.portions.part(0.4))
        self.wait_for_both(life, reference)
        if has_guest(self.kind, number):
            self.check_guest(phase, number)
        if self.kind.topology == "enrich":
            self.portions.send(self.users, self.portions.change_users(number))
            self.wait_for_both(life, reference)
        self.portions.send(self.input, self.portions.part(0.4))
        if is_last:
            self.portions.send(self.input, self.portions.purchases)
            self.wait_for_both(life, reference)
        code = life.end(phase.is_killed)
        self.report.expect(f"{self.name}: {life} stops in good order", filter(None, [code]))
        if not is_last:
            self.portions.send(self.input, self.portions.part(0.2))
        self.check_log(life, phase, number)
        if not is_last and self.phases[number + 1].side == "java":
            self.await_empty_group()

    def begin(self, number, phase):
        state = os.path.join(self.handed.directory, f"{phase.side}-state")
        if not phase.keeps_state:
            wipe(state)
        left = "its old state" if phase.keeps_state else "no state"
        print(f"       {self.name}: {self.sides[phase.side].name} with {left}{', to be killed' if phase.is_killed else ''}", flush=True)
        life = Life(self.sides[phase.side], self.handed, state, f"{number}-{phase.side}")
        life.wait("ready", lambda: life.side.ready in life.text(), START_DEADLINE)
        return life

    def wait_for_both(self, life, reference):
        life.wait("through with its input", lambda: self.is_through(self.handed), WORK_DEADLINE)
        reference.wait("through with its input", lambda: self.is_through(self.alone), WORK_DEADLINE)

    def is_through(self, job):
        inputs = [self.input] + ([self.users] if self.kind.topology == "enrich" else [])
        if not all(self.has_read(job, topic, self.servers.ends(topic)) for topic in inputs):
            return False
        between = self.repartition(job)
        # Behind the last record there may be the marker of its transaction, which nobody commits.
        return not between or self.has_read(job, between, self.ends_of_records(between))

    def repartition(self, job):
        name = REPARTITIONS.get(self.kind.topology)
        return name and f"{job.group}-{name}-repartition"

    def ends_of_records(self, topic):
        ends = {}
        for record in read_topic(self.servers.brokers, topic, PARTITIONS, "read_uncommitted"):
            ends[(topic, record.partition)] = record.offset + 1
        return ends

    def has_read(self, job, topic, ends):
        committed = patiently(lambda: self.servers.committed(job.group, topic))
        return all(committed.get(at, 0) >= end for at, end in ends.items())

    def await_empty_group(self):
        """Headwater waits for this by itself."""
        deadline = time.monotonic() + EMPTY_DEADLINE
        while patiently(lambda: self.servers.members(self.handed.group)):
            if time.monotonic() > deadline:
                raise Ended(f"{self.handed.group} still has members after {EMPTY_DEADLINE} s")
            time.sleep(0.1)

    def check_guest(self, phase, number):
        """The other side, started while this one is in the group, is told so and disturbs nothing."""
        guest = GUESTS[phase.side]
        life = Life(self.sides[guest], self.handed, os.path.join(self.handed.directory, f"{number}-guest-state"), f"{number}-{guest}-guest")
        said = self.sides[guest].strangers
        deadline = time.monotonic() + START_DEADLINE
        while said not in life.text() and life.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        life.end()
        self.report.expect(f"{self.name}: {life} says that the group has members of the other side", [] if said in life.text() else [life.last_words()])

    def check_log(self, life, phase, number):
        text = life.text()
        wrong = [line for line in text.splitlines() if "ERROR" in line or "Exception" in line or "panicked" in line]
        if phase.keeps_state:
            # Where Headwater has trimmed the changelog beyond Java's checkpoint, Java throws its store away and restores it.
            wrong = [line for line in wrong if "TaskCorruptedException" not in line and not line.startswith("\tat ")]
        self.report.expect(f"{self.name}: {life} reports no error", wrong)
        if life.side.name == "Java" and number:
            self.report.expect(f"{self.name}: {life} has seen our commit metadata and gone on", [] if life.side.unknown_metadata in text else ["not seen"])
        if life.side.name == "Headwater":
            self.report.expect(f"{self.name}: {life} understands what stands beside Java's offsets", [line for line in text.splitlines() if life.side.unknown_metadata in line])

    def compare(self):
        expected, found = (read_topic(self.servers.brokers, job.output, PARTITIONS) for job in (self.alone, self.handed))
        print(f"       {self.name}: {len(expected)} records by Java alone, {len(found)} by turns")
        self.report.expect(f"{self.name}: there is output", [] if expected else ["none"])
        is_exact = self.kind.guarantee == "exactly_once_v2" or not any(phase.is_killed for phase in self.phases)
        if self.kind.topology == "enrich":
            outputs.check_multiset(self.report, self.name, expected, found)
        else:
            outputs.check_table(self.report, self.name, expected, found)
            if self.kind.cache == "0" and is_exact:
                exact = outputs.check_counts if self.repartition(self.alone) else outputs.check_sequences
                exact(self.report, self.name, expected, found)
        if self.kind.topology != "enrich" or self.kind.optimization == "none":
            self.compare_changelogs()

    def compare_changelogs(self):
        name = f"{STORES[self.kind.topology]}-changelog"
        expected, found = (read_topic(self.servers.brokers, f"{job.group}-{name}", PARTITIONS) for job in (self.alone, self.handed))
        outputs.check_changelog(self.report, self.name, expected, found, trimmed=self.kind.topology == "category-sales")


def selected(arguments):
    wanted = [kind for kind in KINDS if arguments.topology in (None, kind.topology)]
    return [kind for kind in wanted if arguments.guarantee in (None, kind.guarantee)]


def play(arguments, servers, report, directory, kind):
    began = time.monotonic()
    # Each with clients of its own: they are not made for several threads.
    servers = Servers(directory, brokers=servers.brokers, postgres="none")
    takeover = Takeover(arguments, servers, report, directory, kind)
    try:
        takeover.run()
        wrong = []
    except Ended as error:
        wrong = [str(error)]
    report.expect(f"{takeover.name}: the run goes to its end", wrong)
    print(f"       {takeover.name}: {time.monotonic() - began:.0f} s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--java", required=True, help="class path of the peer on Kafka Streams (scripts/prepare builds it)")
    parser.add_argument("--peer-app", default=os.path.join("target", "release", "peer-app"))
    parser.add_argument("--topology", choices=sorted(STORES))
    parser.add_argument("--guarantee", choices=["at_least_once", "exactly_once_v2"])
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=3, help="so many applications are handed over at once")
    parser.add_argument("--keep", metavar="DIR", help="keep logs and state there")
    arguments = parser.parse_args()
    report = check.Report()
    with tempfile.TemporaryDirectory() as scratch:
        directory = os.path.abspath(arguments.keep or scratch)
        os.makedirs(directory, exist_ok=True)
        servers = Servers(directory, postgres="none")
        try:
            with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
                list(pool.map(lambda kind: play(arguments, servers, report, directory, kind), selected(arguments)))
        finally:
            end_all()
            servers.stop()
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
