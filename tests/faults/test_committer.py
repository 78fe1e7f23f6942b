"""The committer, which accepts the calls of its host in one statement for all that wait: who shares it, and
what becomes of them when it dies, stands still, or one of them is broken."""

import contextlib
import os
import signal
import threading
import time

import pytest
import requests

from stack import Stack, eventually
from world import BUSY, World

WORKERS = 24  # so many can wait at once


@pytest.fixture(scope="module")
def running_stack():
    """A stack with more workers than the others."""
    with Stack({"OFFHOOK_API_WORKERS": str(WORKERS)}) as stack:
        yield stack


class Asker(threading.Thread):
    """One POST /calls, once: its status, headers and body, or None when the connection broke."""

    def __init__(self, world, to, key=None, **more):
        super().__init__(daemon=True)
        self.world, self.to = world, to
        self.headers = {"Idempotency-Key": key or "key-" + to}
        self.body = {"target_phone": to, "brief": world.brief, **more}
        self.answer = self.seconds = None
        self.start()

    def run(self):
        began = time.monotonic()
        with contextlib.suppress(requests.RequestException):
            self.answer = self.world.session().post(
                self.world.url("/calls"), json=self.body, headers=self.headers, timeout=40)
        self.seconds = time.monotonic() - began
        with self.world.lock:
            self.world.answers.append({
                "key": self.headers["Idempotency-Key"], "to": self.to,
                "status": self.answer is not None and self.answer.status_code or None,
                "body": self.answer is not None and self.answer.text or ""})

    def status(self):
        self.join(40)
        assert not self.is_alive()
        return self.answer is not None and self.answer.status_code


@contextlib.contextmanager
def standing_still(stack):
    """The committer does nothing; it goes on at the end, unless it was killed."""
    pid = stack.child("api", "committer")
    os.kill(pid, signal.SIGSTOP)
    try:
        yield pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def all_waiting(world, count):
    """So many calls, whose workers have asked the committer that stands still."""
    askers = [Asker(world, world.number()) for _ in range(count)]
    time.sleep(1)
    assert all(a.is_alive() for a in askers), "answered by nobody"
    return askers


def commits(world):
    """How many transactions have accepted the world's calls: first events are never changed."""
    return world.stack.value("SELECT count(DISTINCT xmin::text) FROM call_events WHERE event_id = 1"
                             " AND workspace_id = %s", world.workspace)


def test_all_that_wait_share_a_commit(stack, world):
    with standing_still(stack):
        askers = all_waiting(world, 20)
        assert world.calls() == {}
    assert [a.status() for a in askers] == [202] * 20
    # Those whose message was half read when it was stopped may come by themselves.
    assert commits(world) <= 3
    world.verify()
    assert len(world.calls()) == 20


def test_one_alone_waits_for_nobody(world):
    took = []
    for _ in range(20):
        asker = Asker(world, world.number())
        assert asker.status() == 202
        took.append(asker.seconds)
    assert sorted(took)[10] < 0.5
    assert commits(world) == 20
    world.verify()


def test_it_is_killed_under_load(stack, world):
    kills = 0
    with world.load([world.number() for _ in range(150)], threads=12, per_second=60) as load:
        while load.running():
            for pid in stack.children("api", "committer"):
                os.kill(pid, signal.SIGKILL)
                kills += 1
            time.sleep(0.3)
    assert kills >= 5
    assert {a["status"] for a in world.failed_tries()} <= {503}
    world.verify()
    assert len(world.calls()) == 150


def test_it_is_stopped_for_a_while_under_load(stack, world):
    with world.load([world.number() for _ in range(100)], threads=12, per_second=40) as load:
        while load.running():
            with standing_still(stack):
                time.sleep(0.7)
            time.sleep(0.3)
    assert world.failed_tries() == []
    world.verify()
    assert len(world.calls()) == 100


