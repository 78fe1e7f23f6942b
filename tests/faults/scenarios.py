"""scenarios.py: short stories in which every promise of the checker is put to the test: customers, what happens to
them, and the verdict. Each runs on a stack of its own; the planted bugs (planted/README.md) name the one that must
show them."""

import base64
import collections
import configparser
import contextlib
import hashlib
import hmac
import os
import pathlib
import random
import signal
import sys
import threading
import time
import urllib.parse

import requests

import checker
import far
from stack import CPS, eventually
from world import BUSY, TALKS, World

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "api"))

from receiver import Receiver  # noqa: E402

WORKERS = 16  # so many can wait for the committer at once
FEW = 5       # calls a second: one dial too many stands out
ONE = 1       # and so does one that comes too late, since the next follows within the second
SLOW = 0.2    # and one that comes too early
SETTLED_S = 25
# Everything that the simulator can do to a dial, but for what takes long.
WAYS = (BUSY, TALKS, "0006", "0007", "0008", "0009", "0010", "0011", "0012")


class Story:
    """Some customers of a stack. In the end: what went wrong on the way, and what the checker says."""

    def __init__(self, stack, cps):
        self.stack, self.cps = stack, cps
        self.worlds, self.paths, self.troubles = [], {}, []
        self.promised = collections.defaultdict(set)  # of each customer: what is to be processed
        self.receiver = Receiver(stack.folder / "tls")

    # ---- customers ----

    def customer(self, answers=204, at_once=100, quota=None):
        """With a webhook, whose answers these are (receiver.py)."""
        world = World(self.stack, f"w{len(self.worlds)}-{os.urandom(4).hex()}", at_once)
        world.patience = 10
        if quota is not None:
            self.stack.command("workspace", "change", world.workspace, "--quota", str(quota))
        path = "/" + world.workspace
        self.receiver.answers[path] = answers
        answer = world.session().put(world.url("/users/me/webhook"), timeout=15,
                                     json={"url": self.receiver.url(path)})
        assert answer.status_code == 200, answer.text
        self.worlds.append(world)
        self.paths[world.workspace] = path
        return world

    @contextlib.contextmanager
    def attempt(self):
        """What fails here is told at the end: where a bug was planted, the verdict is wanted all the same."""
        try:
            yield
        except AssertionError as error:
            self.troubles.append(str(error) or repr(error))

    def post_all(self, world, suffixes, threads=8, per_second=None):
        with self.attempt():
            with world.load([world.number(s) for s in suffixes], threads, per_second):
                pass

    # ---- faults ----

    def dying(self, name, point):
        """The daemon anew; the first of its processes that comes to a point dies there and leaves this mark."""
        mark = self.stack.folder / "tmp" / "crashed"
        mark.unlink(missing_ok=True)
        self.stack.launch(name, OFFHOOK_CRASH_AT=point, OFFHOOK_CRASH_ONCE=str(mark))
        self.stack.ready()
        return mark

    # ---- the carrier's voice ----

    def callback(self, call_id, attempt, sid, status, token=None):
        """A status callback, signed by the carrier's token or by another one."""
        path = f"/twilio/status/{call_id}?attempt={attempt}"
        form = {"CallSid": sid, "CallStatus": status, "CallDuration": "30"}
        if token is None:
            conf = configparser.ConfigParser(interpolation=None)
            conf.read_string(pathlib.Path(self.stack.env["OFFHOOK_CONF"]).read_text())
            token = conf["twilio"]["auth_token"].strip('"')
        text = self.stack.env["OFFHOOK_URL"] + path + "".join(n + v for n, v in sorted(form.items()))
        mac = hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()
        return requests.post(self.stack.env["OFFHOOK_URL"] + path, data=form, timeout=15,
                             verify=self.stack.env["OFFHOOK_CA"],
                             headers={"X-Twilio-Signature": base64.b64encode(mac).decode()})

    def legs(self, world, calls, seconds=15):
        """The carrier's legs of these calls, once they are all bound: call_id, attempt, sid."""
        def found():
            rows = self.stack.rows(
                "SELECT call_id, attempt_id::text AS attempt, call_sid AS sid FROM attempts WHERE workspace_id = %s"
                " AND call_id = ANY (%s) AND call_sid IS NOT NULL", world.workspace, list(calls))
            return rows if len(rows) == len(calls) else None
        return eventually(found, seconds, "not all were dialed")

    # ---- the end ----

    def delivered(self, world, seconds):
        """Waits until nothing is to come any more and all is told; what is only put off is told now."""
        def done():
            world.hurry()
            self.stack.rows(
                "UPDATE webhook_deliveries SET next_at = clock_timestamp() WHERE workspace_id = %s"
                " AND state = 'pending' AND next_at > clock_timestamp() + interval '1 s'"
                " AND attempts > 0 AND next_at < clock_timestamp() + interval '60 s'", world.workspace)
            return self.stack.value(
                "SELECT (SELECT count(*) FROM calls WHERE workspace_id = %s AND NOT fn.call_settled(call_id))"
                " + (SELECT count(*) FROM webhook_deliveries WHERE workspace_id = %s AND state = 'pending')",
                world.workspace, world.workspace) == 0
        eventually(done, seconds, "not all was delivered")

    def told(self, world):
        """All that a customer can find out: of its own calls, and by asking for those of the others."""
        texts = [world.get(path).text for path in (
            "/calls?limit=1000", "/users/me", "/users/me/webhook/deliveries?limit=200")]
        for call_id in [c for w in self.worlds for c in list(w.calls())[:6]]:
            texts += [world.session().get(world.url(f"/calls/{call_id}{part}"), timeout=15,
                                          headers={"Accept": "application/json"}).text
                      for part in ("", "/why", "/events", "/transcript-merged")]
        texts += [m.body.decode() for m in self.receiver.at(self.paths[world.workspace])]
        return texts + [a["body"] for a in world.answers]

    def verdict(self):
        """The checker's sentences, after some time for all to end: what has not by then never will."""
        end = time.monotonic() + SETTLED_S
        for world in self.worlds:
            with self.attempt():
                world.settle(end - time.monotonic())
            with self.attempt():
                self.delivered(world, end - time.monotonic())
            world.hear(self.receiver.at(self.paths[world.workspace]))
        found = []
        for world in self.worlds:
            jobs = self.stack.rows("SELECT coalesce(call_id, external_id) AS job FROM jobs WHERE workspace_id = %s",
                                   world.workspace)
            evidence = world.evidence(promised=self.promised[world.workspace], jobs=[r["job"] for r in jobs])
            evidence.cps = self.cps
            found += checker.violations(evidence)
        if len(self.worlds) > 1:
            found += checker.check_secrets(checker.Evidence(
                words={w.workspace: {w.word, *w.calls()} for w in self.worlds},
                replies=[(w.workspace, text) for w in self.worlds for text in self.told(w)]))
        return list(dict.fromkeys(found))


