#!/usr/bin/env python3
"""CPU and throughput of an application on the embedded log, everything on.

Generates the input first, then lets `headwater run` drain it and reads the process's own CPU time (user + system, all threads) at the
moment the last record stands in the table. Exactly-once, 100 ms commits, SQLite.

    python3 benches/category_sales.py --headwater PATH [--app category-sales|analytics] [--records 1000000] [--runs 3] [--step 1ms]
"""
import argparse
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

TICKS = os.sysconf("SC_CLK_TCK")
# Input and how many of its records the table holds. Windows of analytics that begin with a minute hold each record once.
APPS = {
    "category-sales": ("transactions", "select coalesce(sum(transaction_count), 0) from category_sales"),
    "analytics": ("sales-stream", "select coalesce(sum(orders), 0) from analytics_results where window_start like '%:00Z'"),
}


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def peak_memory_mib(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM"))


def counted(path, query):
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
            rows = db.execute(query).fetchone()[0]
            return rows + db.execute("select count(*) from dead_letters").fetchone()[0]
    except sqlite3.OperationalError:
        return 0


def run(headwater, app, records, bad, step):
    source, query = APPS[app]
    with tempfile.TemporaryDirectory(dir=os.environ.get("HEADWATER_BENCH_DIR")) as data:
        generate = [headwater, "generate", source, "--data", data, "--count", str(records), "--seed", "7", "--rate", "0",
                    "--start", "2026-01-01T00:00:00Z", "--step", step, "--bad", str(bad)]
        subprocess.run(generate, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        began = time.monotonic()
        app = subprocess.Popen([headwater, "run", app, "--data", data], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while counted(f"{data}/headwater.sqlite", query) < records:
                if app.poll() is not None:
                    sys.exit(f"headwater ended with {app.returncode} before the input was drained")
                if time.monotonic() - began > 300:
                    sys.exit("not drained within 300 s")
                time.sleep(0.02)
            wall, cpu, memory = time.monotonic() - began, cpu_seconds(app.pid), peak_memory_mib(app.pid)
        finally:
            app.send_signal(signal.SIGTERM)
            app.wait(timeout=30)
        return wall, cpu, memory


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--headwater", required=True)
    options.add_argument("--records", type=int, default=1_000_000)
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--bad", type=float, default=0.0)
    options.add_argument("--app", default="category-sales", choices=APPS)
    options.add_argument("--step", default="1ms", help="event time from one record to the next")
    given = options.parse_args()
    print("run  wall s  records/s  CPU s/million  peak MiB")
    for number in range(given.runs):
        wall, cpu, memory = run(given.headwater, given.app, given.records, given.bad, given.step)
        print(f"{number:3}  {wall:6.2f}  {given.records / wall:9.0f}  {cpu * 1e6 / given.records:13.2f}  {memory:8}", flush=True)


if __name__ == "__main__":
    main()