def test_who_waits_is_told_of_its_death(stack, world):
    with standing_still(stack) as pid:
        askers = all_waiting(world, 5)
        began = time.monotonic()
        os.kill(pid, signal.SIGKILL)
    assert [a.status() for a in askers] == [503] * 5
    assert time.monotonic() - began < 3, "at once, not when their patience is over"
    assert all(int(a.answer.headers["Retry-After"]) >= 1 for a in askers)
    assert world.calls() == {}
    for asker in askers:
        assert world.post(asker.to)
    world.verify()
    assert len(world.calls()) == 5


@pytest.mark.parametrize("point", ["taken", "done", "answered"])
def test_it_dies_at_each_step(stack, world, point):
    """Before the statement, after it, and between two answers: the same key finds the same call."""
    if not stack.has_crash_points():
        pytest.skip("the programs have no crash points")
    plain, mark = dict(stack.environment), stack.folder / "tmp" / f"crashed.commit.{point}"
    stack.environment.update(OFFHOOK_CRASH_AT=f"commit.{point}", OFFHOOK_CRASH_ONCE=str(mark))
    stack.stop("api")
    stack.up()
    try:
        with standing_still(stack):
            askers = all_waiting(world, 10)
        statuses = [a.status() for a in askers]
        eventually(mark.exists, 10, "the point was never reached")
        assert set(statuses) <= {202, 503} and 503 in statuses
        again = [world.post(a.to) for a in askers]
        assert len(set(again)) == 10
        world.verify()
        assert len(world.calls()) == 10
    finally:
        stack.environment = plain
        stack.stop("api")
        stack.up()


def test_it_ends_after_the_last_of_its_workers(stack, world):
    """SIGTERM to all, as the service manager sends it, while some wait: they are answered."""
    master = stack.pid("api")
    with standing_still(stack) as committer:
        askers = all_waiting(world, 10)
        for pid in [master, committer, *stack.children("api", "worker")]:
            os.kill(pid, signal.SIGTERM)
        time.sleep(0.5)
    assert [a.status() for a in askers] == [202] * 10
    eventually(lambda: not os.path.exists(f"/proc/{master}"), 20, "the master goes on")
    stack.up()
    world.verify()
    assert len(world.calls()) == 10


def backend(stack):
    """The committer's session in the database."""
    return stack.value("SELECT pid FROM pg_stat_activity WHERE query LIKE '%%fn.calls_accept%%' AND"
                       " application_name = 'offhook-api' ORDER BY state_change DESC LIMIT 1")


def test_a_reload_while_some_wait(stack, world):
    """It stays, and connects anew by what the settings say now."""
    assert Asker(world, world.number()).status() == 202
    before = backend(stack)
    with standing_still(stack) as committer:
        askers = all_waiting(world, 10)
        stack.kill("api", signal.SIGHUP)
        time.sleep(0.5)
    assert [a.status() for a in askers] == [202] * 10
    assert stack.child("api", "committer") == committer
    assert Asker(world, world.number()).status() == 202
    assert backend(stack) != before
    world.verify()
    assert len(world.calls()) == 12


def test_one_that_is_broken_hurts_nobody(stack, world):
    """A row that PostgreSQL refuses ends in that call's refusal, though the statement was for all."""
    stack.rows("CREATE FUNCTION refuse_poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
               " IF NEW.brief = 'poison' THEN RAISE EXCEPTION 'poison'; END IF; RETURN NEW; END $$")
    stack.rows("CREATE TRIGGER poison BEFORE INSERT ON calls FOR EACH ROW"
               " EXECUTE FUNCTION refuse_poison()")
    try:
        with standing_still(stack):
            askers = [Asker(world, world.number(), brief="poison" if i in (3, 7) else "Book a table.")
                      for i in range(12)]
            time.sleep(1)
        assert [a.status() for a in askers] == [
            500 if i in (3, 7) else 202 for i in range(12)]
    finally:
        stack.rows("DROP TRIGGER poison ON calls")
        stack.rows("DROP FUNCTION refuse_poison()")
    assert {c["target_phone"] for c in world.calls().values()} == {
        a.to for i, a in enumerate(askers) if i not in (3, 7)}
    for i in (3, 7):  # the keys are free: nothing of it was done
        assert world.post(askers[i].to)
    world.verify()


