"""One run of an application under faults: its servers, instances and input, and what is seen of them. `kill.py`, `scale.py` and
`peer_kill.py` say which application, which input and what must come out."""
import argparse
import os
import shutil
import tempfile
import time

from confluent_kafka import IsolationLevel, KafkaException

from faults import Faults, Journal, schedule
from feed import Feed
from instances import Ended, Slot, end_all
from readers import LiveReader
from servers import Servers, patiently

NO_PROGRESS = 120
QUIET = 3.0
FIRST_RATE = 1_000
# Seconds: an action's length before any was seen, and the least time for what is left of the input.
FIRST_AVERAGE, OUTLAST = 10.0, 30.0


class Chaos:
    """What all applications have in common. A subclass names the topics, makes `app` and tells when all is done."""

    input = output = feed_script = None
    partitions = 4
    needs_postgres = False

    def __init__(self, arguments, directory, report):
        self.arguments, self.directory, self.report = arguments, directory, report
        self.slots, self.feed, self.live = [], None, None
        self.servers = Servers(directory, arguments.brokers, arguments.postgres if self.needs_postgres else "none")
        try:
            self.prepare()
        except BaseException:
            self.end()
            raise

    def prepare(self):
        if self.servers.partitions(self.input):
            raise Ended(f"topic {self.input} is there: a run needs brokers without one")
        self.make_topics()
        self.app = self.make_app()
        self.slots = [Slot(self.app, number) for number in range(self.arguments.instances)]
        self.journal = Journal(os.path.join(self.directory, "journal.jsonl"), self.arguments.seed)
        self.live = LiveReader(self.servers, self.output)
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), self.feed_script)
        self.feed = Feed(script, self.servers.brokers, self.arguments.records, self.arguments.seed, self.feed_options())
        self.started_ms = int(time.time() * 1000)

    def make_topics(self):
        self.servers.create_topic(self.input, self.partitions)

    def make_app(self):
        raise NotImplementedError

    def feed_options(self):
        return ["--topic", self.input, "--partitions", self.partitions]

    def is_through(self, sent, committed):
        """Whether all that has come in has gone out, as far as can be seen."""
        return self.feed.has_ended() and committed == sent

    def seen(self):
        """What must not change any more when all is done."""
        return None

    def work(self):
        """(records sent, records committed) of the input."""
        sent = sum(self.servers.ends(self.input).values())
        return sent, sum(self.committed().values())

    def committed(self):
        return patiently(lambda: self.servers.committed(self.app.group, self.input))

    def begin(self):
        self.live.start()
        self.feed.rate(min(FIRST_RATE, self.arguments.rate))
        for slot in self.slots:
            slot.start()

    def faults(self):
        """The schedule, while the input keeps coming."""
        faults = Faults(self.slots, self.servers, self.journal, self.arguments.seed, self.work)
        actions = [action for action in schedule(self.arguments.kills, self.arguments.seed, self.servers.own) if action not in self.arguments.without]
        early, began = [], time.monotonic()
        for number, action in enumerate(actions):
            # The rest of the input outlasts the rest of the schedule, however long an action takes: less comes as less is left.
            average = (time.monotonic() - began) / number if number > 2 else FIRST_AVERAGE
            self.feed.rate(self.arguments.rate, max(OUTLAST, (len(actions) - number) * average))
            faults.do(action)
            _, committed = self.work()
            if committed >= self.arguments.records:
                early.append(f"{number + 1}: {action}")
        self.report.expect("every fault came before the input was through (if not: raise --records)", early)
        self.report.expect("SIGTERM ended each life in good order", [(life, code) for life, code in faults.exits if code != 0])
        done = ", ".join(f"{count} x {action}" for action, count in sorted(faults.done.items()))
        print(f"       {sum(faults.done.values())} faults in {time.monotonic() - began:.0f} s: {done}", flush=True)

    def finish(self):
        """Lets the rest of the input come, waits until all of it is done and nothing moves, and stops the instances."""
        self.feed.rate(self.arguments.rate)
        before, deadline, quiet_since = None, time.monotonic() + NO_PROGRESS, None
        while quiet_since is None or time.monotonic() - quiet_since < QUIET:
            time.sleep(0.2)
            for slot in self.running():
                slot.life.check_alive()
            state = (*self.work(), self.seen())
            if state != before:
                before, deadline, quiet_since = state, time.monotonic() + NO_PROGRESS, None
            elif quiet_since is None and self.is_through(*state[:2]):
                quiet_since = time.monotonic()
            elif quiet_since is None and time.monotonic() > deadline:
                print("\n".join(slot.life.last_words() for slot in self.running()))
                break
        self.report.expect("all that came in comes out", [] if quiet_since else [f"(sent, committed, seen) is {before} for {NO_PROGRESS} s"])
        codes = [(str(slot.life), slot.life.terminate()) for slot in self.running()]
        self.report.expect("the instances stop in good order", [(life, code) for life, code in codes if code != 0])
        self.report.expect("the producer has sent all of it", self.feed.complaints())

    def running(self):
        """Those that nobody has stopped."""
        return [slot for slot in self.slots if slot.lives and not slot.life.is_stopped]

    def hanging(self):
        """Partitions with an open transaction; one of a killed instance ends when its time is up."""
        deadline = time.monotonic() + NO_PROGRESS
        while True:
            apart = []
            for topic in self.servers.topics():
                if topic == self.output or topic.startswith(self.app.group):
                    stable, ends = self.servers.ends(topic, IsolationLevel.READ_COMMITTED), self.servers.ends(topic)
                    apart += [(at, stable[at], end) for at, end in ends.items() if stable[at] != end]
            if not apart or time.monotonic() > deadline:
                return apart
            time.sleep(0.5)

    def end(self):
        if self.live:
            self.live.stopping.set()
        if self.feed:
            self.feed.stop()
        end_all(self.slots)
        self.servers.stop()


def parser_of(description):
    """The options that every run has."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--brokers", help="a Kafka of others [default: one of our own, which also crashes]")
    parser.add_argument("--guarantee", default="exactly-once", choices=["exactly-once", "at-least-once"])
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--rate", type=float, default=20_000, help="records a second at most; less where the input would be through too soon")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--without", action="append", default=[], metavar="FAULT", help="leave a kind of fault out: pause, terminate, kafka, postgres, kill all")
    parser.add_argument("--keep", action="store_true", help="keep the directory also where all is well")
    return parser


def play(make, arguments, report, act):
    """Makes a run, lets `act` play it, and clears up; the directory stays where something failed."""
    directory = tempfile.mkdtemp(prefix="headwater-chaos-")
    print(f"       seed {arguments.seed}, {arguments.guarantee}, all in {directory}", flush=True)
    chaos = None
    try:
        chaos = make(arguments, directory, report)
        act(chaos)
    except (Ended, KafkaException, TimeoutError, LookupError) as error:
        report.expect("the run comes to its end", [f"{type(error).__name__}: {error}"])
        print(error)
    finally:
        if chaos:
            chaos.end()
    if not report.failed and not arguments.keep:
        shutil.rmtree(directory, ignore_errors=True)
    return report.end()
