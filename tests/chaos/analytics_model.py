"""What a run of `analytics` must have left behind, computed anew from the records of `sales_stream`.

Shares no code with Headwater; what is a valid transaction is `sales_judge.py`'s judgement. Which sales are late follows from the input alone:
a sale is late where a valid record before it in its partition has a time of a minute or more after the end of the first ten seconds that hold it.
"""
import collections
import decimal
import json

from model import check_log, check_stored, differences, iso, letter_of, milliseconds, money
from sales_judge import judge

ADVANCE, WINDOW, GRACE, TOP = 10_000, 60_000, 60_000, 10
STAGE_LATE = "in-time"

Sale = collections.namedtuple("Sale", "time product name country cents")
# Cents and number of sales, and of a product the time and the text of its latest name.
Sums = collections.namedtuple("Sums", "cents orders named", defaults=[(-1, "")])


class Input:
    """The input, judged: what counts, and by where they stand what is late and what is malformed."""

    def __init__(self, run):
        self.counted, self.late, self.malformed = [], {}, {}
        before = collections.defaultdict(lambda: -1)
        for record in run.inputs:
            at = (run.input_topic, str(record.partition), str(record.offset))
            reason, found = judge(record.value, record.timestamp)
            if reason:
                self.malformed[at] = (reason, record.value)
                continue
            time = milliseconds(found["event_time"])
            if time // ADVANCE * ADVANCE + ADVANCE + GRACE <= before[record.partition]:
                self.late[at] = ("late", record.value)
            else:
                cents = int(decimal.Decimal(found["total_amount"]) * 100)
                self.counted.append(Sale(time, found["product_id"], found["product_name"], found["country"], cents))
            before[record.partition] = max(before[record.partition], time)


def added(one, other):
    return Sums(one.cents + other.cents, one.orders + other.orders, max(one.named, other.named))


def rows(sales):
    """Window start -> what the row must hold: first everything per ten seconds, then six of them together."""
    slices = collections.defaultdict(lambda: (collections.defaultdict(lambda: Sums(0, 0)), collections.defaultdict(lambda: Sums(0, 0))))
    for sale in sales:
        products, countries = slices[sale.time // ADVANCE * ADVANCE]
        one = Sums(sale.cents, 1, (sale.time, sale.name))
        products[sale.product] = added(products[sale.product], one)
        countries[sale.country] = added(countries[sale.country], one)
    starts = {start for at in slices for start in range(max(0, at - WINDOW + ADVANCE), at + 1, ADVANCE)}
    return {iso(start): row(start, [slices[at] for at in range(start, start + WINDOW, ADVANCE) if at in slices]) for start in starts}


def row(start, parts):
    products, countries = together(part[0] for part in parts), together(part[1] for part in parts)
    cents, orders = sum(sums.cents for sums in countries.values()), sum(sums.orders for sums in countries.values())
    average = (decimal.Decimal(cents) / orders).quantize(decimal.Decimal(1), decimal.ROUND_HALF_UP)
    best = sorted(products.items(), key=lambda product: (-product[1].cents, product[0]))[:TOP]
    return {
        "window_end": iso(start + WINDOW),
        "revenue": money(cents),
        "orders": orders,
        "average_order_value": money(int(average)),
        "top_products": [{"product_id": product, "name": sums.named[1], "revenue": money(sums.cents), "orders": sums.orders} for product, sums in best],
        "countries": {country: {"revenue": money(sums.cents), "orders": sums.orders} for country, sums in countries.items()},
    }


def together(parts):
    found = collections.defaultdict(lambda: Sums(0, 0))
    for part in parts:
        for name, sums in part.items():
            found[name] = added(found[name], sums)
    return found


def check(run, report, guarantee="exactly-once"):
    exactly = guarantee == "exactly-once"
    given = Input(run)
    print(f"       {len(run.inputs)} records: {len(given.counted)} count, {len(given.late)} late, {len(given.malformed)} malformed")
    report.expect("there is input", [] if run.inputs else ["none"])
    check_letters(run, given, report, exactly)
    own = rows(given.counted)
    if exactly:
        report.expect("the table is what the input adds up to, to the cent", differences(run.table, own))
    else:
        report.expect("nothing is lost, every window counts what the input holds, or more", [(key, run.table.get(key), own[key]) for key in own if less(run.table.get(key), own[key])])
        report.expect("no window comes from nowhere", run.table.keys() - own.keys())
    inconsistent = [key for key, found in run.table.items() if not adds_up(found)]
    report.expect("the countries of a row add up to it, and the average is theirs", inconsistent)
    check_updates(run, report, exactly)
    check_stored(run, report)
    check_log(run, report)


def check_letters(run, given, report, exactly):
    letters = [letter_of(record) for record in run.letters]
    times = collections.Counter(identity for identity, _, _ in letters)
    if exactly:
        report.expect("every dead letter stands in the topic once", [identity for identity, count in times.items() if count > 1])
    late = {identity[:3]: (reason, value) for identity, reason, value in letters if identity[3] == STAGE_LATE}
    other = {identity[:3]: (reason, value) for identity, reason, value in letters if identity[3] != STAGE_LATE}
    report.expect("each late sale has a letter that carries it, and no other one has", differences(late, given.late))
    report.expect("each malformed record has a letter", given.malformed.keys() - other.keys())
    report.expect("no other record has one", other.keys() - given.malformed.keys())
    both = given.malformed.keys() & other.keys()
    report.expect("reasons fit", [(at, given.malformed[at][0], other[at][0]) for at in both if given.malformed[at][0] not in other[at][0]])
    report.expect("letters carry the bytes as they were read", [at for at in both if given.malformed[at][1] != other[at][1]])


def less(found, expected):
    return found is None or found["orders"] < expected["orders"] or decimal.Decimal(found["revenue"]) < decimal.Decimal(expected["revenue"])


def adds_up(found):
    countries = found["countries"].values()
    revenue, orders = sum(decimal.Decimal(sums["revenue"]) for sums in countries), sum(sums["orders"] for sums in countries)
    average = (revenue / orders).quantize(decimal.Decimal("0.01"), decimal.ROUND_HALF_UP)
    return (revenue, orders, average) == (decimal.Decimal(found["revenue"]), found["orders"], decimal.Decimal(found["average_order_value"]))


def check_updates(run, report, exactly):
    before, falls, misfits, last = {}, [], [], {}
    for record in run.updates:
        try:
            found, stands = json.loads(record.value), json.loads(record.key)
            key, grown = found.pop("window_start"), (found["orders"], decimal.Decimal(found["revenue"]))
        except (ValueError, KeyError, TypeError, decimal.InvalidOperation):
            misfits.append((record.partition, record.offset, record.value))
            continue
        if stands != {"window_start": key}:
            misfits.append((record.partition, record.offset, record.key))
        if key in before and (grown[0] < before[key][0][0] or grown[1] < before[key][0][1] or record.partition != before[key][1]):
            falls.append((key, before[key], grown, record.offset))
        before[key] = (grown, record.partition)
        last[key] = found
    report.expect("records of the topic are rows under their keys", misfits)
    if exactly:
        report.expect("no update of a window counts less than the one before", falls)
    report.expect("the last record of each key is its row in the table", differences(last, run.table))
