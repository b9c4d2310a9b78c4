"""The input, portion by portion: purchases, and between them changes of the table of users.

A portion spans less event time than a window's grace, and the next one comes when the one before is processed: so nothing is late, however
far one partition runs ahead of the others, and two runs over the same input must end alike.
"""
import random

import peer_input
from confluent_kafka import Producer
from transactions import settings

PORTION_MS = 50_000
CHANGES = 200


class Portions:
    def __init__(self, brokers, topics, seed, count, records):
        self.producer = Producer(settings(brokers))
        self.input, self.users = topics
        self.size = records // count
        step = PORTION_MS / self.size
        self.purchases = peer_input.purchases(seed, self.size * count, lambda number: peer_input.START + int(number * step))
        self.chance = random.Random(seed)

    def send(self, topic, records):
        sent = 0
        for key, at, value in records:
            self.producer.produce(topic, key=key, value=value, timestamp=at)
            self.producer.poll(0)
            sent += 1
        while self.producer.flush(1):
            pass
        return sent

    def part(self, share):
        """The next so many of this portion's purchases."""
        return [record for _, record in zip(range(int(self.size * share)), self.purchases)]

    def change_users(self, number):
        """Some users are known by another tier from now on, some are no more, some are back."""
        at = peer_input.START + number * PORTION_MS
        numbers = self.chance.sample(range(peer_input.USERS), CHANGES)
        return [(f"user_{user:06}".encode(), at, self.changed(user)) for user in numbers]

    def changed(self, user):
        if self.chance.random() < 0.4:
            return None
        user = f"user_{user:06}"
        return peer_input.to_bytes({"user_id": user, "name": f"Name {self.chance.getrandbits(32):x}", "country": "KE", "tier": self.chance.choice(peer_input.TIERS)})
