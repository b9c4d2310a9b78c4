#!/usr/bin/env python3
"""Kills a topology of `peer-app` (`enrich` or `fraud`) again and again on a real Kafka, then compares its output as a multiset.

    python3 tests/chaos/peer_kill.py --peer-app target/release/peer-app --topology fraud --kills 20 --records 1000000 --seed 1

Faults and rules are those of `kill.py`, but for PostgreSQL. That a life has committed is seen from the group: it has a member that was not
there before, and offsets of a partition of that member have moved.
"""
import os
import sys

import peer_input
import peer_model
from chaos import Chaos, parser_of, play
from confluent_kafka import KafkaException
from readers import read_topic
from servers import patiently

import check  # where model finds it

USERS = "users"
FOREVER = {"retention.ms": "-1"}
GUARANTEES = {"exactly-once": "exactly_once_v2", "at-least-once": "at_least_once"}


class PeerApp:
    """How `peer-app` is called: by its environment."""

    def __init__(self, arguments, servers, directory, topics):
        self.arguments, self.servers, self.directory = arguments, servers, directory
        self.group = f"peer-{arguments.topology}"
        self.input, self.output = topics
        # Per life: who was in the group before it, then what was committed when its member had work.
        self.strangers, self.baselines = {}, {}

    def command(self, _slot):
        return [os.path.abspath(self.arguments.peer_app)]

    def environment(self, slot):
        return {
            "BOOTSTRAP": self.servers.brokers,
            "APP_ID": self.group,
            "TOPOLOGY": self.arguments.topology,
            "INPUT": self.input,
            "OUTPUT": self.output,
            "USERS": USERS,
            "GUARANTEE": GUARANTEES[self.arguments.guarantee],
            "THREADS": "1",
            "STATE_DIR": os.path.join(slot.directory, "state"),
            "COMMIT_MS": "100",
            "CACHE_BYTES": "",
            "LINGER_MS": "",
            "SESSION_MS": "6000",
        }

    def starting(self, slot):
        """Called before a life begins."""
        self.strangers[(slot.number, len(slot.lives))] = set(patiently(lambda: self.servers.members(self.group)))

    def commits(self, life):
        """How far the partitions of this life's member have moved."""
        at = (life.slot.number, life.number)
        try:
            members = self.servers.members(self.group)
            own = {partition for member, held in members.items() if member not in self.strangers[at] for _, partition in held}
            now = self.servers.committed(self.group, self.input)
        except KafkaException:
            return 0
        if not own:
            return 0
        before = self.baselines.setdefault(at, now)
        return sum(offset - before.get((self.input, partition), 0) for (_, partition), offset in now.items() if partition in own)


class PeerChaos(Chaos):
    input, output, feed_script = "tx", "out", "peer_input.py"

    def make_topics(self):
        # Event times lie years back, in the records' timestamps too.
        self.servers.create_topic(self.input, self.partitions, FOREVER)
        self.servers.create_topic(self.output, self.partitions, FOREVER)
        self.servers.create_topic(USERS, self.partitions, {"cleanup.policy": "compact"})
        peer_input.send_users(self.servers.brokers, USERS, self.arguments.seed)

    def make_app(self):
        return PeerApp(self.arguments, self.servers, self.directory, (self.input, self.output))

    def run(self):
        brokers, dead_letters = self.servers.brokers, f"{self.app.group}-dlq"
        outputs = read_topic(brokers, self.output, self.partitions)
        self.live.finish({record.partition: record.offset for record in outputs}.items())
        return peer_model.PeerRun(
            topology=self.arguments.topology,
            inputs=read_topic(brokers, self.input, self.partitions, "read_uncommitted"),
            users=read_topic(brokers, USERS, self.partitions),
            outputs=outputs,
            letters=read_topic(brokers, dead_letters, patiently(lambda: self.servers.partitions(dead_letters))),
            committed=self.committed(),
            ends=self.servers.ends(self.input),
            hanging=self.hanging(),
            live=dict(self.live.seen),
            live_wrong=self.live.wrong,
        )


def act(chaos):
    chaos.begin()
    chaos.faults()
    chaos.finish()
    peer_model.check(chaos.run(), chaos.report, chaos.arguments.guarantee)


def main():
    parser = parser_of(__doc__)
    parser.add_argument("--peer-app", default=os.path.join("target", "release", "peer-app"), help="the command")
    parser.add_argument("--topology", required=True, choices=sorted(peer_model.TOPOLOGIES))
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--instances", type=int, default=2)
    return play(PeerChaos, parser.parse_args(), check.Report(), act)


if __name__ == "__main__":
    sys.exit(main())