# ---- the stories ----

def load(story):
    """Two customers, one with a webhook that is ill at first; every way in which a dial can end; keys that come
    again, with the same call, with another, and of two customers at once."""
    one = story.customer()
    two = story.customer([500, "close", 503, 500, 404, 500, 204])
    for world in (one, two):
        story.post_all(world, WAYS * 2)
    with story.attempt():
        nobodys = story.stack.new_prefix() + "00000012"
        for world in (one, two):
            world.post(nobodys, key="of-both", brief="Book a table.")
            for to in [a["to"] for a in world.answers if checker.told(a)][::4]:
                world.post(to)  # the answer that was given first
            world.ask(world.number(), key=world.answers[0]["key"])
            world.settle(SETTLED_S)
            world.post(world.answers[0]["to"])  # long over, and still the same call


def together(story, wanted):
    """These ask while the committer stands still, so that it finds them all at once."""
    pid = story.stack.child("api", "committer")
    os.kill(pid, signal.SIGSTOP)
    try:
        askers = [threading.Thread(target=world.ask, args=(to,), daemon=True) for world, to in wanted]
        for asker in askers:
            asker.start()
        time.sleep(0.5)
    finally:
        os.kill(pid, signal.SIGCONT)
    for asker in askers:
        asker.join(20)


def committer(story):
    """Calls that are accepted together: some with one key, more than the credits of one customer cover; then new ones
    with some that ask again, in whatever order the workers stand."""
    one, two, poor = story.customer(), story.customer(), story.customer(quota=4)
    again = [(world, world.number()) for world in (one, two) * 3]
    together(story, again[:2] * 3 + again[2:] + [(poor, poor.number(TALKS)) for _ in range(6)])
    for _ in range(4):
        together(story, again + [(world, world.number()) for world in (one, two) * 3])
    for _ in range(6):
        poor.ask(poor.number(TALKS))


def crash_api(story, point):
    """The committer dies at a point, while some wait for it; they ask again."""
    world = story.customer()
    mark = story.dying("api", point)
    story.post_all(world, [BUSY] * 24, threads=12)
    with story.attempt():
        eventually(mark.exists, 5, f"{point} was never reached")


def crash(story, point):
    """A child of the scheduler dies at a point while calls are dialed of which the carrier tells nothing by itself."""
    world = story.customer()
    mark = story.dying("scheduler", point)
    with story.attempt():
        numbers = [world.number() for _ in range(6)]
        for to in numbers:
            story.stack.rule(to=to, outcome="silent", ring_ms=2500)
        with world.load(numbers, threads=2):
            pass
        eventually(mark.exists, 15, f"{point} was never reached")


def kills(story):
    """The dialer is killed after each dial."""
    world = story.customer()
    story.post_all(world, [BUSY] * 4)
    with story.attempt():
        for count in (1, 2, 3):
            eventually(lambda: sum(p["at"] > world.since for p in story.stack.posts()) >= count, 15,
                       "nobody dials")
            os.kill(story.stack.child("scheduler", "dialer"), signal.SIGKILL)


