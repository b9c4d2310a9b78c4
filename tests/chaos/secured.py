#!/usr/bin/env python3
"""TLS, SASL and passwords through the command line: `headwater` against a Kafka with SASL_SSL and a PostgreSQL that wants TLS.

    python3 tests/chaos/secured.py --headwater target/release/headwater

What is right works end to end, with passwords from the environment, from files, and with everything in a file of settings. Each mistake
(password, authority, host name, of either server, and what is missing) ends the command with exit code 1 and a text of its own, which says
what to do. No password is ever in an output, not even of the logs at `trace`.
"""
import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time

from servers import SCRIPTS

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "checker"))
import check  # noqa: E402

RECORDS = 4_000
WORK_DEADLINE = 60
# A mistake that only patience tells from a server that is away is not told to a person at all.
REFUSAL_DEADLINE = 30
WRONG = "hunter2-of-nobody"
COUNTED = "select (select coalesce(sum(transaction_count), 0) from category_sales) + (select count(*) from dead_letters)"


class Secured:
    """Both servers, with one authority, and how the command is told of them."""

    def __init__(self, arguments, directory):
        self.headwater, self.directory = os.path.abspath(arguments.headwater), directory
        os.chmod(directory, 0o711)
        self.places = {name: os.path.join(directory, name) for name in ("kafka", "postgres")}
        self.outputs = []

    def start(self):
        certificates = os.path.join(self.directory, "certificates")
        subprocess.run([os.path.join(SCRIPTS, "..", "tests", "servers", "certificates"), certificates], check=True)
        options = {"kafka": ["--secure"], "postgres": ["--tls"]}
        started = [subprocess.Popen([os.path.join(SCRIPTS, name), "start", "--dir", self.places[name], "--certificates", certificates, *options[name]], stdout=subprocess.DEVNULL) for name in self.places]
        if any([server.wait() for server in started]):
            sys.exit("a server does not start")
        self.kafka, self.database = self.named("kafka"), self.named("postgres")
        # The account without its password, which goes another way.
        self.url, self.wrong_url = (self.database[name].replace(f":{self.database['PASSWORD']}@", "@") for name in ("URL", "WRONG_HOST"))

    def named(self, name):
        """What the script says about its server."""
        with open(os.path.join(self.places[name], "env"), encoding="utf-8") as lines:
            return dict(line.strip().split("=", 1) for line in lines)

    def stop(self):
        for name, place in self.places.items():
            subprocess.run([os.path.join(SCRIPTS, name), "kill", "--dir", place], check=False, stderr=subprocess.DEVNULL)

    def kafka_flags(self, **other):
        flags = {"brokers": self.kafka["SECURE"], "kafka_security": "sasl-ssl", "kafka_ca_file": self.kafka["CA"], "kafka_username": self.kafka["ACCOUNT"]}
        return as_flags({**flags, **other})

    def postgres_flags(self, **other):
        return as_flags({"postgres": self.url, "postgres_ca_file": self.database["CA"], **other})

    def passwords(self, **other):
        return {"HEADWATER_KAFKA_PASSWORD": self.kafka["PASSWORD"], "HEADWATER_POSTGRES_PASSWORD": self.database["PASSWORD"], **other}

    def file(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def begin(self, words, environment, log="trace"):
        """A command at work, both of its outputs in one file, and nothing set but what is given."""
        given = {name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_")}
        path = os.path.join(self.directory, f"output-{len(self.outputs)}")
        self.outputs.append(path)
        with open(path, "wb") as output:
            given |= {"HEADWATER_LOG": log, **environment}
            return subprocess.Popen([self.headwater, *words], stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=self.directory, env=given), path

    def counted(self):
        given = {**os.environ, "PGPASSWORD": self.database["PASSWORD"], "PGSSLMODE": "verify-full", "PGSSLROOTCERT": self.database["CA"]}
        done = subprocess.run(["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--dbname", self.url, "--command", COUNTED], capture_output=True, text=True, env=given, check=False)
        return int(done.stdout) if done.returncode == 0 else 0


def as_flags(settings):
    return [word for name, value in settings.items() if value is not None for word in (f"--{name.replace('_', '-')}", value)]


def text_of(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def last_words(path):
    return text_of(path).splitlines()[-6:]


def works(secured, report, how, both, kafka_only, environment, count):
    """Fills the topic up to so many records and lets the application add them up."""
    maker, path = secured.begin(["generate", "transactions", *kafka_only, "--count", str(count), "--late", "0.01", "--bad", "0.01"], environment, "debug")
    report.expect(f"{how}: the generator writes", [] if maker.wait(WORK_DEADLINE) == 0 else last_words(path))
    # `trace` of all that goes by would be gigabytes, not more secrets.
    app, path = secured.begin(["run", "category-sales", *both, "--listen", "127.0.0.1:0"], environment, "debug")
    deadline = time.monotonic() + WORK_DEADLINE
    while secured.counted() < count and app.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    found = secured.counted()
    report.expect(f"{how}: the application works", [] if found == count else [found, *last_words(path)])
    app.send_signal(signal.SIGTERM)
    report.expect(f"{how}: it stops in good order", [] if app.wait(WORK_DEADLINE) == 0 else last_words(path))


def right(secured, report):
    kafka, both = secured.kafka_flags(), [*secured.kafka_flags(), *secured.postgres_flags()]
    works(secured, report, "passwords in the environment", both, kafka, secured.passwords(), RECORDS)
    files = {"kafka_password_file": secured.file("kafka-password", secured.kafka["PASSWORD"] + "\n"), "postgres_password_file": secured.file("postgres-password", secured.database["PASSWORD"] + "\n")}
    of_kafka = as_flags({"kafka_password_file": files["kafka_password_file"]})
    works(secured, report, "passwords in files", [*both, *as_flags(files)], [*kafka, *of_kafka], {}, 2 * RECORDS)
    settings = dict(zip(both[::2], both[1::2])) | {f"--{name}": value for name, value in files.items()}
    lines = [f'{flag[2:].replace("-", "_")} = "{value}"' for flag, value in settings.items()]
    named = ["--config", secured.file("headwater.toml", "\n".join(lines))]
    works(secured, report, "all in a file of settings", named, named, {}, 3 * RECORDS)
    config, path = secured.begin(["config", *named], secured.passwords())
    report.expect("`config` shows stars", [] if config.wait(WORK_DEADLINE) == 0 and "***" in text_of(path) else last_words(path))


def mistakes(secured):
    """(what is wrong, flags, environment, the words that say so, the words that say what to do)"""
    kafka, postgres, wrong_file = secured.kafka_flags, secured.postgres_flags, secured.file("wrong-password", WRONG)
    flags, passwords = [*kafka(), *postgres()], secured.passwords
    user, other_ca = secured.kafka["ACCOUNT"], secured.kafka["OTHER_CA"]
    return [
        ("Kafka, wrong password in the environment", flags, passwords(HEADWATER_KAFKA_PASSWORD=WRONG), f"user {user}", "correct user or password"),
        ("Kafka, wrong password in a file", [*flags, "--kafka-password-file", wrong_file], passwords(HEADWATER_KAFKA_PASSWORD=""), f"user {user}", "correct user or password"),
        ("Kafka, wrong authority", [*kafka(kafka_ca_file=other_ca), *postgres()], passwords(), f"not signed by an authority in {other_ca}", "give the file of the authority that signed it"),
        ("Kafka, wrong host name", [*kafka(brokers=secured.kafka["WRONG_HOST"]), *postgres()], passwords(), "another host name", "connect by a name that the certificate carries"),
        ("Kafka, no password", flags, passwords(HEADWATER_KAFKA_PASSWORD=""), "kafka_password", "HEADWATER_KAFKA_PASSWORD"),
        ("Kafka, no TLS", [*kafka(kafka_security=None, kafka_ca_file=None, kafka_username=None), *postgres()], passwords(), "TLS", "turn TLS on"),
        ("PostgreSQL, wrong password in the environment", flags, passwords(HEADWATER_POSTGRES_PASSWORD=WRONG), "refuses the password of user", "check both"),
        ("PostgreSQL, wrong password in a file", [*flags, "--postgres-password-file", wrong_file], passwords(HEADWATER_POSTGRES_PASSWORD=""), "refuses the password of user", "check both"),
        ("PostgreSQL, wrong authority", [*kafka(), *postgres(postgres_ca_file=other_ca)], passwords(), f"not signed by an authority in {other_ca}", "name the file of the one that signed it"),
        ("PostgreSQL, wrong host name", [*kafka(), *postgres(postgres=secured.wrong_url)], passwords(), "is not for host 127.0.0.1", "connect by a name that it holds"),
        ("PostgreSQL, no password", flags, passwords(HEADWATER_POSTGRES_PASSWORD=""), "asks for the password of user", "put it into a file or the environment"),
        ("PostgreSQL, no TLS", [*kafka(), *postgres(postgres_ca_file=None)], passwords(), "no encryption", "speak TLS"),
    ]


def wrong(secured, report):
    said = {}
    for what, flags, environment, says, does in mistakes(secured):
        began = time.monotonic()
        app, path = secured.begin(["run", "category-sales", *flags], environment)
        try:
            code = app.wait(REFUSAL_DEADLINE)
        except subprocess.TimeoutExpired:
            app.kill()
            code = app.wait()
        error = next((line for line in text_of(path).splitlines() if line.startswith("error: ")), "")
        hint = next((line for line in text_of(path).splitlines() if line.startswith("  try: ")), "")
        print(f"       {time.monotonic() - began:4.1f} s  {error}{hint}")
        report.expect(f"{what}: refused", [] if code == 1 else [f"exit code {code}", *last_words(path)])
        # A hint on a second line is for what the text leaves open; beside a text that says it, it would only mislead.
        rightly = says in error and does in error and (not hint or "headwater config" in hint)
        report.expect(f"{what}: the text says what, and what to do", [] if rightly else [error, hint])
        said.setdefault(error, []).append(what.removesuffix(" in a file").removesuffix(" in the environment"))
    report.expect("each mistake has a text of its own", [whats for whats in said.values() if len(set(whats)) > 1])


def no_secret(secured, report):
    secrets = {"Kafka's": secured.kafka["PASSWORD"], "PostgreSQL's": secured.database["PASSWORD"], "the wrong": WRONG}
    found = [(whose, path, line[:200]) for path in secured.outputs for line in text_of(path).splitlines() for whose, secret in secrets.items() if secret in line]
    report.expect("no output of any command holds a password", found)
    report.expect("there was output to look at", [] if sum(map(os.path.getsize, secured.outputs)) > 10_000 else secured.outputs)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--headwater", default=os.path.join("target", "release", "headwater"), help="the command")
    arguments = parser.parse_args()
    report = check.Report()
    with tempfile.TemporaryDirectory(prefix="headwater-secured-", ignore_cleanup_errors=True) as directory:
        secured = Secured(arguments, directory)
        try:
            secured.start()
            right(secured, report)
            wrong(secured, report)
            no_secret(secured, report)
        finally:
            secured.stop()
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
