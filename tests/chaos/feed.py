"""A producer beside the run, whose pace the run holds."""
import subprocess
import sys
import threading


class Feed:
    """A producer of this folder as a process of its own, so that neither waits for the other."""

    def __init__(self, script, brokers, records, seed, options):
        self.records = records
        command = [sys.executable, script, "--brokers", brokers, "--records", str(records), "--seed", str(seed), *map(str, options)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.lines = []
        self.listener = threading.Thread(target=self.listen, daemon=True)
        self.listener.start()

    def listen(self):
        for line in self.process.stdout:
            self.lines.append(line.strip())

    def rate(self, most, seconds=0):
        """At most so many records a second, and what is left in no less than so many seconds."""
        try:
            self.process.stdin.write(f"rate {most} {seconds}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass

    def has_ended(self):
        return self.process.poll() is not None

    def complaints(self):
        """What it says but that it is through."""
        wrong = [line for line in self.lines if not line.startswith("sent ")]
        if self.has_ended() and self.process.returncode:
            wrong.append(f"exit code {self.process.returncode}")
        return wrong

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.listener.join(5)
