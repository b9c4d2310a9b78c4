"""`headwater run category-sales` under faults: how it is called, what it leaves behind, and where."""
import os

import model
import transactions
from chaos import Chaos
from instances import CategorySales
from readers import read_topic
from servers import patiently

TIME = """to_char({}::timestamptz at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""
TABLE = f"select {TIME.format('window_start')}, {TIME.format('window_end')}, category, total_sales::text, transaction_count from category_sales"
LETTERS = """select topic, partition, "offset", stage, reason, case when value is null then 'null' else encode(value, 'hex') end from dead_letters
    where application_id = '{}'"""
COUNTED = """select (select coalesce(sum(transaction_count), 0) from category_sales)
    + (select count(*) from dead_letters where application_id = '{}')"""


class CategorySalesChaos(Chaos):
    input, output, feed_script = "transactions", "category-sales", "transactions.py"
    application, counted, needs_postgres = CategorySales, COUNTED, True

    def make_app(self):
        return self.application(self.arguments, self.servers, self.directory)

    def feed_options(self):
        return [*super().feed_options(), "--late", self.arguments.late, "--bad", self.arguments.bad]

    def is_through(self, sent, committed):
        return super().is_through(sent, committed) and self.seen() >= sent

    def seen(self):
        """Records that are in the table's sums or among its letters; none while PostgreSQL or its tables are not there."""
        try:
            return int(self.servers.rows(self.counted.format(self.app.group))[0][0])
        except LookupError:
            return 0

    def run(self):
        """All that is to be seen, for the model."""
        brokers, dead_letters = self.servers.brokers, f"{self.app.group}-dlq"
        count = {topic: patiently(lambda topic=topic: self.servers.partitions(topic)) for topic in (self.input, self.output, dead_letters)}
        updates = read_topic(brokers, self.output, count[self.output])
        self.live.finish({record.partition: record.offset for record in updates}.items())
        return model.Run(
            application_id=self.app.group,
            inputs=read_topic(brokers, self.input, count[self.input], "read_uncommitted"),
            updates=updates,
            letters=read_topic(brokers, dead_letters, count[dead_letters]),
            table=self.table(),
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

    def table(self):
        return {(start, category): (end, total, int(number)) for start, end, category, total, number in self.servers.rows(TABLE)}

    def check(self, run):
        """What must be there, and the kinds of bad input that must have come."""
        model.check(run, self.report, self.arguments.guarantee)
        return transactions.KINDS

    def stored(self):
        """The table of dead letters: identity -> (reason, value)."""
        found = {}
        for topic, partition, offset, stage, reason, value in self.servers.rows(LETTERS.format(self.app.group)):
            found[(topic, partition, offset, stage)] = (reason, None if value == "null" else bytes.fromhex(value))
        return found

    def secrets(self):
        """Logs that hold the database's password."""
        return [life.log for slot in self.slots for life in slot.lives if self.app.password in life.text()]


def options(parser):
    """What the application and its input can be told."""
    parser.add_argument("--headwater", default=os.path.join("target", "release", "headwater"), help="the command")
    parser.add_argument("--postgres", help="a PostgreSQL of others, as URL [default: one of our own, which also crashes]")
    parser.add_argument("--application-id", help="[default: the application's name]")
    parser.add_argument("--commit-interval", help="as the application takes it")
    parser.add_argument("--late", type=float, default=0.01)
    parser.add_argument("--bad", type=float, default=0.01)
    return parser
