#!/usr/bin/env python3
"""Starts the demo and reads its page in a real browser, as a person would.

    python3 tests/browser/demo.py --headwater PATH [--points 30] [--screenshot FILE]

Runs `headwater demo` in a folder of its own, waits until the trend has the points that a minute must bring, then lets `page.py`
compare everything on the page with the database. Ends with a plain count.
"""
import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--headwater", required=True)
    options.add_argument("--points", type=int, default=30)
    options.add_argument("--screenshot")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "data")
        demo = subprocess.Popen([given.headwater, "demo", "--data", data], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        # A demo that says nothing is ended, so that reading its output ends too.
        guard = threading.Timer(60, demo.kill)
        guard.start()
        try:
            address = next((found[0] for line in demo.stdout for found in [re.findall(r"http://[0-9.:]+/", line)] if found), None)
            guard.cancel()
            if address is None:
                sys.exit("the demo printed no address")
            command = [sys.executable, os.path.join(HERE, "page.py"), "--points", str(given.points)]
            command += ["--screenshot", given.screenshot] if given.screenshot else []
            code = subprocess.run(command + [address, os.path.join(data, "headwater.sqlite")]).returncode
        finally:
            guard.cancel()
            demo.send_signal(signal.SIGTERM)
            ended = demo.wait(timeout=30)
        if ended != 0:
            print(f"the demo ended with {ended} on SIGTERM")
        sys.exit(code or ended)


if __name__ == "__main__":
    main()
