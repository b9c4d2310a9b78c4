#!/usr/bin/env python3
"""docs/alerts.yml in a real Prometheus that scrapes `headwater run --listen`: each condition made real, seen firing, and seen to pass.

    python3 tests/chaos/alerts.py --headwater target/release/headwater

The thresholds are those of the file. Its durations are shortened, since nobody waits for minutes here; as they stand, `promtool` takes
them through `alerts_test.yml`. A quota of the broker makes the application slow, malformed records and a slow trigger do the rest, and
PostgreSQL crashes. While all is well nothing fires.
"""
import json
import os
import re
import subprocess
import sys
import time

from category_sales import CategorySalesChaos, options
from chaos import parser_of, play
from dashboard import WithPages, answer, free_ports
from feed import Feed
from instances import Ended

import check  # where model, which category_sales imports, finds it

HERE = os.path.dirname(os.path.abspath(__file__))
RULES = os.path.join(HERE, "..", "..", "docs", "alerts.yml")
JARS = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "headwater", "kafka-4.3.0")
# What minutes become.
HOLDS, RANGE = "2s", "14s"
FIRES, PASSES = 45, 60
WELL = 12.0
CONFIG = """
global: {{ scrape_interval: 1s, evaluation_interval: 1s }}
rule_files: [alerts.yml]
scrape_configs:
  - job_name: headwater
    metrics_path: /prometheus
    static_configs: [{{ targets: ["{target}"] }}]
"""
SLOW = """create function slow() returns trigger language plpgsql as 'begin perform pg_sleep(1.5); return null; end';
    create trigger slow before insert on category_sales for each statement execute function slow()"""


class Prometheus:
    """A server of its own, with the rules of the docs in a hurry."""

    def __init__(self, directory, target):
        self.directory, self.port = os.path.join(directory, "prometheus"), free_ports(1)[0]
        os.makedirs(self.directory)
        with open(RULES, encoding="utf-8") as rules:
            hurried = re.sub(r"\[5m\]", f"[{RANGE}]", re.sub(r"for: \d+m", f"for: {HOLDS}", rules.read()))
        for name, text in [("alerts.yml", hurried), ("prometheus.yml", CONFIG.format(target=target))]:
            with open(os.path.join(self.directory, name), "w", encoding="utf-8") as file:
                file.write(text)
        self.log = os.path.join(self.directory, "server.log")
        command = ["prometheus", "--config.file", "prometheus.yml", "--storage.tsdb.path", "data", "--web.listen-address", f"127.0.0.1:{self.port}"]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, cwd=self.directory, stdout=log, stderr=log)

    def ask(self, what):
        status, text = answer(f"http://127.0.0.1:{self.port}/api/v1/{what}")
        return json.loads(text)["data"] if status == 200 else None

    def rules(self):
        """name -> (state, error)"""
        groups = (self.ask("rules") or {"groups": []})["groups"]
        return {rule["name"]: (rule["state"], rule.get("lastError", "")) for group in groups for rule in group["rules"]}

    def firing(self):
        return {name for name, (state, _) in self.rules().items() if state == "firing"}

    def is_scraping(self):
        targets = (self.ask("targets") or {"activeTargets": []})["activeTargets"]
        return any(target["health"] == "up" for target in targets)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Alerts(CategorySalesChaos):
    prometheus = None

    def make_topics(self):
        super().make_topics()
        # Each partition has a writer of its own, and each of them a connection.
        self.servers.create_topic(self.output, 8)

    def make_app(self):
        return WithPages(self.arguments, self.servers, self.directory)

    def feed_options(self):
        return [*super().feed_options(), "--step-ms", 100]

    def malformed(self):
        """A second producer, whose records are all wrong."""
        return Feed(os.path.join(HERE, self.feed_script), self.servers.brokers, self.arguments.records, self.arguments.seed + 1, [*super().feed_options(), "--bad", 1])

    def quota(self, *change):
        """What the broker lets any consumer read each second."""
        command = ["java", "-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", os.path.join(JARS, "*"), "kafka.admin.ConfigCommand", "--bootstrap-server", self.servers.brokers]
        subprocess.run([*command, "--alter", *change, "--entity-type", "clients", "--entity-default"], check=True, capture_output=True)

    def until(self, what, condition, seconds):
        began = time.monotonic()
        while not condition():
            for slot in self.running():
                slot.life.check_alive()
            if time.monotonic() - began > seconds:
                return False
            time.sleep(0.2)
        self.journal.note(what, after=round(time.monotonic() - began, 1))
        return True

    def fires(self, *names):
        for name in names:
            fired = self.until(f"{name} fires", lambda name=name: name in self.prometheus.firing(), FIRES)
            self.report.expect(f"{name} fires", [] if fired else [self.prometheus.rules().get(name)])

    def passes(self, *names):
        for name in names:
            passed = self.until(f"{name} is inactive", lambda name=name: self.prometheus.rules().get(name, ("unknown",))[0] == "inactive", PASSES)
            self.report.expect(f"{name} passes", [] if passed else [self.prometheus.rules().get(name)])

    def end(self):
        if self.prometheus:
            self.prometheus.stop()
        super().end()


