#!/usr/bin/env python3
"""A small, slow category-sales that is called like `headwater run`: with it the harness is tried without Headwater.

    python3 tests/chaos/kill.py --headwater tests/chaos/stand_in.py --kills 3 --records 40000 --rate 2000

Two steps in one group: transactions go to a topic by category, whose partitions are then added up; the output topic is also the state.
`STAND_IN_FAULT` breaks it on purpose, and the harness must notice: `double` works without transactions, `lose` commits offsets before
the work is done, `forget` drops the letters.
"""
import argparse
import collections
import fcntl
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import zlib

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

import model
from readers import consumer as reader_of

INPUT, OUTPUT, PARTITIONS = "transactions", "category-sales", 4
FAULT = os.environ.get("STAND_IN_FAULT", "")
SCHEMA = """create table if not exists category_sales (window_start timestamptz, window_end timestamptz, category text, total_sales decimal(18,2),
    transaction_count bigint, primary key (window_start, category));
    create table if not exists dead_letters (application_id text, topic text, partition int, "offset" bigint, stage text, reason text, value bytea,
    primary key (application_id, topic, partition, "offset", stage));"""


class StandIn:
    def __init__(self, options):
        self.options = options
        self.by_category, self.letters = f"{options.application_id}-by-category-repartition", f"{options.application_id}-dlq"
        self.commits, self.stopped = 0, False
        self.environment = {**os.environ, "PGPASSWORD": os.environ["HEADWATER_POSTGRES_PASSWORD"]}
        # Window and category -> [cents, count], partition by partition.
        self.state = collections.defaultdict(dict)
        self.latest = {}
        self.transactional = options.guarantee == "exactly-once" and FAULT != "double"

    def serve(self):
        app = self

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(f"headwater_commits_total {app.commits}\n".encode())

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"the page: http://127.0.0.1:{server.server_port}/", flush=True)

    def run(self):
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "stopped", True))
        self.serve()
        brokers = {"bootstrap.servers": self.options.brokers, "log_level": 0}
        admin = AdminClient(brokers)
        for topic in (self.by_category, OUTPUT, self.letters):
            try:
                admin.create_topics([NewTopic(topic, PARTITIONS)])[topic].result()
            except KafkaException:
                pass
        with open(os.path.join(os.path.dirname(self.options.state_dir), "..", "schema.lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.sql(SCHEMA)
        while not self.stopped:
            try:
                self.work(brokers)
            except KafkaException as error:
                # Begin anew: what is not committed is read again.
                print(f"starting again: {error}", flush=True)

    def work(self, brokers):
        own = f"{self.options.application_id}-{zlib.crc32(self.options.state_dir.encode())}"
        self.producer = Producer({**brokers, "linger.ms": 2, **({"transactional.id": own, "transaction.timeout.ms": 10_000} if self.transactional else {})})
        if self.transactional:
            self.producer.init_transactions()
        self.consumer = Consumer({
            **brokers,
            "group.id": self.options.application_id,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "session.timeout.ms": 6_000,
            "isolation.level": "read_committed",
            "partition.assignment.strategy": "cooperative-sticky",
        })
        self.state.clear()
        self.consumer.subscribe([INPUT, self.by_category], on_assign=self.assigned, on_revoke=self.revoked, on_lost=self.revoked)
        try:
            while not self.stopped:
                self.step()
        finally:
            self.consumer.close()

    def assigned(self, _, partitions):
        for at in partitions:
            if at.topic == self.by_category:
                self.restore(at.partition)

    def revoked(self, _, partitions):
        for at in partitions:
            if at.topic == self.by_category:
                self.state.pop(at.partition, None)

    def restore(self, partition):
        """Reads the output to its end; while a transaction is open, that is not to be had."""
        at = TopicPartition(OUTPUT, partition, 0)
        reader, every = reader_of(self.options.brokers), reader_of(self.options.brokers, "read_uncommitted")
        while reader.get_watermark_offsets(at, timeout=30)[1] < every.get_watermark_offsets(at, timeout=30)[1]:
            pass
        reader.assign([at])
        at_end = False
        while not at_end:
            for message in reader.consume(1000, timeout=0.1):
                if message.error():
                    at_end = at_end or message.error().code() == KafkaError._PARTITION_EOF
                    continue
                found = json.loads(message.value())
                self.state[partition][(found["window_start"], found["category"])] = [int(found["total_sales"].replace(".", "")), found["transaction_count"]]
        reader.close()
        every.close()
        self.store([(key, row(key, *sums)) for key, sums in self.state[partition].items()], [])

    def step(self):
        messages = [message for message in self.consumer.consume(1000, timeout=0.1) if not message.error()]
        if not messages:
            return
        offsets = {}
        for message in messages:
            offsets[(message.topic(), message.partition())] = message.offset() + 1
        offsets = [TopicPartition(topic, partition, offset) for (topic, partition), offset in offsets.items()]
        if FAULT == "lose":
            self.consumer.commit(offsets=offsets, asynchronous=False)
        if self.transactional:
            self.producer.begin_transaction()
        rows, letters = {}, []
        for message in messages:
            if message.topic() == INPUT:
                self.forward(message, letters)
            else:
                self.add(message, rows)
        for (partition, key), value in rows.items():
            self.producer.produce(OUTPUT, key=json.dumps({"window_start": key[0], "category": key[1]}), value=json.dumps(value), partition=partition)
        if self.transactional:
            if FAULT != "lose":
                self.producer.send_offsets_to_transaction(offsets, self.consumer.consumer_group_metadata())
            self.producer.commit_transaction()
        else:
            self.producer.flush()
            if FAULT != "lose":
                self.consumer.commit(offsets=offsets, asynchronous=False)
        self.commits += 1
        self.store([(key, value) for (_, key), value in rows.items()], letters)

    def forward(self, message, letters):
        value = message.value()
        reason, found = model.judge(value, message.timestamp()[1])
        stage = "transactions"
        if not reason:
            time = model.milliseconds(found["timestamp"])
            before = self.latest.get(message.partition(), -1)
            self.latest[message.partition()] = max(before, time)
            if time // model.MINUTE * model.MINUTE + model.MINUTE + model.GRACE <= before:
                reason, stage, value = "late", "category-sales", json.dumps({"transaction_id": found["transaction_id"]}).encode()
        if reason:
            if FAULT == "forget":
                return
            identity = {"topic": message.topic(), "partition": message.partition(), "offset": message.offset(), "stage": stage, "reason": reason}
            self.producer.produce(self.letters, key=message.key(), value=value, headers=[(f"headwater.{name}", str(part)) for name, part in identity.items()])
            letters.append((*identity.values(), value))
        else:
            sale = json.dumps([found["product_category"], time, int(model.decimal.Decimal(found["amount"]) * 100)])
            self.producer.produce(self.by_category, value=sale, partition=zlib.crc32(found["product_category"].encode()) % PARTITIONS)
            self.producer.poll(0)

    def add(self, message, rows):
        category, time, cents = json.loads(message.value())
        key = (model.iso(time // model.MINUTE * model.MINUTE), category)
        sums = self.state[message.partition()].setdefault(key, [0, 0])
        sums[0] += cents
        sums[1] += 1
        rows[(message.partition(), key)] = row(key, *sums)

    def store(self, rows, letters):
        """Upserts that never go back: a paused instance may write after its successor."""
        statements = []
        if rows:
            values = ",".join("('{window_start}','{window_end}','{category}',{total_sales},{transaction_count})".format(**value) for _, value in rows)
            statements.append(f"insert into category_sales values {values} on conflict (window_start, category) do update set total_sales = excluded.total_sales, "
                              "transaction_count = excluded.transaction_count where excluded.transaction_count > category_sales.transaction_count;")
        for topic, partition, offset, stage, reason, value in letters:
            statements.append(f"insert into dead_letters values ('{self.options.application_id}', '{topic}', {partition}, {offset}, '{stage}', '{reason}', "
                              f"'\\x{value.hex()}') on conflict do nothing;")
        if statements:
            self.sql("\n".join(statements))

    def sql(self, text):
        """Until the database takes it."""
        while subprocess.run(["psql", "-qX", "--single-transaction", "--set", "ON_ERROR_STOP=1", self.options.postgres], input=text.encode(), env=self.environment, stderr=subprocess.DEVNULL, check=False).returncode:
            if self.stopped:
                sys.exit("the database does not answer")


def row(key, cents, count):
    end = model.iso(model.milliseconds(key[0]) + model.MINUTE)
    return {"window_start": key[0], "window_end": end, "category": key[1], "total_sales": model.money(cents), "transaction_count": count}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("words", nargs=2)
    for name in ("brokers", "postgres", "application-id", "guarantee", "state-dir", "listen"):
        parser.add_argument(f"--{name}")
    StandIn(parser.parse_args()).run()


if __name__ == "__main__":
    main()
