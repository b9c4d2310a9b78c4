"""Kafka and PostgreSQL for one run, and what can be asked of them from outside."""
import os
import subprocess
import time

from confluent_kafka import Consumer, ConsumerGroupState, IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

SCRIPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts")
ASK_TIMEOUT = 10
ASK_DEADLINE = 90


def patiently(ask):
    """Asks until there is an answer: a broker that comes back may not know its groups yet."""
    deadline = time.monotonic() + ASK_DEADLINE
    while True:
        try:
            return ask()
        except KafkaException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


class Servers:
    """Servers that this run has started through the scripts, or the addresses of others, which it can then not crash."""

    def __init__(self, directory, brokers=None, postgres=None, nodes=1):
        # PostgreSQL runs as another user where root calls.
        os.chmod(directory, 0o711)
        self.kafka_dir, self.postgres_dir = os.path.join(directory, "kafka"), os.path.join(directory, "postgres")
        self.own = []
        if not brokers:
            self.own.append("kafka")
        if not postgres:
            self.own.append("postgres")
        try:
            self.brokers = brokers or self.script("kafka", "start", "--nodes", str(nodes))
            self.postgres = postgres or self.script("postgres", "start")
        except BaseException:
            self.stop()
            raise
        self.admin = AdminClient({"bootstrap.servers": self.brokers, "log_level": 0})
        self.watchers = {}

    def script(self, server, command, *options):
        directory = self.kafka_dir if server == "kafka" else self.postgres_dir
        done = subprocess.run([os.path.join(SCRIPTS, server), command, "--dir", directory, *options], check=True, stdout=subprocess.PIPE, text=True)
        return done.stdout.strip()

    def stop(self):
        for server in self.own:
            directory = self.kafka_dir if server == "kafka" else self.postgres_dir
            subprocess.run([os.path.join(SCRIPTS, server), "kill", "--dir", directory], check=False, stderr=subprocess.DEVNULL)

    def create_topic(self, name, partitions, configuration=None):
        asked = self.admin.create_topics([NewTopic(name, partitions, config=configuration or {})])
        asked[name].result(ASK_DEADLINE)

    def partitions(self, topic):
        """How many; 0 where there is no such topic."""
        found = self.admin.list_topics(timeout=ASK_TIMEOUT).topics.get(topic)
        return len(found.partitions) if found else 0

    def topics(self):
        return patiently(lambda: sorted(self.admin.list_topics(timeout=ASK_TIMEOUT).topics))

    def ends(self, topic, isolation=IsolationLevel.READ_UNCOMMITTED):
        """End offset of each partition: the log's, or what a read_committed reader may read up to."""
        wanted = [TopicPartition(topic, partition) for partition in range(patiently(lambda: self.partitions(topic)))]
        if not wanted:
            return {}

        def ask():
            asked = self.admin.list_offsets({at: OffsetSpec.latest() for at in wanted}, isolation_level=isolation, request_timeout=ASK_TIMEOUT)
            return {(at.topic, at.partition): answer.result().offset for at, answer in asked.items()}

        return patiently(ask)

    def committed(self, group, topic, timeout=ASK_TIMEOUT):
        """Committed offsets of a group in a topic. The admin client crashes where the group has none; a consumer that never joins can ask too."""
        if group not in self.watchers:
            # What stands there now, not what will when open transactions have ended.
            self.watchers[group] = Consumer({"bootstrap.servers": self.brokers, "group.id": group, "isolation.level": "read_uncommitted", "enable.auto.commit": False, "log_level": 0})
        wanted = [TopicPartition(topic, partition) for partition in range(self.partitions(topic))]
        found = self.watchers[group].committed(wanted, timeout=timeout) if wanted else []
        return {(at.topic, at.partition): at.offset for at in found if at.offset >= 0 and not at.error}

    def members(self, group):
        """Members of a group, each with the partitions that the group has assigned to it."""
        described = self.describe(group)
        members = described.members if described else []
        return {member.member_id: {(at.topic, at.partition) for at in member.assignment.topic_partitions} for member in members}

    def is_stable(self, group):
        """Whether no rebalance is under way. While one is, the group still takes what members of the generation before commit."""
        described = self.describe(group)
        return described is not None and described.state == ConsumerGroupState.STABLE

    def describe(self, group):
        try:
            return self.admin.describe_consumer_groups([group], request_timeout=ASK_TIMEOUT)[group].result()
        except KafkaException as error:
            # A group that nobody has joined yet.
            if error.args[0].name() == "GROUP_ID_NOT_FOUND":
                return None
            # After a crash of the broker this client may ask in vain for ever; a new one does not.
            self.admin = AdminClient({"bootstrap.servers": self.brokers, "log_level": 0})
            raise

    def rows(self, sql):
        """Rows of a query as lists of texts."""
        command = ["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--field-separator", "\x1f", "--set", "ON_ERROR_STOP=1", "--dbname", self.postgres, "--command", sql]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, env={**os.environ, "PGTZ": "UTC"})
        if done.returncode:
            raise LookupError(done.stderr.strip())
        return [line.split("\x1f") for line in done.stdout.splitlines()]
