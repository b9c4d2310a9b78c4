"""What two runs have written, compared: the application that changed hands beside the one that never did."""
import collections
import json


def row(record):
    """A record by what it says: JSON objects are equal whatever the order of their fields."""
    value = None if record.value is None else tuple(sorted(json.loads(record.value).items()))
    return record.key, record.timestamp, value


def last_rows(records):
    """What a table holds in the end: the last record of each key, which is in one partition."""
    found = {record.key: row(record) for record in records}
    return {key: said for key, said in found.items() if said[2] is not None}


def by_key(records):
    """All that was said of each key, in order."""
    found = collections.defaultdict(list)
    for record in records:
        found[record.key].append(row(record))
    return found


def differing(one, other):
    """Keys for which two dictionaries do not say the same, with both words."""
    return [(key, one.get(key), other.get(key)) for key in sorted(one.keys() | other.keys()) if one.get(key) != other.get(key)]


def check_table(report, name, expected, found):
    report.expect(f"{name}: the final rows are those of Java alone", differing(last_rows(expected), last_rows(found)))


def check_sequences(report, name, expected, found):
    report.expect(f"{name}: every update of every key is that of Java alone", differing(by_key(expected), by_key(found)))


def check_counts(report, name, expected, found):
    counts = [{key: len(rows) for key, rows in by_key(records).items()} for records in (expected, found)]
    report.expect(f"{name}: as many updates of every key as by Java alone", differing(*counts))


def check_multiset(report, name, expected, found):
    expected, found = (collections.Counter(map(row, records)) for records in (expected, found))
    report.expect(f"{name}: nothing is lost", (expected - found).keys())
    report.expect(f"{name}: nothing is doubled, nothing comes from nowhere", (found - expected).keys())


def last_bytes(records):
    """What a changelog holds in the end, byte for byte, with the times."""
    return {record.key: (record.value, record.timestamp, tuple(record.headers)) for record in records}


def check_changelog(report, name, expected, found, trimmed):
    """`trimmed`: what is too old is deleted here earlier, there later."""
    expected, found = last_bytes(expected), last_bytes(found)
    if trimmed:
        expected = {key: value for key, value in expected.items() if key in found}
    else:
        # A broker may have compacted deletions away, and need not.
        expected, found = ({key: value for key, value in rows.items() if value[0] is not None} for rows in (expected, found))
    report.expect(f"{name}: there is something in the changelog", [] if found else ["nothing"])
    report.expect(f"{name}: the changelog holds the bytes that Java alone has written", differing(expected, found))
