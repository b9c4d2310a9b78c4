"""What is done to the instances and the servers while they work: a schedule from a seed, each action in a journal."""
import collections
import json
import random
import time

from instances import COMMIT_DEADLINE, Ended
from servers import patiently

# Longest wait before a killed or stopped instance comes back, and before a server does.
AWAY = 6.0
# A paused process is woken this long after the group has let it go.
BEYOND = 1.0
GONE_DEADLINE = 120
PROGRESS_DEADLINE = 120


def schedule(kills, seed, can_crash):
    """Names of actions: the kills, every fifth of them of all instances at once, and among them the other faults."""
    others = ["pause"] * max(1, kills // 10) + ["terminate"] * max(1, kills // 7)
    for server in can_crash:
        others += [server] * max(1, kills // (10 if server == "kafka" else 7))
    actions = ["kill all" if number % 5 == 4 else "kill" for number in range(kills)] + others
    random.Random(seed).shuffle(actions)
    return actions


class Journal:
    """JSON lines: when what was done to whom. With the seed in it, a schedule can be run again."""

    def __init__(self, path, seed):
        self.path, self.began = path, time.time()
        self.file = open(path, "w", encoding="utf-8")
        self.note("begin", seed=seed)

    def note(self, what, **fields):
        line = {"at": round(time.time() - self.began, 3), "what": what, **fields}
        print(json.dumps(line), file=self.file, flush=True)
        if what != "begin":
            details = ", ".join(f"{name} {value}" for name, value in fields.items())
            print(f"       {line['at']:8.1f} s  {what}" + (f": {details}" if details else ""), flush=True)


class Faults:
    """Does the actions. `work` says how much of the input is done: (records sent, records committed)."""

    def __init__(self, slots, servers, journal, seed, work):
        self.slots, self.servers, self.journal, self.work = slots, servers, journal, work
        self.chance = random.Random(seed + 1)
        self.done = collections.Counter()
        self.idle, self.exits = [], []

    def do(self, action):
        getattr(self, action.replace(" ", "_"))()
        self.done[action] += 1

    def committed_life(self, slot):
        """The life of an instance, once it has committed and records are coming out."""
        slot.life.wait("commit", slot.life.has_committed)
        _, before = self.work()
        slot.life.wait("progress", lambda: self.work()[1] > before)
        return slot.life

    def note(self, what, **fields):
        sent, committed = self.work()
        self.journal.note(what, **fields, sent=sent, committed=committed)
        return sent, committed

    def kill(self):
        """One, after at least one commit of its life, at a random moment."""
        slot = self.chance.choice(self.slots)
        life = self.committed_life(slot)
        time.sleep(self.chance.uniform(0, 1))
        life.check_alive()
        life.kill()
        self.note("kill", instance=slot.number, life=life.number)
        time.sleep(self.chance.choice([0, self.chance.uniform(0, AWAY)]))
        slot.start()

    def kill_all(self):
        lives = [self.committed_life(slot) for slot in self.slots]
        time.sleep(self.chance.uniform(0, 1))
        for life in lives:
            life.check_alive()
            life.kill()
        self.note("kill all")
        time.sleep(self.chance.uniform(0, AWAY / 2))
        for slot in self.slots:
            slot.start()

    def pause(self):
        """Stopped until the group has given its work to others, then woken: it must notice before it writes. Half of them are told to end
        at that very moment, and end in good order with nothing left to commit."""
        slot = self.chance.choice(self.slots)
        life = self.committed_life(slot)
        before = self.members()
        life.pause()
        self.note("pause", instance=slot.number, members=len(before))
        deadline = time.monotonic() + GONE_DEADLINE
        # Another instance may still be joining; the one that goes is the paused one, the only one that is silent.
        while not before - self.members():
            if time.monotonic() > deadline:
                life.wake()
                raise Ended(f"{life} is paused and still in the group after {GONE_DEADLINE} s")
            time.sleep(0.2)
        time.sleep(BEYOND)
        ends = self.chance.random() < 0.5
        life.wake()
        self.note("wake", instance=slot.number)
        if ends:
            self.end(slot, life)
        self.await_progress()

    def members(self):
        return set(patiently(lambda: self.servers.members(self.slots[0].app.group)))

    def terminate(self):
        slot = self.chance.choice(self.slots)
        life = self.committed_life(slot)
        self.end(slot, life)

    def end(self, slot, life):
        code = life.terminate()
        self.exits.append((str(life), code))
        self.note("terminate", instance=slot.number, code=code)
        time.sleep(self.chance.choice([0, self.chance.uniform(0, AWAY)]))
        slot.start()

    def kafka(self):
        for slot in self.slots:
            self.committed_life(slot)
        self.servers.script("kafka", "kill")
        self.journal.note("crash of kafka")
        time.sleep(self.chance.uniform(0, AWAY))
        self.servers.script("kafka", "restart")
        self.note("kafka is back")
        self.await_progress()

    def postgres(self):
        for slot in self.slots:
            self.committed_life(slot)
        how = self.chance.choice(["crash", "kill"])
        self.servers.script("postgres", how)
        self.note(f"{how} of postgres")
        time.sleep(self.chance.uniform(0, AWAY))
        self.servers.script("postgres", "restart")
        self.note("postgres is back")
        self.await_progress()

    def await_progress(self):
        """The application goes on by itself."""
        _, before = self.work()
        deadline = time.monotonic() + PROGRESS_DEADLINE
        while self.work()[1] <= before:
            for slot in self.slots:
                slot.life.check_alive()
            if time.monotonic() > deadline:
                words = "\n".join(slot.life.last_words() for slot in self.slots)
                raise Ended(f"nothing is committed for {PROGRESS_DEADLINE} s after a fault\n{words}")
            time.sleep(0.1)
