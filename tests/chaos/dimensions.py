#!/usr/bin/env python3
"""Kills `headwater run dimensions` again and again on a real Kafka and a real PostgreSQL, then checks what is left.

    python3 tests/chaos/dimensions.py --headwater target/release/headwater --kills 10 --records 200000 --rate 5000 --seed 1

Two instances share three topics of changes with three partitions each; faults and servers are those of `kill.py`. In the end
`tests/checker/dimension_tables.py` says from the changes alone which versions the three tables must hold, and which records are dead letters.
"""
import collections
import sys

import model
from category_sales import CategorySalesChaos, options
from chaos import Chaos, parser_of, play
from instances import Dimensions
from readers import read_topic
from servers import patiently

import check  # where model finds it
import dimension_tables

MILLIS = "(extract(epoch from {}) * 1000)::bigint"
PROGRESS = "select topic, partition, next_offset from headwater_sink_progress where application_id = '{}' and next_offset is not null"


class DimensionsChaos(CategorySalesChaos):
    input, output, feed_script = "product-changes", "dim-product", "changes.py"
    application, partitions = Dimensions, 3
    dimensions = tuple(dimension_tables.COLUMNS)

    def make_topics(self):
        for dimension in self.dimensions:
            self.servers.create_topic(f"{dimension}-changes", self.partitions)

    def feed_options(self):
        return ["--late", self.arguments.late, "--bad", self.arguments.bad]

    def inputs(self, what):
        """What `what` says of each input partition."""
        return {at: number for dimension in self.dimensions for at, number in what(f"{dimension}-changes").items()}

    def work(self):
        return sum(self.inputs(self.servers.ends).values()), sum(self.committed().values())

    def committed(self):
        return self.inputs(lambda topic: patiently(lambda: self.servers.committed(self.app.group, topic)))

    def is_through(self, sent, committed):
        return Chaos.is_through(self, sent, committed) and not self.behind()

    def behind(self):
        """Partitions between stages and before sinks that hold more than the marker of the transaction that came last."""
        hops = [f"{self.app.group}-by-{dimension}-repartition" for dimension in self.dimensions]
        done = {at: offset for topic in hops for at, offset in patiently(lambda topic=topic: self.servers.committed(self.app.group, topic)).items()}
        done |= self.progress()
        before_sinks = [f"dim-{dimension}" for dimension in self.dimensions] + [f"{self.app.group}-dlq"]
        ends = {at: end for topic in hops + before_sinks for at, end in self.servers.ends(topic).items()}
        return [at for at, end in ends.items() if end - done.get(at, 0) > 1]

    def progress(self):
        """How far the sinks have come; nothing while PostgreSQL or its tables are not there."""
        try:
            return {(topic, int(partition)): int(offset) for topic, partition, offset in self.servers.rows(PROGRESS.format(self.app.group))}
        except LookupError:
            return {}

    def seen(self):
        return sum(self.progress().values())

    def table(self):
        """All three: dimension -> {(key, effective date): row}, each column as text."""
        return {dimension: dict(self.rows(dimension)) for dimension in self.dimensions}

    def rows(self, dimension):
        names = [*dimension_tables.COLUMNS[dimension], "is_current"]
        columns = [f"coalesce({name}::text, 'null')" for name in names]
        times = [MILLIS.format("effective_date"), f"coalesce({MILLIS.format('end_date')}::text, 'null')"]
        for key, effective, end, *found in self.servers.rows(f"select {dimension}_id, {', '.join(times + columns)} from dim_{dimension}"):
            yield (key, int(effective)), {**dict(zip(names, found)), "end_date": end}

    def check(self, run):
        letters, malformed = {}, set()
        for dimension in self.dimensions:
            topic = f"{dimension}-changes"
            records = read_topic(self.servers.brokers, topic, self.partitions, "read_uncommitted")
            rows, bad = dimension_tables.expected(dimension, [(record.partition, record.offset, record.value) for record in records])
            malformed |= {(topic, str(partition), str(offset)) for partition, offset in bad}
            expected = {place: {name: text(value) for name, value in row.items() if name != "effective_date"} for place, row in rows.items()}
            found = run.table[dimension]
            wrong = [(place, found.get(place), expected.get(place)) for place in found.keys() | expected.keys() if found.get(place) != expected.get(place)]
            print(f"       {dimension}: {len(records)} changes, {len(expected)} versions of {len({key for key, _ in expected})} rows, {len(bad)} malformed")
            self.report.expect(f"there are changes to {dimension}s", [] if records and expected else [topic])
            self.report.expect(f"table dim_{dimension} holds the versions that the changes add up to", wrong)
        for record in run.letters:
            identity, reason, value = model.letter_of(record)
            letters[identity] = (reason, value)
        self.check_letters(run, letters, malformed)
        model.check_log(run, self.report)

    def check_letters(self, run, letters, malformed):
        places = collections.Counter(identity[:3] for identity in letters)
        self.report.expect("every dead letter stands in the topic once", [len(run.letters)] if len(letters) < len(run.letters) else [])
        self.report.expect("each malformed record has a letter, no other has one", [place for place in places.keys() ^ malformed] + [place for place, count in places.items() if count > 1])
        self.report.expect("letters have reasons", [identity for identity, (reason, _) in letters.items() if not reason])
        apart = [identity for identity in letters.keys() | run.stored.keys() if letters.get(identity) != run.stored.get(identity)]
        self.report.expect("table dead_letters is what the topic holds", apart)


def text(value):
    """As PostgreSQL writes it."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


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
    parser.set_defaults(application_id="dimensions", records=200_000, rate=5_000, late=0.1, guarantee="exactly-once")
    return play(DimensionsChaos, parser.parse_args(), check.Report(), act)


if __name__ == "__main__":
    sys.exit(main())
