"""The page of `headwater run --listen` in a real browser, and what the server says beside it."""
import json
import os
import sys
import urllib.error
import urllib.request

from instances import CategorySales

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path += [os.path.join(HERE, "..", "browser"), os.path.join(HERE, "..", "servers")]
from free_ports import free_ports  # noqa: E402
from webdriver import Browser  # noqa: E402

READ = """
const value = (id) => document.getElementById(id).dataset.value;
return {
  state: document.body.dataset.state, total: value('total-sales'), count: Number(value('transaction-count')),
  problem: document.getElementById('problem').textContent, now: Date.now() / 1000,
  rows: [...document.querySelectorAll('#sales tbody tr')].map((row) => [...row.cells].map((cell) => cell.dataset.value)),
};
"""


class WithPages(CategorySales):
    """Each instance has its page at an address of its own, also after a restart."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.ports = free_ports(self.arguments.instances)

    def command(self, slot):
        return [*super().command(slot)[:-1], f"127.0.0.1:{self.ports[slot.number]}"]


class Dashboard:
    """One open page: it is loaded once, and comes back by itself or not at all."""

    def __init__(self, url):
        self.browser = Browser()
        self.browser.open(url)

    def close(self):
        self.browser.close()

    def read(self):
        return self.browser.run(READ)

    def state(self):
        return self.browser.run("return document.body.dataset.state")


def answer(url, seconds=5):
    """(status, text) of a page; status 0 where nobody listens."""
    try:
        with urllib.request.urlopen(url, timeout=seconds) as found:
            return found.status, found.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def health(page):
    """Status of /health, and the reason that it gives."""
    status, text = answer(page + "health")
    return status, json.loads(text)["reason"] if status else text
