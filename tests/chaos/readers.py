"""Readers of topics: all of it at the end, or along with the run. Partitions are assigned by hand, no group is involved."""
import collections
import threading
import time
import zlib

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

BATCH = 10_000
QUIET_DEADLINE = 60

Record = collections.namedtuple("Record", "partition offset timestamp key value headers")


def consumer(brokers, isolation="read_committed"):
    return Consumer({
        "bootstrap.servers": brokers,
        "group.id": "headwater-chaos-reader",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "auto.offset.reset": "error",
        "isolation.level": isolation,
        "fetch.wait.max.ms": 50,
        "log_level": 0,
    })


def from_start(topic, partitions):
    return [TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in range(partitions)]


def read_topic(brokers, topic, partitions, isolation="read_committed"):
    """All committed records, partition by partition in order of offsets."""
    found = [[] for _ in range(partitions)]
    reader = consumer(brokers, isolation)
    reader.assign(from_start(topic, partitions))
    open_partitions = set(range(partitions))
    deadline = time.monotonic() + QUIET_DEADLINE
    while open_partitions:
        messages = reader.consume(BATCH, timeout=0.5)
        if messages:
            deadline = time.monotonic() + QUIET_DEADLINE
        elif time.monotonic() > deadline:
            raise TimeoutError(f"nothing more comes from {topic}, partitions {sorted(open_partitions)}")
        for message in messages:
            error = message.error()
            if not error:
                record = Record(message.partition(), message.offset(), message.timestamp()[1], message.key(), message.value(), message.headers() or [])
                found[message.partition()].append(record)
            elif error.code() == KafkaError._PARTITION_EOF:
                open_partitions.discard(message.partition())
            elif error.fatal() or not error.retriable():
                raise RuntimeError(f"{topic}: {error}")
    reader.close()
    return [record for partition in found for record in partition]


def digest(key, value):
    return zlib.crc32(value or b"", zlib.crc32(key or b""))


class LiveReader(threading.Thread):
    """A read_committed reader of a topic that is there all through the run: what it has once been given may never change."""

    def __init__(self, servers, topic):
        super().__init__(daemon=True)
        self.servers, self.topic = servers, topic
        self.seen = collections.defaultdict(list)
        self.wrong = []
        self.stopping = threading.Event()

    def run(self):
        reader = consumer(self.servers.brokers)
        assigned = False
        while not self.stopping.is_set():
            if not assigned:
                assigned = self.assign(reader)
                continue
            for message in reader.consume(BATCH, timeout=0.2):
                error = message.error()
                if not error:
                    self.seen[message.partition()].append((message.offset(), digest(message.key(), message.value())))
                elif error.code() in (KafkaError.OFFSET_OUT_OF_RANGE, KafkaError._AUTO_OFFSET_RESET) or error.fatal():
                    self.wrong.append(str(error))
        reader.close()

    def assign(self, reader):
        """Waits for the topic, which the application makes."""
        try:
            found = reader.list_topics(timeout=1).topics.get(self.topic)
        except Exception:
            found = None
        if found and found.partitions:
            reader.assign(from_start(self.topic, len(found.partitions)))
            return True
        self.stopping.wait(0.2)
        return False

    def finish(self, ends):
        """Reads to what is the end now: (partition, last record's offset)."""
        deadline = time.monotonic() + QUIET_DEADLINE
        while any(not self.seen[partition] or self.seen[partition][-1][0] < last for partition, last in ends):
            if time.monotonic() > deadline or not self.is_alive():
                break
            time.sleep(0.05)
        self.stopping.set()
        self.join(QUIET_DEADLINE)
