"""world.py: what one test sees: its customer, the customer's own log of what it was told, and the
verdict of the checker at the end."""

import collections
import queue
import secrets
import threading
import time

import requests

import checker
from stack import CPS, eventually

# Rings, and is busy: a call that is over after 0.3 s and needs no agent.
BUSY = "0001"
TALKS = "4711"
FAST_AFTER_CHECKS = 1


class World:
    def __init__(self, stack, name, at_once=100):
        self.stack = stack
        self.workspace = name
        stack.command("workspace", "create", name, "--quota", "100000", "--max-concurrent",
                      str(at_once))
        self.key = stack.command(
            "key", "create", "--scope", "workspace", "--id", name)["api_key"]
        self.prefix = stack.new_prefix()
        self.counter = 0
        self.patience = 40  # seconds for a definite answer
        self.answers = []  # the customer's log; appended to by several threads
        self.messages = None  # what its webhook was told
        self.word = "quail" + secrets.token_hex(6)  # stands in each of its briefs, and in nobody else's
        self.brief = f"Book a table for {self.word}."
        self.lock = threading.Lock()
        self.since = 0
        posts = stack.posts()
        if posts:
            self.since = posts[-1]["at"]

    # ---- the customer ----

    def number(self, suffix=BUSY):
        """A number that nobody has called before; its last four digits say how it goes."""
        with self.lock:
            self.counter += 1
            return f"{self.prefix}{self.counter:04d}{suffix}"

    def session(self):
        session = requests.Session()
        session.verify = self.stack.env["OFFHOOK_CA"]
        session.headers["X-API-Key"] = self.key
        session.trust_env = False
        return session

    def url(self, path):
        return self.stack.env["OFFHOOK_URL"] + path

    def ask(self, to, session=None, key=None, **more):
        """POST /calls, once, with an idempotency key; what was answered, which is written down."""
        key = key or "key-" + to
        try:
            answer = (session or self.session()).post(
                self.url("/calls"), json={"target_phone": to, "brief": self.brief, **more}, timeout=15,
                headers={"Idempotency-Key": key})
            status, text = answer.status_code, answer.text
        except requests.RequestException as error:
            status, text = None, repr(error)
        entry = {"key": key, "to": to, "status": status, "body": text}
        with self.lock:
            self.answers.append(entry)
        return entry

    def post(self, to, session=None, **more):
        """The same again and again with the same key until there is a definite answer. Returns the call's id."""
        session = session or self.session()
        end = time.monotonic() + self.patience
        while True:
            entry = self.ask(to, session, **more)
            call_id = checker.told(entry)
            if call_id is not None:
                return call_id
            status, text = entry["status"], entry["body"]
            assert status in (None, 409, 502, 503), f"{status} {text}"
            assert time.monotonic() < end, f"never accepted: {status} {text}"
            time.sleep(0.1)

    def get(self, path):
        return self.session().get(self.url(path), timeout=15)

    def read_all(self):
        """The texts of all that this customer can read of its calls."""
        texts = [self.get("/calls?limit=1000").text, self.get("/users/me").text]
        for call_id in self.calls():
            texts += [self.get(f"/calls/{call_id}{part}").text for part in ("", "/why")]
        return texts

    def cancel(self, call_id):
        answer = self.session().post(self.url(f"/calls/{call_id}/cancel"), timeout=15)
        assert answer.status_code == 200, answer.text
        return answer.json()["cancelled"]

    def load(self, numbers, threads=4, per_second=None):
        return Load(self, numbers, threads, per_second)

    def failed_tries(self):
        return [a for a in self.answers if checker.told(a) is None]

    def hear(self, messages):
        """These came to its webhook."""
        self.messages = [{"call_id": m.event["call_id"], "event_id": m.event["event_id"], "id": m.id,
                          "body": m.body, "taken": m.taken} for m in messages]

    # ---- the end ----

    def calls(self):
        return {r["call_id"]: r for r in self.stack.rows(
            "SELECT call_id, status::text, outcome_type::text, outcome_summary, target_phone,"
            " dials, ended_at FROM calls WHERE workspace_id = %s", self.workspace)}

    def open(self):
        """What has not come to its end, here or at the carrier."""
        rows = self.stack.rows(
            "SELECT 'call ' || status AS what FROM calls WHERE workspace_id = %s AND NOT"
            " call_is_final(status) UNION ALL SELECT 'attempt ' || state FROM attempts"
            " WHERE workspace_id = %s AND state IN ('intent', 'live', 'unknown')",
            self.workspace, self.workspace)
        return [r["what"] for r in rows]

    def hurry(self):
        """Spares the wait for what only time brings: leases of those who died, callbacks that went
        to nobody, and the deadline of a lost dial once the carrier was asked for it in vain; also of what was made while
        the clock was ahead."""
        self.stack.rows(
            "UPDATE attempts SET check_at = clock_timestamp() WHERE workspace_id = %s"
            " AND state IN ('live', 'unknown') AND check_at > clock_timestamp() + interval '4 s'"
            " AND created_at NOT BETWEEN clock_timestamp() - interval '6 s' AND clock_timestamp()", self.workspace)
        self.stack.rows(
            "UPDATE attempts SET deadline_at = clock_timestamp(), check_at = clock_timestamp()"
            " WHERE workspace_id = %s AND state = 'unknown' AND checks >= %s"
            " AND deadline_at > clock_timestamp()", self.workspace, FAST_AFTER_CHECKS)
        for table in ("recordings", "transcripts"):
            self.stack.rows(
                f"UPDATE {table} SET check_at = clock_timestamp() WHERE workspace_id = %s"
                " AND check_at > clock_timestamp() + interval '4 s'", self.workspace)

    def settle(self, seconds=60, hurry=True):
        """Waits until everything has ended."""
        def done():
            if hurry:
                self.hurry()
            return not self.open()

        eventually(done, seconds, lambda: collections.Counter(self.open()))

    def evidence(self, **more):
        dials = [d for d in self.stack.dials() if d["to"].startswith(self.prefix)]
        posts = [p for p in self.stack.posts() if p["at"] > self.since]
        e = checker.Evidence(posts=posts, dials=dials, answers=self.answers, cps=CPS,
                             prefix=self.prefix, messages=self.messages, **more)
        with self.stack.snapshot() as rows:  # the recorder may still be adding events
            checker.read_database(e, rows, self.workspace)
        return e

    def verify(self, seconds=60, hurry=True):
        """Waits for the end of everything, then asks the checker."""
        self.settle(seconds, hurry)
        found = checker.violations(self.evidence())
        assert found == [], "\n".join(found)


class Load:
    """A customer that posts its calls over some connections at once."""

    def __init__(self, world, numbers, threads, per_second):
        self.world = world
        self.todo = queue.SimpleQueue()
        for number in numbers:
            self.todo.put(number)
        self.calls, self.errors = [], []
        self.started = time.monotonic()
        self.pause = threads / per_second if per_second else 0
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(threads)]

    def run(self):
        session = self.world.session()
        try:
            while True:
                began = time.monotonic()
                self.calls.append(self.world.post(self.todo.get_nowait(), session))
                time.sleep(max(0, began + self.pause - time.monotonic()))
        except queue.Empty:
            pass
        except Exception as error:  # told to whoever waits for the load
            self.errors.append(error)

    def running(self):
        return any(t.is_alive() for t in self.threads)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.wait()

    def wait(self, seconds=90):
        for thread in self.threads:
            thread.join(seconds)
        assert not self.running(), "the load never ended"
        assert not self.errors, self.errors
