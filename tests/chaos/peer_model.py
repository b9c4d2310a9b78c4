"""What the topologies `enrich` and `fraud` of the comparison must write, computed anew from their input."""
import collections
import dataclasses
import json

from model import check_live

MINUTE = 60_000
OFTEN, DEAR = 5, 90_000


@dataclasses.dataclass
class PeerRun:
    topology: str
    inputs: list
    users: list
    outputs: list
    letters: list
    committed: dict
    ends: dict
    hanging: list
    live: dict
    live_wrong: list
    input_topic: str = "tx"

    # What `check_live` compares.
    @property
    def updates(self):
        return self.outputs


def cents(transaction):
    return round(transaction["amount"] * 100)


def enrich(inputs, users):
    """Every purchase of a user who is in the table."""
    known = {record.key: json.loads(record.value) for record in users}
    for record in inputs:
        user = known.get(record.key)
        if user:
            bought = json.loads(record.value)
            yield record, {"transaction_id": bought["transaction_id"], "user_id": bought["user_id"], "amount_cents": cents(bought), "country": user["country"], "tier": user["tier"]}


def fraud(inputs, _users):
    """Every purchase that is the fifth or more of its user within a minute, or a dear one."""
    recent = collections.defaultdict(list)
    for record in inputs:
        bought = json.loads(record.value)
        kept = [(at, amount) for at, amount in recent[record.key] if at > record.timestamp - MINUTE] + [(record.timestamp, cents(bought))]
        recent[record.key] = kept
        if len(kept) >= OFTEN or kept[-1][1] > DEAR:
            total = sum(amount for _, amount in kept)
            yield record, {"transaction_id": bought["transaction_id"], "user_id": bought["user_id"], "amount_cents": kept[-1][1], "count_60s": len(kept), "sum_60s_cents": total, "ts": record.timestamp}


TOPOLOGIES = {"enrich": enrich, "fraud": fraud}


def output(key, timestamp, fields):
    return key, timestamp, tuple(sorted(fields.items()))


def check(run, report, guarantee="exactly-once"):
    expected = collections.Counter(output(record.key, record.timestamp, fields) for record, fields in TOPOLOGIES[run.topology](run.inputs, run.users))
    found, broken = collections.Counter(), []
    for record in run.outputs:
        try:
            found[output(record.key, record.timestamp, json.loads(record.value))] += 1
        except (ValueError, AttributeError, TypeError):
            broken.append((record.partition, record.offset, record.value))
    print(f"       {len(run.inputs)} records in, {len(run.outputs)} out, {sum(expected.values())} expected")
    report.expect("there is input, and output to be expected", [] if run.inputs and expected else ["none"])
    report.expect("every record of the output is a JSON object", broken)
    if guarantee == "exactly-once":
        report.expect("nothing is lost", (expected - found).keys())
        report.expect("nothing is doubled, nothing comes from nowhere", (found - expected).keys())
    else:
        check_at_least_once(run, report, expected, found)
    report.expect("there are no dead letters", [record.offset for record in run.letters])
    wanted = {at: end for at, end in run.ends.items() if at[0] == run.input_topic}
    report.expect("the committed offsets are the ends of the input", [(at, run.committed.get(at), end) for at, end in wanted.items() if end and run.committed.get(at) != end])
    report.expect("no transaction hangs", run.hanging)
    check_live(run, report)


def check_at_least_once(run, report, expected, found):
    """What is processed again is written again; `fraud` then also counts it again."""
    if run.topology == "enrich":
        report.expect("nothing is lost", expected.keys() - found.keys())
        report.expect("nothing comes from nowhere", found.keys() - expected.keys())
    else:
        ids = {dict(fields)["transaction_id"] for _, _, fields in found}
        report.expect("nothing is lost", {dict(fields)["transaction_id"] for _, _, fields in expected} - ids)
    print(f"       written again: {sum(found.values()) - sum(expected.values())}")
