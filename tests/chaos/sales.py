#!/usr/bin/env python3
"""The sales of `headwater generate sales-stream`, brought to Kafka by another producer at a pace that can be held.

    python3 tests/chaos/sales.py --headwater target/release/headwater --brokers B --records N --seed S [--late 0.01] [--bad 0.01] [--step 1s]

Standard input holds its pace, as that of `transactions.py`. A record's key is its user; where none can be read, it has none.
"""
import argparse
import re
import subprocess
import sys

import transactions

USER = re.compile(rb'"user_id":"([^"\\]+)"')


def records(arguments):
    command = [arguments.headwater, "generate", "sales-stream", "--to", "-", "--count", arguments.records, "--seed", arguments.seed]
    command += ["--late", arguments.late, "--bad", arguments.bad, "--step", arguments.step]
    with subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE) as made:
        for line in made.stdout:
            value = line.removesuffix(b"\n")
            user = USER.search(value)
            yield {"key": user and user[1], "value": value}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--headwater", required=True)
    parser.add_argument("--brokers", required=True)
    parser.add_argument("--topic", default="sales_stream")
    parser.add_argument("--partitions", type=int, help="not needed: keys decide")
    parser.add_argument("--records", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--late", type=float, default=0.01)
    parser.add_argument("--bad", type=float, default=0.01)
    parser.add_argument("--step", default="1s")
    arguments = parser.parse_args()
    transactions.stream(arguments.brokers, arguments.topic, records(arguments), arguments.records, transactions.pace_from_stdin())


if __name__ == "__main__":
    sys.exit(main())
