#!/usr/bin/env python3
"""Members come and go while the first works: what that costs, measured from outside.

    python3 tests/chaos/scale.py --headwater target/release/headwater --seed 1

First a member that wants none of our work joins the group and leaves it again, then a second instance does: each is a rebalance, behind
which the first commits before the next, and no two transactions of it may fail in a row (its log has the failures, /prometheus the
commits). Then three instances instead of one, and one again, each stopped by SIGTERM: the committed offsets of the partitions that it leaves
move again within three seconds. In the end `model.py` says what must be there.
"""
import datetime
import re
import sys
import threading
import time

import model
from category_sales import CategorySalesChaos, options
from chaos import parser_of, play
from confluent_kafka import Consumer
from instances import Ended
from servers import patiently

import check  # where model finds it

JOIN_DEADLINE = 60
TAKEOVER_LIMIT = 3.0
SETTLED = 3.0
SAMPLE = 0.02
FAILED = re.compile(r"^(\S+Z)\s.*(commit failed|fenced by another producer|not delivered, processing again)", re.MULTILINE)


class CommitWatch(threading.Thread):
    """When the first instance's counter of commits rose."""

    def __init__(self, life):
        super().__init__(daemon=True)
        self.life, self.rises, self.stopping = life, [], threading.Event()

    def run(self):
        before = 0
        while not self.stopping.wait(SAMPLE):
            count = self.life.app.commits(self.life)
            if count > before:
                self.rises.append(time.time())
                before = count

    def stop(self):
        self.stopping.set()
        self.join()


def failures(life):
    return [datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() for text, _ in FAILED.findall(life.text())]


def in_a_row(failed, rises):
    """Pairs of failures between which nothing was committed."""
    return [(first, second) for first, second in zip(failed, failed[1:]) if not any(first < rise < second for rise in rises)]


class Scale(CategorySalesChaos):
    def make_topics(self):
        super().make_topics()
        self.servers.create_topic("elsewhere", 1)

    def members(self):
        return patiently(lambda: self.servers.members(self.app.group))

    def await_members(self, holds):
        deadline = time.monotonic() + JOIN_DEADLINE
        while not holds(self.members()):
            if time.monotonic() > deadline:
                raise Ended(f"the group does not become what it should within {JOIN_DEADLINE} s: {self.members()}")
            time.sleep(0.05)

    def stranger(self, rounds):
        """Joins and leaves without taking a task: all that the first sees of it are rebalances."""
        for _ in range(rounds):
            before = self.members()
            stranger = Consumer({"bootstrap.servers": self.servers.brokers, "group.id": self.app.group, "partition.assignment.strategy": "cooperative-sticky", "log_level": 0})
            stranger.subscribe(["elsewhere"])
            deadline = time.monotonic() + JOIN_DEADLINE
            while not stranger.assignment():
                message = stranger.poll(0.1)
                if message and message.error() and not message.error().retriable():
                    raise Ended(f"a stranger cannot join the group: {message.error()}")
                if time.monotonic() > deadline:
                    raise Ended("a stranger does not get into the group")
            self.journal.note("a stranger has joined", kept=all(self.members().get(member) == held for member, held in before.items()))
            self.await_rest()
            stranger.close()
            self.await_members(lambda now, before=before: len(now) == len(before))
            self.await_rest()

    def await_rest(self):
        """Coming and going are a rebalance each, and each may cost a transaction. Two that fail in a row are of one rebalance only if it was over,
        and something committed behind it, before the next began. A commit while it goes on proves nothing: the group still takes it."""
        deadline = time.monotonic() + JOIN_DEADLINE
        while not patiently(lambda: self.servers.is_stable(self.app.group)):
            if time.monotonic() > deadline:
                raise Ended(f"the group does not come to rest within {JOIN_DEADLINE} s")
            time.sleep(0.05)
        self.await_commits(self.slots[0])

    def await_commits(self, slot):
        before = slot.life.app.commits(slot.life)
        slot.life.wait("further commit", lambda: slot.life.app.commits(slot.life) > before + 2)

    def join(self, slot):
        """Starts an instance; returns the name under which the group knows it."""
        before = set(self.members())
        slot.start()
        slot.life.wait("commit", slot.life.has_committed)
        new = set(self.members()) - before
        self.journal.note("joined", instance=slot.number)
        return new.pop() if len(new) == 1 else None

    def come_and_go(self, rounds):
        for _ in range(rounds):
            self.join(self.slots[1])
            time.sleep(1)
            self.await_rest()
            code = self.slots[1].life.terminate()
            self.journal.note("left", instance=1, code=code)
            self.await_rest()

    def takeover(self, slot, member):
        """Stops an instance; how long each partition that it had, and that moved, stood still."""
        held = self.members().get(member, set())
        topics = {topic for topic, _ in held if topic == self.input or topic.endswith("-repartition")}
        before = self.positions(topics)
        time.sleep(1.2)
        moving = {at for at, offset in self.positions(topics).items() if at in held and offset > before.get(at, -1)}
        began = time.monotonic()
        code = slot.life.terminate()
        left, moved = self.positions(topics), {}
        while len(moved) < len(moving) and time.monotonic() - began < JOIN_DEADLINE:
            now = self.positions(topics)
            moved |= {at: time.monotonic() - began for at in moving - moved.keys() if now.get(at, -1) > left.get(at, -1)}
            time.sleep(SAMPLE)
        longest = max(moved.values(), default=None)
        self.journal.note("stopped", instance=slot.number, code=code, partitions=len(moving), longest=longest and round(longest, 2))
        self.report.expect(f"instance {slot.number} ends in good order", [] if code == 0 else [code])
        self.report.expect(f"instance {slot.number} had work to leave behind", [] if moving else [held])
        late = [(at, moved.get(at)) for at in moving if moved.get(at, JOIN_DEADLINE) > TAKEOVER_LIMIT]
        self.report.expect(f"what instance {slot.number} did is done elsewhere within {TAKEOVER_LIMIT} s of its SIGTERM", late)

    def positions(self, topics):
        found = {}
        for topic in topics:
            found |= patiently(lambda topic=topic: self.servers.committed(self.app.group, topic))
        return found


def act(chaos):
    first = chaos.slots[0]
    chaos.live.start()
    chaos.feed.rate(chaos.arguments.rate)
    first.start()
    first.life.wait("commit", first.life.has_committed)
    watch = CommitWatch(first.life)
    watch.start()
    chaos.stranger(5)
    chaos.come_and_go(3)
    names = []
    for slot in chaos.slots[1:]:
        names.append((slot, chaos.join(slot)))
        chaos.await_rest()
    time.sleep(SETTLED)
    for slot, name in reversed(names):
        chaos.takeover(slot, name)
        time.sleep(SETTLED)
    watch.stop()
    failed = failures(first.life)
    print(f"       {len(failed)} transactions of the first failed, {len(watch.rises)} rises of its commits were seen")
    chaos.report.expect("no two transactions of the first fail in a row", in_a_row(failed, watch.rises))
    sent, committed = chaos.work()
    chaos.report.expect("all of it came before the input was through (if not: raise --records)", [] if committed < chaos.arguments.records else [committed])
    chaos.finish()
    model.check(chaos.run(), chaos.report, chaos.arguments.guarantee)


def main():
    parser = options(parser_of(__doc__))
    parser.set_defaults(records=400_000, rate=4_000)
    arguments = parser.parse_args()
    arguments.instances = 3
    return play(Scale, arguments, check.Report(), act)


if __name__ == "__main__":
    sys.exit(main())