def backlog(story):
    """More calls than a few seconds take at few calls a second, some of which the carrier throttles."""
    world = story.customer()
    story.post_all(world, [BUSY, "0009", BUSY] * 10, threads=WORKERS)


def takeover(story):
    """The dialer stands still until another has taken over, and then goes on, over a backlog."""
    stack = story.stack
    world = story.customer()
    with stack.scheduler():
        story.post_all(world, [BUSY] * 160, threads=WORKERS)
        dialers = stack.children("scheduler", "dialer")
        for pid in dialers:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(6)
        for pid in dialers:
            os.kill(pid, signal.SIGCONT)
        with story.attempt():
            world.settle(SETTLED_S)


def late(story):
    """The carrier is far away, and the dialer stands still for a while again and again."""
    stack = story.stack
    world = story.customer()
    sim = urllib.parse.urlsplit(stack.env["OFFHOOK_SIM_URL"])
    tls = stack.folder / "tls"
    with far.far_away(tls / "server.pem", tls / "server.key", (sim.hostname, sim.port), 0.1) as port:
        stack.launch("scheduler", OFFHOOK_TWILIO_API_URL=f"https://localhost:{port}",
                     OFFHOOK_WEBHOOKS_CA_FILE=stack.env["OFFHOOK_CA"])
        story.post_all(world, [BUSY] * 16)
        for _ in range(24):
            time.sleep(random.uniform(0.2, 0.5))
            for pid in stack.children("scheduler", "dialer"):
                os.kill(pid, signal.SIGSTOP)
                time.sleep(0.5)
                os.kill(pid, signal.SIGCONT)
        with story.attempt():
            world.settle(SETTLED_S)


def database(story):
    """PostgreSQL dies under load, twice."""
    world = story.customer()
    numbers = [world.number() for _ in range(240)]
    with story.attempt():
        with world.load(numbers, threads=12, per_second=60):
            for _ in range(2):
                time.sleep(1.2)
                story.stack.stop("postgres", signal.SIGQUIT)
                story.stack.up()


def callbacks(story):
    """Forged ones, ones under another leg's name, and ones that come when all is over."""
    world = story.customer()
    with story.attempt():
        numbers = [world.number() for _ in range(3)]
        for to in numbers:
            story.stack.rule(to=to, outcome="busy", ring_ms=3000)
        legs = story.legs(world, [world.post(to) for to in numbers])
        story.callback(legs[0]["call_id"], legs[0]["attempt"], legs[0]["sid"], "completed", token="another")
        story.callback(legs[1]["call_id"], legs[1]["attempt"], "CA" + "0" * 32, "completed")
        story.callback(legs[1]["call_id"], legs[2]["attempt"], legs[2]["sid"], "completed")
        world.settle(SETTLED_S)
        for leg in legs:
            for status in ("in-progress", "completed", "ringing", "busy"):
                story.callback(leg["call_id"], leg["attempt"], leg["sid"], status)


def cancel(story):
    """Calls are cancelled while they wait and while they ring."""
    world = story.customer(at_once=4)
    with story.attempt():
        ringing = [world.number() for _ in range(4)]
        for to in ringing:
            story.stack.rule(to=to, outcome="answer", ring_ms=60000)
        dialed = [world.post(to) for to in ringing]
        story.legs(world, dialed)
        waiting = [world.post(world.number()) for _ in range(6)]
        for call_id in waiting[::2] + dialed:
            world.cancel(call_id)


def expiry(story):
    """Calls whose time runs out while they wait for a customer's only line."""
    world = story.customer(at_once=1)
    with story.attempt():
        first = world.number()
        story.stack.rule(to=first, outcome="busy", ring_ms=4000)
        story.legs(world, [world.post(first)])
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
        for _ in range(4):
            world.post(world.number(), not_after=until)


def spool(story):
    """Calls are given to be processed while PostgreSQL is away."""
    stack, world = story.stack, story.customer()
    calls = [f"call-{os.urandom(8).hex()}" for _ in range(6)]
    with story.attempt():
        stack.stop("postgres", signal.SIGQUIT)
        for call_id in calls:
            answer = world.session().post(world.url("/api/v1/process"), timeout=15, json={
                "call_id": call_id, "tenant_id": world.workspace})
            assert answer.status_code == 202, answer.text
            story.promised[world.workspace].add(call_id)
        time.sleep(3)
        stack.up()
        eventually(lambda: not any(len(p.name) == 81 for p in (stack.folder / "data" / "spool").iterdir()),
                   15, "the spool is not empty")


# name: what happens, and calls a second
STORIES = {
    "load": (load, CPS), "committer": (committer, CPS), "crash-api": (crash_api, CPS), "crash": (crash, CPS),
    "kills": (kills, SLOW), "backlog": (backlog, FEW), "takeover": (takeover, CPS), "late": (late, ONE),
    "database": (database, CPS), "callbacks": (callbacks, CPS), "cancel": (cancel, CPS), "expiry": (expiry, CPS),
    "spool": (spool, CPS),
}