def as_they_stand(run):
    for what, command in [("the rules are rules", ["promtool", "check", "rules", RULES]), ("with their own durations they fire beyond their thresholds, and not at them", ["promtool", "test", "rules", os.path.join(HERE, "alerts_test.yml")])]:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        run.report.expect(what, [] if done.returncode == 0 else [done.stdout + done.stderr])


def act(run):
    as_they_stand(run)
    slot = run.slots[0]
    run.feed.rate(run.arguments.rate)
    slot.start()
    slot.life.wait("commit", slot.life.has_committed)
    run.prometheus = Prometheus(run.directory, f"127.0.0.1:{run.app.ports[0]}")
    if not run.until("prometheus scrapes", run.prometheus.is_scraping, FIRES):
        raise Ended(f"prometheus does not scrape, see {run.prometheus.log}")
    run.until("nothing fires", lambda: run.prometheus.rules() and not run.prometheus.firing(), FIRES)
    fired, until = set(), time.monotonic() + WELL
    while time.monotonic() < until:
        fired |= run.prometheus.firing()
        time.sleep(0.5)
    run.report.expect("while all is well nothing fires", fired)

    run.quota("--add-config", "consumer_byte_rate=60000")
    run.journal.note("the broker lets the application read slowly")
    run.fires("HeadwaterLag", "HeadwaterSlowerThanInput")
    run.quota("--delete-config", "consumer_byte_rate")
    run.journal.note("as fast as it likes")
    run.passes("HeadwaterLag", "HeadwaterSlowerThanInput")

    malformed = run.malformed()
    try:
        malformed.rate(run.arguments.rate * 0.1)
        run.fires("HeadwaterErrors")
    finally:
        malformed.stop()
    run.passes("HeadwaterErrors")

    run.servers.rows(SLOW)
    run.journal.note("the database is slow")
    run.fires("HeadwaterPoolBusy", "HeadwaterSlowQueries")
    run.servers.rows("drop function slow cascade")
    run.journal.note("the database is quick")
    run.passes("HeadwaterPoolBusy", "HeadwaterSlowQueries")

    run.servers.script("postgres", "crash")
    run.journal.note("crash of postgres")
    run.fires("HeadwaterSinkErrors")
    run.servers.script("postgres", "restart")
    run.journal.note("postgres is back")
    run.passes("HeadwaterSinkErrors")
    run.report.expect("every rule could be evaluated all along", [(name, error) for name, (_, error) in run.prometheus.rules().items() if error])
    run.report.expect("the application stops in good order", [code for code in [slot.life.terminate()] if code])


def main():
    parser = options(parser_of(__doc__))
    parser.set_defaults(records=100_000_000, rate=2_000, late=0, bad=0)
    arguments = parser.parse_args()
    arguments.instances = 1
    return play(Alerts, arguments, check.Report(), act)


if __name__ == "__main__":
    sys.exit(main())
