"""The instances of an application: started, killed, paused and stopped as processes, seen only from outside."""
import os
import re
import signal
import subprocess
import time
import urllib.request

COMMIT_DEADLINE = 90
STOP_DEADLINE = 60
POLL = 0.02


class Ended(Exception):
    """A process ended by itself, or did not do in time what it should."""


class Application:
    """How an application of `headwater run` is called. Its commits are counted at /prometheus."""

    name = None

    def __init__(self, arguments, servers, directory):
        self.arguments, self.servers, self.directory = arguments, servers, directory
        self.group = arguments.application_id or self.name
        # The password goes into the environment: command lines are everybody's to read.
        account, _, place = servers.postgres.rpartition("@")
        name, _, self.password = account.rpartition(":")
        self.postgres = f"{name}@{place}"

    def command(self, slot):
        command = [os.path.abspath(self.arguments.headwater), "run", self.name, "--brokers", self.servers.brokers, "--postgres", self.postgres]
        command += ["--application-id", self.group, "--guarantee", self.arguments.guarantee, "--state-dir", os.path.join(slot.directory, "state")]
        if self.arguments.commit_interval:
            command += ["--commit-interval", self.arguments.commit_interval]
        return [*command, "--listen", "127.0.0.1:0"]

    def environment(self, _slot):
        return {"HEADWATER_LOG": "info", "HEADWATER_POSTGRES_PASSWORD": self.password}

    def starting(self, slot):
        """Called before a life begins."""

    def commits(self, life):
        return life.counter("headwater_commits_total")


class CategorySales(Application):
    name = "category-sales"


class Fraud(Application):
    name = "fraud"


class Dimensions(Application):
    name = "dimensions"


class Analytics(Application):
    name = "analytics"


class Life:
    """One process, from its start to its end."""

    def __init__(self, app, slot, number):
        self.app, self.slot, self.number = app, slot, number
        self.log = os.path.join(slot.directory, f"life-{number}.log")
        self.page, self.is_stopped = None, False
        self.started = time.monotonic()
        with open(self.log, "wb") as log:
            environment = {**os.environ, **app.environment(slot)}
            self.process = subprocess.Popen(app.command(slot), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=slot.directory, env=environment)

    def __str__(self):
        return f"instance {self.slot.number}, life {self.number} (process {self.process.pid})"

    def text(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def last_words(self):
        return f"{self.log} ends with:\n" + "\n".join(self.text().splitlines()[-25:])

    def counter(self, name):
        """The sum of a counter of this life; 0 while nobody answers."""
        if not self.page:
            found = re.search(r"the page: (http://\S+)", self.text())
            self.page = found and found[1]
        if not self.page:
            return 0
        try:
            with urllib.request.urlopen(self.page + "prometheus", timeout=5) as answer:
                values = re.findall(rf"^{name}(?:{{.*}})? ([0-9.e+]+)$", answer.read().decode(), re.MULTILINE)
                return int(sum(map(float, values)))
        except OSError:
            return 0

    def check_alive(self):
        if self.process.poll() is not None:
            raise Ended(f"{self} ended by itself with {self.process.returncode}; {self.last_words()}")

    def wait(self, what, condition, seconds=COMMIT_DEADLINE):
        deadline = time.monotonic() + seconds
        while not condition():
            self.check_alive()
            if time.monotonic() > deadline:
                raise Ended(f"{self}: no {what} within {seconds} s; {self.last_words()}")
            time.sleep(POLL)

    def has_committed(self):
        return self.app.commits(self) > 0

    def kill(self):
        self.is_stopped = True
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def wake(self):
        self.process.send_signal(signal.SIGCONT)

    def terminate(self):
        """SIGTERM; returns the exit code, or says that there is none."""
        self.is_stopped = True
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_DEADLINE)
        except subprocess.TimeoutExpired:
            self.kill()
            return f"still running after {STOP_DEADLINE} s"


class Slot:
    """A place for one instance at a time: its directory and its lives."""

    def __init__(self, app, number):
        self.app, self.number, self.lives = app, number, []
        self.directory = os.path.join(app.directory, f"instance-{number}")
        os.makedirs(self.directory, exist_ok=True)

    @property
    def life(self):
        return self.lives[-1]

    def start(self):
        self.app.starting(self)
        self.lives.append(Life(self.app, self, len(self.lives)))
        return self.life


def end_all(slots):
    """Whatever happened: none of our processes stays."""
    for slot in slots:
        for life in slot.lives:
            if life.process.poll() is None:
                life.process.kill()
                life.process.wait()
