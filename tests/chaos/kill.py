#!/usr/bin/env python3
"""Kills `headwater run` again and again on a real Kafka and a real PostgreSQL, then checks what is left.

    python3 tests/chaos/kill.py --headwater target/release/headwater --kills 20 --records 1000000 --rate 20000 --seed 1
    python3 tests/chaos/kill.py --app analytics --headwater target/release/headwater --kills 10 --records 300000 --rate 10000 --seed 1

Two instances share four partitions. While records come in, instances are killed (SIGKILL, one or all), paused beyond their session
and woken, stopped and started again, Kafka and PostgreSQL crash and come back: a schedule from the seed, kept in `journal.jsonl`. Every
kill comes after at least one commit of that life and before the input is through. In the end the
application's model (`model.py`, `analytics_model.py`) says what must be there.
The servers are its own, made by `scripts/kafka` and `scripts/postgres`; with --brokers and --postgres they are others, and do not crash.
"""
import sys

import model
from analytics import AnalyticsChaos
from category_sales import CategorySalesChaos, options
from chaos import parser_of, play

import check  # where model finds it

APPS = {"category-sales": CategorySalesChaos, "analytics": AnalyticsChaos}
# From here on each of the many kinds of bad input must have come.
ENOUGH_FOR_EVERY_KIND = 50_000


def act(chaos):
    chaos.begin()
    chaos.faults()
    chaos.finish()
    run = chaos.run()
    kinds = chaos.check(run)
    chaos.report.expect("no log holds the password", chaos.secrets())
    if len(run.inputs) >= ENOUGH_FOR_EVERY_KIND:
        reasons = {reason for _, reason, _ in map(model.letter_of, run.letters)}
        wanted = [*kinds, "late"]
        chaos.report.expect("every kind of bad input was there", [kind for kind in wanted if not any(kind in reason for reason in reasons)])


def main():
    parser = options(parser_of(__doc__))
    parser.add_argument("--app", default="category-sales", choices=APPS)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--instances", type=int, default=2)
    arguments = parser.parse_args()
    return play(APPS[arguments.app], arguments, check.Report(), act)


if __name__ == "__main__":
    sys.exit(main())