def test_texts_arrive_as_they_were(stack, world):
    """What means something to PostgreSQL's arrays or to JSON means nothing in a text."""
    briefs = ['"quoted" and \\ back\\\\slashed', "NULL", "null", "{a,b},{c}", " spaces ", "',(--;", "é\u2028\n\t",
              "$1 %s", '"', "\\"]
    with standing_still(stack):
        askers = [Asker(world, world.number(), brief=b, metadata={b: [b, None]}) for b in briefs]
        time.sleep(1)
    assert [a.status() for a in askers] == [202] * len(briefs)
    assert commits(world) <= 3
    for asker, brief in zip(askers, briefs):
        row, = stack.rows("SELECT brief, metadata FROM calls WHERE call_id = %s",
                          asker.answer.json()["call_id"])
        assert row == {"brief": brief, "metadata": {brief: [brief, None]}}
    world.verify()


def test_one_key_many_times_at_once(stack, world):
    to = world.number()
    with standing_still(stack):
        askers = [Asker(world, to) for _ in range(15)]
        others = [Asker(world, world.number()) for _ in range(3)]
        time.sleep(1)
    assert [a.status() for a in askers + others] == [202] * 18
    assert len({a.answer.json()["call_id"] for a in askers}) == 1
    assert sum("Idempotent-Replayed" not in a.answer.headers for a in askers) == 1
    world.verify()
    assert len(world.calls()) == 4


def test_credits_for_some_of_them(stack, world):
    stack.command("workspace", "change", world.workspace, "--quota", "4")
    with standing_still(stack):
        askers = all_waiting(world, 10)
    assert sorted(a.status() for a in askers) == [202] * 4 + [402] * 6
    stack.command("workspace", "change", world.workspace, "--quota", "100")
    world.verify()
    assert len(world.calls()) == 4


def test_calls_that_expire_by_the_hundred_end_a_few_at_once(stack, world):
    """Each gives back credits, and whoever else of the customer's is to be accepted waits for the commit."""
    with world.load([world.number() for _ in range(300)], threads=8):
        pass
    stack.rows("WITH late AS (UPDATE calls SET not_after = clock_timestamp() WHERE workspace_id = %s"
               " AND status = 'queued' RETURNING not_after, call_id, workspace_id)"
               " INSERT INTO call_expiry SELECT * FROM late", world.workspace)
    world.post(world.number())
    world.verify()
    expired = stack.value("SELECT count(*) FROM calls WHERE workspace_id = %s AND status = 'expired'", world.workspace)
    together = stack.value("SELECT max(n) FROM (SELECT count(*) AS n FROM calls WHERE workspace_id = %s"
                           " AND status = 'expired' GROUP BY xmin) x", world.workspace)
    assert expired > 100, "they were dialed before"
    assert together <= 20


@pytest.mark.parametrize("holding", ["SELECT FROM credit_months WHERE workspace_id = %s FOR UPDATE",
                                     "UPDATE credit_months SET reserved = reserved WHERE workspace_id = %s"])
def test_one_customer_does_not_hold_up_the_others(stack, world, holding):
    """Somebody's transaction is at a customer's credits: his calls wait, nobody else's."""
    other = World(stack, f"other-{os.urandom(3).hex()}")
    assert world.post(world.number()) and other.post(other.number())
    with stack.transaction(holding, world.workspace):
        held = [Asker(world, world.number(BUSY)) for _ in range(3)]
        time.sleep(0.3)
        free = [Asker(other, other.number()) for _ in range(5)]
        assert [a.status() for a in free] == [202] * 5
        assert max(a.seconds for a in free) < 1.5
        time.sleep(1)
        assert all(a.is_alive() for a in held)
    assert [a.status() for a in held] == [202] * 3
    world.verify()
    other.verify()
