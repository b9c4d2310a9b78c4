"""What a run of `category-sales` must have left behind, computed anew from the records of its input.

Shares no code with Headwater; what is a valid transaction is `tests/checker/check.py`'s judgement. Which records come too late cannot be
foretold from outside, since that hangs on how far the partitions were read. So each record is either in the sums or, once, a dead letter,
and a letter `late` is believed only where the record's partition had by then passed its window.
"""
import bisect
import collections
import dataclasses
import decimal
import itertools
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "checker"))
from check import GRACE, MINUTE, iso, judge, milliseconds  # noqa: E402

from readers import digest  # noqa: E402

# A partition is idle after five seconds in which the log had nothing for it, less what lies between a record's time and its arrival.
IDLE_MS = 4_000
# An idle partition that is filled again holds time only when its task has said so: where that one was killed, its successor.
WAKING_MS = 60_000


@dataclasses.dataclass
class Run:
    """All that can be seen of a run from outside."""

    application_id: str
    inputs: list
    updates: list
    letters: list
    # (window start, category) -> (window end, total, count)
    table: dict
    # (topic, partition, offset, stage) -> (reason, value)
    stored: dict
    committed: dict
    ends: dict
    # Partitions whose log goes on behind the last thing that is committed or aborted.
    hanging: list
    # What a read_committed reader saw while it ran: partition -> [(offset, digest)]
    live: dict
    live_wrong: list
    started_ms: int = 0
    input_topic: str = "transactions"
    output_topic: str = "category-sales"


@dataclasses.dataclass
class Transaction:
    window: int
    category: str
    cents: int
    # Whether it can have come after its window was closed, and whether only because its partition was idle before.
    may_be_late: bool
    by_idleness: bool


