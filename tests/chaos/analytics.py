"""`headwater run analytics` under faults: what it leaves behind, and where."""
import json

import analytics_model
import sales_stream
from category_sales import TIME, CategorySalesChaos
from instances import Analytics

TABLE = f"""select {TIME.format('window_start')}, {TIME.format('window_end')}, revenue::text, orders, average_order_value::text, top_products::text, countries::text
    from analytics_results"""
# Windows that begin with a minute hold every sale once.
COUNTED = """select (select coalesce(sum(orders), 0) from analytics_results where extract(second from window_start) = 0)
    + (select count(*) from dead_letters where application_id = '{}')"""


class AnalyticsChaos(CategorySalesChaos):
    input, output, feed_script = "sales_stream", "analytics_stream", "sales_stream.py"
    application, counted = Analytics, COUNTED

    def table(self):
        return {start: row(*columns) for start, *columns in self.servers.rows(TABLE)}

    def check(self, run):
        analytics_model.check(run, self.report, self.arguments.guarantee)
        return sales_stream.KINDS


def row(end, revenue, orders, average, top_products, countries):
    return {
        "window_end": end,
        "revenue": revenue,
        "orders": int(orders),
        "average_order_value": average,
        "top_products": json.loads(top_products),
        "countries": json.loads(countries),
    }
