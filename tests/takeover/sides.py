"""The two sides of a takeover as processes: the peer on Kafka Streams, and `peer-app`. Both are told what to do by the same environment."""
import os
import shutil
import signal
import subprocess
import time

POLL = 0.05
STOP_DEADLINE = 90
TEN_YEARS_MS = 10 * 365 * 86_400_000
# A dead member is in the group for so long.
SESSION_MS = 6_000


class Ended(Exception):
    """A process ended by itself, or did not do in time what it should."""


class Job:
    """What both sides work on: one application id, its topics, and where each side keeps its state."""

    def __init__(self, directory, brokers, group, kind, topics):
        self.directory, self.brokers, self.group, self.kind = directory, brokers, group, kind
        self.input, self.output, self.users = topics
        os.makedirs(directory, exist_ok=True)

    def environment(self, state):
        return {
            "BOOTSTRAP": self.brokers,
            "APP_ID": self.group,
            "TOPOLOGY": self.kind.topology,
            "INPUT": self.input,
            "OUTPUT": self.output,
            "USERS": self.users,
            "GUARANTEE": self.kind.guarantee,
            "THREADS": "1",
            "STATE_DIR": state,
            "COMMIT_MS": "100",
            "CACHE_BYTES": self.kind.cache,
            "LINGER_MS": "",
            "SESSION_MS": str(SESSION_MS),
        }


class Java:
    name = "Java"
    ready = "STATE RUNNING"
    # It goes on after what it has not written itself; where this is missing it has not seen our metadata at all.
    unknown_metadata = "Unsupported offset metadata version found"
    strangers = "InconsistentGroupProtocolException"

    def __init__(self, classpath):
        self.classpath = classpath

    def command(self):
        small = ["-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        quiet = ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true", "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS"]
        return ["java", *small, *quiet, "-cp", self.classpath, "peer.App"]

    def environment(self, kind):
        # The broker would delete by the wall clock what is old by its event time: that is years.
        extra = {"windowstore.changelog.additional.retention.ms": TEN_YEARS_MS, "topology.optimization": kind.optimization}
        if kind.protocol == "streams":
            # Of KIP-1071; there the broker says how long a session is.
            return {"EXTRA": extra_of(extra), "GROUP_PROTOCOL": kind.protocol, "SESSION_MS": ""}
        return {"EXTRA": extra_of({**extra, "consumer.heartbeat.interval.ms": 1_000})}


def extra_of(settings):
    return ";".join(f"{name}={value}" for name, value in settings.items())


class Headwater:
    name = "Headwater"
    ready = "assigned task="
    unknown_metadata = "unknown metadata"
    strangers = "the group has members of another kind"

    def __init__(self, peer_app):
        self.peer_app = os.path.abspath(peer_app)

    def command(self):
        return [self.peer_app]

    def environment(self, kind):
        return {"TIME_RULE": "kafka", "OPTIMIZATION": kind.optimization, "HEADWATER_LOG": "info"}


class Life:
    """One process of one side, from its start to its end."""

    lives = []

    def __init__(self, side, job, state, label):
        self.side, self.label = side, label
        self.log = os.path.join(job.directory, f"{label}.log")
        environment = {**os.environ, **job.environment(state), **side.environment(job.kind)}
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(side.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=job.directory, env=environment)
        Life.lives.append(self)

    def __str__(self):
        return f"{self.side.name} in {self.label}"

    def text(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def last_words(self):
        return f"{self.log} ends with:\n" + "\n".join(self.text().splitlines()[-25:])

    def wait(self, what, condition, seconds):
        deadline = time.monotonic() + seconds
        while not condition():
            if self.process.poll() is not None:
                raise Ended(f"{self} ended by itself with {self.process.returncode}; {self.last_words()}")
            if time.monotonic() > deadline:
                raise Ended(f"{self}: not {what} within {seconds} s; {self.last_words()}")
            time.sleep(POLL)

    def end(self, is_killed=False):
        """Ends it; returns the exit code of an end in good order, 0 for one that was killed."""
        self.process.send_signal(signal.SIGKILL if is_killed else signal.SIGTERM)
        try:
            code = self.process.wait(STOP_DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return f"still running after {STOP_DEADLINE} s"
        # A JVM that SIGTERM has ended in good order says so with 143.
        return 0 if is_killed or code in (0, 143) else code


def end_all():
    """Whatever happened: none of our processes stays."""
    for life in Life.lives:
        if life.process.poll() is None:
            life.process.kill()
            life.process.wait()


def wipe(directory):
    shutil.rmtree(directory, ignore_errors=True)