class Input:
    """The input, judged: valid transactions by id, malformed records by where they stand."""

    def __init__(self, run):
        self.valid, self.malformed, self.repeated = {}, {}, []
        self.by_idleness = 0
        latest_by_partition = {}
        rows = []
        for record in run.inputs:
            reason, found = ("null value", None) if record.value is None else judge(record.value, record.timestamp)
            if reason:
                self.malformed[(run.input_topic, str(record.partition), str(record.offset))] = (reason, record.value)
                continue
            time = milliseconds(found["timestamp"])
            before = latest_by_partition.get(record.partition, -1)
            latest_by_partition[record.partition] = max(before, time)
            rows.append((record, found, time, before))
        idle, reached = idle_ends(run), Reached((record.timestamp, time) for record, _, time, _ in rows)
        for record, found, time, before in rows:
            closes = time // MINUTE * MINUTE + MINUTE + GRACE
            late = closes <= before
            woke = not late and any(closes <= reached.by(end + WAKING_MS) for end in idle[record.partition] if 0 <= record.timestamp - end <= WAKING_MS)
            self.by_idleness += woke
            identity = found["transaction_id"].lower()
            if identity in self.valid:
                self.repeated.append(identity)
            cents = int(decimal.Decimal(found["amount"]) * 100)
            self.valid[identity] = Transaction(time // MINUTE * MINUTE, found["product_category"], cents, late or woke, woke)


def idle_ends(run):
    """When, by the log's clock, each partition was filled again after it had been read to its end for long enough to be idle."""
    ends, before = collections.defaultdict(list), collections.defaultdict(lambda: run.started_ms)
    for record in run.inputs:
        if record.timestamp - before[record.partition] >= IDLE_MS:
            ends[record.partition].append(record.timestamp)
        before[record.partition] = max(before[record.partition], record.timestamp)
    return ends


class Reached:
    """How far event time had come, in any partition, by a time of the log. What came later has closed no window before."""

    def __init__(self, rows):
        ordered = sorted(rows)
        self.times = [at for at, _ in ordered]
        self.latest = list(itertools.accumulate((time for _, time in ordered), max))

    def by(self, at):
        count = bisect.bisect_right(self.times, at)
        return self.latest[count - 1] if count else -1


def money(cents):
    return f"{cents // 100}.{cents % 100:02}"


def letter_of(record):
    """Identity, reason and value of a record of the dead-letter topic; of headers with one name the last counts."""
    headers = {name: (value or b"").decode() for name, value in record.headers if name.startswith("headwater.")}
    identity = tuple(headers.get(f"headwater.{part}", "none") for part in ("topic", "partition", "offset", "stage"))
    return identity, headers.get("headwater.reason", ""), record.value


def sums(transactions):
    """(window start, category) -> [cents, count]"""
    found = collections.defaultdict(lambda: [0, 0])
    for transaction in transactions:
        total = found[(iso(transaction.window), transaction.category)]
        total[0] += transaction.cents
        total[1] += 1
    return found


def check(run, report, guarantee="exactly-once"):
    exactly = guarantee == "exactly-once"
    given = Input(run)
    print(f"       {len(run.inputs)} records: {len(given.valid)} valid, {len(given.malformed)} malformed; {given.by_idleness} may be late only because a partition was idle")
    report.expect("there is input", [] if run.inputs else ["none"])
    report.expect("no transaction id is used twice", given.repeated)
    late = check_letters(run, given, report, exactly)
    counted = sums(transaction for identity, transaction in given.valid.items() if identity not in late)
    own = {key: (iso(milliseconds(key[0]) + MINUTE), money(cents), count) for key, (cents, count) in counted.items()}
    if exactly:
        report.expect("the table is what the input adds up to, to the cent", differences(run.table, own))
        total = sum(count for _, _, count in run.table.values())
        letters = len(run.letters)
        report.expect("input = result + dead letters", [] if total + letters == len(run.inputs) else [f"{len(run.inputs)} != {total} + {letters}"])
    else:
        report.expect("nothing is lost, every window counts what the input holds, or more", [(key, run.table.get(key), own[key]) for key in own if less(run.table.get(key), own[key])])
        report.expect("no window comes from nowhere", run.table.keys() - sums(given.valid.values()).keys())
        again = sum(count for _, _, count in run.table.values()) - sum(count for _, _, count in own.values())
        print(f"       counted again: {again}")
    check_updates(run, report, exactly)
    check_stored(run, report)
    check_log(run, report)


def differences(found, expected):
    return [(key, found.get(key), expected.get(key)) for key in found.keys() | expected.keys() if found.get(key) != expected.get(key)]


def less(found, expected):
    return found is None or found[2] < expected[2] or decimal.Decimal(found[1]) < decimal.Decimal(expected[1])


def check_letters(run, given, report, exactly):
    """The letters of the input; returns the ids of the transactions that came too late, which no sum holds."""
    letters = [letter_of(record) for record in run.letters]
    times = collections.Counter(identity for identity, _, _ in letters)
    if exactly:
        report.expect("every dead letter stands in the topic once", [identity for identity, count in times.items() if count > 1])
    late, other = collections.Counter(), {}
    strays = []
    for identity, reason, value in letters:
        if reason != "late":
            other[identity[:3]] = (reason, value)
            continue
        try:
            late[json.loads(value)["transaction_id"].lower()] += 1
        except (ValueError, KeyError, TypeError):
            strays.append(identity)
    print(f"       {len(letters)} dead letters: {sum(late.values())} late, {len(other)} others")
    report.expect("each malformed record has a letter", given.malformed.keys() - other.keys())
    report.expect("no other record has one", other.keys() - given.malformed.keys())
    both = given.malformed.keys() & other.keys()
    report.expect("reasons fit", [(at, given.malformed[at][0], other[at][0]) for at in both if given.malformed[at][0] not in other[at][0]])
    report.expect("letters carry the bytes as they were read", [at for at in both if given.malformed[at][1] != other[at][1]])
    report.expect("letters that say late carry a transaction of the input", strays + [identity for identity in late if identity not in given.valid])
    if exactly:
        report.expect("no transaction is late twice", [identity for identity, count in late.items() if count > 1])
    excused = sum(given.valid[identity].by_idleness for identity in late if identity in given.valid)
    print(f"       {excused} of {len(late)} were late only because a partition was idle")
    cannot_be = {identity for identity in late if identity in given.valid and not given.valid[identity].may_be_late}
    if exactly:
        report.expect("no transaction is late that cannot be", sorted(cannot_be))
        return late.keys()
    # What is done again comes behind what was done after it the first time. Then it was on time, so the sums must hold it.
    print(f"       {len(cannot_be)} were late when they were done again, and must be in the sums")
    return late.keys() - cannot_be


def check_updates(run, report, exactly):
    before, falls, misfits, last = {}, [], [], {}
    for record in run.updates:
        try:
            row, stands = json.loads(record.value), json.loads(record.key)
            key = (row["window_start"], row["category"])
            values = (row["window_end"], row["total_sales"], row["transaction_count"])
            total = decimal.Decimal(values[1])
        except (ValueError, KeyError, TypeError, decimal.InvalidOperation):
            misfits.append((record.partition, record.offset, record.value))
            continue
        if stands != {"window_start": key[0], "category": key[1]}:
            misfits.append((record.partition, record.offset, record.key))
        if key in before and (values[2] <= before[key][0] or total <= before[key][1] or record.partition != before[key][2]):
            falls.append((key, before[key][:2], (values[2], total), record.offset))
        before[key] = (values[2], total, record.partition)
        last[key] = values
    report.expect("records of the topic are rows under their keys", misfits)
    if exactly:
        report.expect("every update of a window counts more than the one before", falls)
    elif falls:
        print(f"       {len(falls)} updates count no more than the one before")
    report.expect("the last record of each key is its row in the table", differences(last, run.table))


def check_stored(run, report):
    in_topic = {identity: (reason, value) for identity, reason, value in map(letter_of, run.letters)}
    report.expect("table dead_letters is what the topic holds", differences(run.stored, in_topic))


def check_log(run, report):
    wanted = {at: end for at, end in run.ends.items() if at[0] == run.input_topic}
    report.expect("the committed offsets are the ends of the input", [(at, run.committed.get(at), end) for at, end in wanted.items() if end and run.committed.get(at) != end])
    report.expect("no transaction hangs", run.hanging)
    check_live(run, report)


def check_live(run, report):
    final = collections.defaultdict(list)
    for record in run.updates:
        final[record.partition].append((record.offset, digest(record.key, record.value)))
    apart = [(partition, *first_difference(run.live.get(partition, []), final.get(partition, []))) for partition in run.live.keys() | final.keys() if run.live.get(partition, []) != final.get(partition, [])]
    report.expect("a read_committed reader saw the same all along", run.live_wrong + apart)


def first_difference(left, right):
    for at, pair in enumerate(zip(left, right)):
        if pair[0] != pair[1]:
            return at, *pair
    return min(len(left), len(right)), f"{len(left)} records", f"{len(right)} records"
