#!/usr/bin/env python3
"""Prints ports of 127.0.0.1 on which nobody listens: `free_ports.py COUNT`.

They lie below the range from which the system takes ports for outgoing connections: while a server is down, a client of its own could
be given the server's port there, even connect to itself, and the server would not come back.
"""
import random
import socket
import sys

LOWEST, HIGHEST = 20_000, 32_000


def is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_ports(count):
    found = []
    while len(found) < count:
        port = random.SystemRandom().randrange(LOWEST, HIGHEST)
        if port not in found and is_free(port):
            found.append(port)
    return found


if __name__ == "__main__":
    print(*free_ports(int(sys.argv[1])))
