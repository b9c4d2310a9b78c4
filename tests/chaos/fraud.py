#!/usr/bin/env python3
"""Kills `headwater run fraud` again and again on a real Kafka and a real PostgreSQL, then checks what is left.

    python3 tests/chaos/fraud.py --headwater target/release/headwater --kills 10 --records 200000 --rate 5000 --seed 1

Two instances share three partitions; faults and servers are those of `kill.py`. In the end `tests/checker/fraud_model.py` says from the
sales alone which alerts and dead letters must stand in topics and tables, each once.
"""
import json
import os
import sys

import model
from category_sales import LETTERS, options
from chaos import Chaos, parser_of, play
from instances import Fraud
from readers import read_topic
from servers import patiently

import check  # where model finds it
import fraud_model

TIME = """to_char(event_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""
COLUMNS = ["transaction_id", "user_id", "event_time", "total_amount", "country", "city", "latitude", "longitude", "score", "severity", "hits", "model"]
TABLE = f"select {', '.join(COLUMNS)} from fraud_alerts".replace("event_time", TIME)
COUNTED = "select (select count(*) from fraud_alerts), (select count(*) from dead_letters where application_id = '{}')"


class FraudChaos(Chaos):
    input, output, feed_script = "sales_stream", "fraud_alerts", "sales.py"
    partitions = 3
    needs_postgres = True

    def make_app(self):
        return Fraud(self.arguments, self.servers, self.directory)

    def feed_options(self):
        headwater = os.path.abspath(self.arguments.headwater)
        return [*super().feed_options(), "--headwater", headwater, "--late", self.arguments.late, "--bad", self.arguments.bad]

    def is_through(self, sent, committed):
        return super().is_through(sent, committed) and self.behind() == 0 and self.seen()[0] == sum(map(len, self.live.seen.values()))

    def behind(self):
        """Records between the two stages."""
        topic = f"{self.app.group}-by-user-repartition"
        done = patiently(lambda: self.servers.committed(self.app.group, topic))
        # The last thing in a partition may be the marker of the transaction that wrote it.
        return sum(end - done.get(at, 0) > 1 for at, end in self.servers.ends(topic).items())

    def seen(self):
        """Rows in the tables of alerts and of dead letters; none while PostgreSQL or its tables are not there."""
        try:
            return tuple(map(int, self.servers.rows(COUNTED.format(self.app.group))[0]))
        except LookupError:
            return 0, 0

    def run(self):
        """All that is to be seen, for the models."""
        brokers, dead_letters = self.servers.brokers, f"{self.app.group}-dlq"
        count = {topic: patiently(lambda topic=topic: self.servers.partitions(topic)) for topic in (self.input, self.output, dead_letters)}
        updates = read_topic(brokers, self.output, count[self.output])
        self.live.finish({record.partition: record.offset for record in updates}.items())
        return model.Run(
            application_id=self.app.group,
            inputs=read_topic(brokers, self.input, count[self.input], "read_uncommitted"),
            updates=updates,
            letters=read_topic(brokers, dead_letters, count[dead_letters]),
            table={row[0]: self.row(row) for row in self.servers.rows(TABLE)},
            stored=self.stored(),
            committed=self.committed(),
            ends=self.servers.ends(self.input),
            hanging=self.hanging(),
            live=dict(self.live.seen),
            live_wrong=self.live.wrong,
            started_ms=self.started_ms,
            input_topic=self.input,
            output_topic=self.output,
        )

    @staticmethod
    def row(values):
        row = dict(zip(COLUMNS, values))
        coordinates = {name: float(row[name]) for name in ("latitude", "longitude")}
        return {**row, **coordinates, "hits": fraud_model.sorted_hits(json.loads(row["hits"]))}

    def stored(self):
        """The table of dead letters: identity -> (reason, value)."""
        found = {}
        for topic, partition, offset, stage, reason, value in self.servers.rows(LETTERS.format(self.app.group)):
            found[(topic, partition, offset, stage)] = (reason, None if value == "null" else bytes.fromhex(value))
        return found


def act(chaos):
    chaos.begin()
    chaos.faults()
    chaos.finish()
    run, report = chaos.run(), chaos.report
    expected = fraud_model.Expected((record.partition, record.offset, record.timestamp, record.value) for record in run.inputs)
    fraud_model.check_alerts(expected, [(record.key, record.value) for record in run.updates], run.table, report)
    fraud_model.check_letters(expected, [model.letter_of(record) for record in run.letters], run.stored, report)
    model.check_log(run, report)


def main():
    parser = options(parser_of(__doc__))
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--instances", type=int, default=2)
    parser.set_defaults(application_id="fraud", records=200_000, rate=5_000, guarantee="exactly-once")
    return play(FraudChaos, parser.parse_args(), check.Report(), act)


if __name__ == "__main__":
    sys.exit(main())
