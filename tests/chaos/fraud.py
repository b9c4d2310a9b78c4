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
from category_sales import CategorySalesChaos, options
from chaos import Chaos, parser_of, play
from instances import Fraud
from servers import patiently

import check  # where model finds it
import fraud_model

TIME = """to_char(event_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""
COLUMNS = ["transaction_id", "user_id", "event_time", "total_amount", "country", "city", "latitude", "longitude", "score", "severity", "hits", "model"]
TABLE = f"select {', '.join(COLUMNS)} from fraud_alerts".replace("event_time", TIME)
COUNTED = "select (select count(*) from fraud_alerts), (select count(*) from dead_letters where application_id = '{}')"


class FraudChaos(CategorySalesChaos):
    input, output, feed_script = "sales_stream", "fraud_alerts", "sales.py"
    application, partitions = Fraud, 3

    def feed_options(self):
        headwater = os.path.abspath(self.arguments.headwater)
        return [*super().feed_options(), "--headwater", headwater]

    def is_through(self, sent, committed):
        return Chaos.is_through(self, sent, committed) and self.behind() == 0 and self.seen()[0] == sum(map(len, self.live.seen.values()))

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

    def table(self):
        return {row[0]: self.row(row) for row in self.servers.rows(TABLE)}

    @staticmethod
    def row(values):
        row = dict(zip(COLUMNS, values))
        coordinates = {name: float(row[name]) for name in ("latitude", "longitude")}
        return {**row, **coordinates, "hits": fraud_model.sorted_hits(json.loads(row["hits"]))}

    def check(self, run):
        expected = fraud_model.Expected((record.partition, record.offset, record.timestamp, record.value) for record in run.inputs)
        fraud_model.check_alerts(expected, [(record.key, record.value) for record in run.updates], run.table, self.report)
        fraud_model.check_letters(expected, [model.letter_of(record) for record in run.letters], run.stored, self.report)
        model.check_log(run, self.report)


def act(chaos):
    chaos.begin()
    chaos.faults()
    chaos.finish()
    chaos.check(chaos.run())
    chaos.report.expect("no log holds the password", chaos.secrets())


def main():
    parser = options(parser_of(__doc__))
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--instances", type=int, default=2)
    parser.set_defaults(application_id="fraud", records=200_000, rate=5_000, guarantee="exactly-once")
    return play(FraudChaos, parser.parse_args(), check.Report(), act)


if __name__ == "__main__":
    sys.exit(main())
