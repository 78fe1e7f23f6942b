"""POST /api/v1/process while PostgreSQL is stopped, killed and frozen: what was answered 202 is in the
database afterwards, once; what nobody may have asked for is not. The crash points need programs built
with --enable-crash-points."""

import concurrent.futures
import contextlib
import json
import os
import signal
import subprocess
import threading
import time

import pytest
import requests

from stack import Stack, children_of, eventually
from world import World

BOOTSTRAP = "bootstrap-" + os.urandom(12).hex()
FULL = {"detail": "call queue not initialized"}
# Seconds for an answer: a connection and a statement that nobody answers, and the rest.
PATIENCE = 8


@pytest.fixture(scope="module")
def running_stack():
    """A stack of this file's own, whose programs know the bootstrap key."""
    with Stack({"OFFHOOK_BOOTSTRAP_ADMIN_API_KEY": BOOTSTRAP}) as stack:
        yield stack


@pytest.fixture
def stack(running_stack):
    running_stack.up()
    eventually(lambda: entries(running_stack) == [], 30, "the spool is not empty")
    return running_stack


@pytest.fixture
def world(stack):
    return World(stack, f"spool-{os.urandom(5).hex()}")


def folder(stack):
    return stack.folder / "data" / "spool"


def entries(stack):
    return sorted(p.name for p in folder(stack).iterdir() if len(p.name) == 81)


def leftovers(stack):
    return [p for p in folder(stack).iterdir() if p.name.startswith(".new-")]


def fresh():
    return f"call-{os.urandom(8).hex()}"


def post(world, call_id, tenant=None, key=None, timeout=PATIENCE, **more):
    session = world.session()
    session.headers["X-API-Key"] = key or world.key
    return session.post(world.url("/api/v1/process"), timeout=timeout,
                        json={"call_id": call_id, "tenant_id": tenant or world.workspace, **more})


def told(answer):
    assert answer.status_code == 202, answer.text
    body = answer.json()
    assert set(body) == {"call_id", "tenant_id", "enqueued", "status"}
    assert body["enqueued"] == (body["status"] == "queued")
    return body["status"]


def queued(world):
    """How often each call of the customer is in the database, and how often it was queued."""
    rows = world.stack.rows(
        "SELECT coalesce(j.call_id, external_id) AS call, count(*) AS jobs, (SELECT count(*) FROM"
        " job_log l WHERE l.job_id = j.job_id AND l.message ~ '^(Queued|Requeued)') AS times"
        " FROM jobs j WHERE workspace_id = %s GROUP BY 1, j.job_id", world.workspace)
    return {r["call"]: (r["jobs"], r["times"]) for r in rows}


def arrived(world, calls, seconds=30):
    """Waits until the spool is empty; each of the calls is in the database then, once."""
    eventually(lambda: entries(world.stack) == [], seconds, lambda: entries(world.stack))
    assert queued(world) == {call: (1, 1) for call in calls}


@contextlib.contextmanager
def away(stack, how="killed"):
    """PostgreSQL is not there for a while."""
    master = stack.pid("postgres")
    everyone = [master, *children_of(master, "")]
    if how == "frozen":
        for pid in everyone:
            os.kill(pid, signal.SIGSTOP)
    elif how == "killed":
        for pid in everyone:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    else:
        stack.stop("postgres", signal.SIGQUIT)
    try:
        yield
    finally:
        if how == "frozen":
            for pid in everyone:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
        stack.up()


def ready(world):
    eventually(lambda: all(world.get("/readyz").status_code == 200 for _ in range(8)), 15,
               "workers without a database")


@contextlib.contextmanager
def without_importer(stack):
    """Nothing is brought in while this lasts."""
    importer = stack.child("scheduler", "importer")
    os.kill(importer, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(importer, signal.SIGCONT)


# ---- the promise ----

@pytest.mark.parametrize("how", ["stopped", "killed", "frozen"])
def test_every_202_is_in_the_database_afterwards_once(stack, world, how):
    """Customers ask before, while and after; each call three times."""
    answers, stop = {}, threading.Event()
    lock = threading.Lock()

    def ask():
        while not stop.is_set():
            call = fresh()
            for _ in range(3):
                began = time.monotonic()
                answer = post(world, call, timeout=30)
                with lock:
                    answers.setdefault(call, []).append((answer, time.monotonic() - began))
            time.sleep(0.02)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        time.sleep(0.5)
        with away(stack, how):
            time.sleep(10 if how == "frozen" else 2)
            kept = len(entries(stack))
        time.sleep(1)
        ready(world)
    finally:
        stop.set()
        for thread in threads:
            thread.join(40)
    assert kept > 0, "nothing was kept"
    eventually(lambda: entries(stack) == [], 30, lambda: entries(stack))
    there = queued(world)
    assert there.keys() == answers.keys()
    for call, tries in answers.items():
        # A call that nobody knows fails at once, and who asks then has it queued again.
        enqueued = [told(answer) for answer, _ in tries].count("queued")
        jobs, times = there[call]
        assert jobs == 1 and 1 <= times <= enqueued, (call, there[call], enqueued)
        assert max(took for _, took in tries) < PATIENCE


def test_while_it_is_known_to_be_away_nobody_waits(stack, world):
    with without_importer(stack), away(stack):
        for _ in range(30):
            post(world, fresh())
        took = []
        for _ in range(30):
            began = time.monotonic()
            told(post(world, fresh()))
            took.append(time.monotonic() - began)
        assert sorted(took)[15] < 0.5
        assert world.get("/readyz").status_code == 503
        assert world.get("/calls").status_code == 503
        assert len(entries(stack)) == 60


def test_a_frozen_one_is_not_waited_for_long(stack, world):
    calls = [fresh() for _ in range(8)]
    with away(stack, "frozen"):
        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            assert [told(a) for a in pool.map(lambda c: post(world, c), calls)] == ["queued"] * 8
        assert time.monotonic() - began < 2 * PATIENCE
    arrived(world, calls)


def test_of_twins_one_is_told_that_it_was_enqueued(stack, world):
    call = fresh()
    with away(stack):
        post(world, fresh())
        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            answers = list(pool.map(lambda _: told(post(world, call, timeout=30)), range(32)))
        assert sorted(answers) == ["already_queued_or_in_progress"] * 31 + ["queued"]
        assert told(post(world, call)) == "already_queued_or_in_progress"
    eventually(lambda: entries(stack) == [], 30, lambda: entries(stack))
    assert queued(world)[call] == (1, 1)


def test_the_oldest_is_brought_in_first(stack, world):
    calls = [fresh() for _ in range(20)]
    with away(stack):
        for call in calls:
            told(post(world, call))
    arrived(world, calls)
    rows = stack.rows("SELECT external_id FROM jobs WHERE workspace_id = %s ORDER BY job_id",
                      world.workspace)
    assert [r["external_id"] for r in rows] == calls


def test_a_kept_request_holds_no_secret(stack, world):
    with without_importer(stack):
        with away(stack):
            told(post(world, fresh(), extra="unknown"))
            name, = entries(stack)
            path = folder(stack) / name
            entry = json.loads(path.read_text())
            assert set(entry) == {"call_id", "tenant_id", "key_hash", "received_at"}
            assert world.key not in path.read_text() and world.key[-8:] not in path.read_text()
            assert path.stat().st_mode & 0o7777 == 0o640
            assert folder(stack).stat().st_mode & 0o007 == 0
    eventually(lambda: entries(stack) == [], 30, "it stays")


def test_what_has_failed_since_then_is_not_tried_again(stack, world):
    """The statement was done, its answer lost: the request was kept as well."""
    call = fresh()
    with without_importer(stack):
        with away(stack):
            told(post(world, call))
        ready(world)
        assert told(post(world, call)) == "queued"
        stack.rows("UPDATE jobs SET status = 'failed', failure = 'model', due_at = NULL,"
                   " ended_at = now() WHERE external_id = %s", call)
        assert len(entries(stack)) == 1
    arrived(world, [call])


def test_a_failed_call_is_queued_again_by_a_kept_request(stack, world):
    call = fresh()
    told(post(world, call))
    eventually(lambda: queued(world), 5, "it is not there")
    with without_importer(stack):
        stack.rows("UPDATE jobs SET status = 'failed', failure = 'model', due_at = NULL,"
                   " ended_at = now() WHERE external_id = %s AND status <> 'failed'", call)
        with away(stack):
            assert told(post(world, call)) == "queued"
    eventually(lambda: entries(stack) == [], 30, "it stays")
    assert queued(world) == {call: (1, 2)}


# ---- who may ----

def test_wrong_keys_are_refused_and_touch_no_disk(stack, world):
    with without_importer(stack), away(stack):
        post(world, fresh())
        before = entries(stack)
        changed = folder(stack).stat().st_mtime_ns
        for key in ("nonsense", "ohk_" + "0" * 38, world.key[:-1] + "#", world.key + "0"):
            answer = post(world, fresh(), key=key)
            assert (answer.status_code, answer.json()) == (401, {"detail": "invalid API key"})
            assert "WWW-Authenticate" in answer.headers
        session = world.session()
        del session.headers["X-API-Key"]
        answer = session.post(world.url("/api/v1/process"), json={}, timeout=PATIENCE)
        assert (answer.status_code, answer.json()) == (401, {"detail": "missing API key"})
        assert entries(stack) == before and folder(stack).stat().st_mtime_ns == changed


def test_wrong_bodies_are_refused_as_ever(stack, world):
    with away(stack):
        for body, status in (({"tenant_id": world.workspace}, 400), ({"call_id": fresh()}, 400),
                             ({"call_id": "short", "tenant_id": world.workspace}, 422),
                             ({"call_id": fresh(), "tenant_id": "ab"}, 422),
                             ({"call_id": fresh(), "tenant_id": "no tenant"}, 403)):
            answer = world.session().post(world.url("/api/v1/process"), json=body,
                                          timeout=PATIENCE)
            assert answer.status_code == status, answer.text
        assert entries(stack) == []


def test_what_nobody_may_ask_is_dropped(stack, world):
    """A key that never was, one that was revoked meanwhile, a tenant of somebody else."""
    other = World(stack, f"other-{os.urandom(5).hex()}")
    gone = stack.command("key", "create", "--scope", "workspace", "--id", world.workspace)
    never = stack.command("key", "create", "--scope", "platform", "--admin")
    stack.rows("DELETE FROM api_keys WHERE api_key_id = %s", never["api_key_id"])
    good = fresh()
    with without_importer(stack):
        with away(stack):
            for key, tenant in ((gone["api_key"], None), (never["api_key"], None),
                                (world.key, other.workspace), (world.key, "no-such-tenant")):
                assert told(post(world, fresh(), tenant, key)) == "queued"
            assert told(post(world, good)) == "queued"
        stack.command("key", "revoke", gone["api_key_id"])
        assert len(entries(stack)) == 5
        mark = len(stack.log("scheduler"))
    arrived(world, [good])
    assert queued(other) == {}
    log = stack.log("scheduler")[mark:]
    assert log.count("its key is nobody's") == 2
    assert log.count("its tenant is not the key's") == 2
    for word in (gone["api_key_id"], never["api_key_id"], world.key[:12], good):
        assert word not in log


def test_the_bootstrap_key_is_known_without_the_database(stack, world):
    calls = [fresh(), fresh()]
    with without_importer(stack):
        with away(stack):
            told(post(world, calls[0], key=BOOTSTRAP))
            told(post(world, calls[1]))
            names = entries(stack)
            assert len({name[:16] for name in names}) == 2
            assert not any(BOOTSTRAP in (folder(stack) / n).read_text() for n in names)
    arrived(world, calls)


# ---- the spool itself ----

def fake(stack, count, owner=None):
    """Files that look like entries from outside."""
    for i in range(count):
        name = f"{owner or f'{i // 900:016x}'}-{i:064x}"
        (folder(stack) / name).touch(0o640)


def unfake(stack):
    for name in entries(stack):
        if name[17:].startswith("0" * 40):
            (folder(stack) / name).unlink()


def test_a_full_spool_takes_no_more(stack, world):
    first = fresh()
    with without_importer(stack):
        with away(stack):
            told(post(world, first))
            fake(stack, 9999)
            try:
                for _ in range(3):
                    answer = post(world, fresh())
                    assert (answer.status_code, answer.json()) == (500, FULL)
                assert told(post(world, first)) == "already_queued_or_in_progress"
                assert len(entries(stack)) == 10000 and not leftovers(stack)
            finally:
                unfake(stack)
            second = fresh()
            told(post(world, second))
    arrived(world, [first, second])


def test_one_key_cannot_fill_it(stack, world):
    other = World(stack, f"other-{os.urandom(5).hex()}")
    calls, others = [fresh(), fresh()], [fresh()]
    with without_importer(stack):
        with away(stack):
            told(post(world, calls[0]))
            owner = entries(stack)[0][:16]
            fake(stack, 998, owner)
            try:
                told(post(world, calls[1]))
                answer = post(world, fresh())
                assert (answer.status_code, answer.json()) == (500, FULL)
                told(post(other, others[0]))
            finally:
                unfake(stack)
    arrived(world, calls)
    assert queued(other) == {others[0]: (1, 1)}


@contextlib.contextmanager
def broken(stack, how):
    """The folder cannot be written while this lasts."""
    place, aside = folder(stack), folder(stack).with_name("spool.aside")
    if how == "read-only":
        place.chmod(0o500)
    else:
        place.rename(aside)
    if how == "a file":
        place.touch()
    try:
        yield
    finally:
        if how == "a file":
            place.unlink()
        if how == "read-only":
            place.chmod(0o700)
        else:
            aside.rename(place)


@pytest.mark.parametrize("how", ["read-only", "missing", "a file"])
def test_a_spool_that_cannot_be_written(stack, world, how):
    calls = [fresh(), fresh()]
    with without_importer(stack):
        with broken(stack, how):
            assert told(post(world, calls[0])) == "queued", "it is not needed now"
        mark = len(stack.log("api"))
        with away(stack):
            with broken(stack, how):
                for _ in range(3):
                    answer = post(world, fresh())
                    assert (answer.status_code, answer.json()) == (500, FULL)
            assert "spool" in stack.log("api")[mark:]
            told(post(world, calls[1]))
    arrived(world, calls)


def test_a_folder_that_went_away_is_made_again(stack, world):
    folder(stack).rmdir()
    eventually(folder(stack).exists, 10, "nobody makes it")
    call = fresh()
    with away(stack):
        told(post(world, call))
    arrived(world, [call])


def test_what_is_no_entry_is_put_aside(stack, world):
    calls = [fresh(), fresh()]
    place = folder(stack)
    own = place.stat()
    with without_importer(stack):
        with away(stack):
            told(post(world, calls[0]))
            entry = (place / entries(stack)[0]).read_bytes()
            names = [f"{i:016x}-{i:064x}" for i in range(1, 8)]
            (place / names[0]).write_bytes(b"")
            (place / names[1]).write_bytes(entry[:-1])
            (place / names[2]).write_bytes(entry + b" " * 1600)
            (place / names[3]).symlink_to(place / entries(stack)[0])
            os.mkfifo(place / names[4])
            (place / names[5]).mkdir()
            for name in names[:6]:
                os.chown(place / name, own.st_uid, own.st_gid, follow_symlinks=False)
            made = 6
            if os.geteuid() == 0:  # somebody else's
                (place / names[6]).write_bytes(entry)
                made = 7
            told(post(world, calls[1]))
        mark = len(stack.log("scheduler"))
    try:
        arrived(world, calls)
        assert len(list((place / "bad").iterdir())) == made
        assert stack.log("scheduler")[mark:].count("no request of ours") == made
        findings = doctor(stack)
        assert any("/bad" in f["text"] and f["result"] == "warn" for f in findings), findings
    finally:
        subprocess.run(["rm", "-rf", place / "bad"], check=True)


# ---- those who die ----

@pytest.fixture
def crash(stack):
    """Restarts a program so that one process crashes once at that point; the mark that it leaves."""
    if not stack.has_crash_points():
        pytest.skip("the programs have no crash points")
    plain, armed = dict(stack.environment), []

    def arm(program, point):
        armed.append(program)
        mark = stack.folder / "tmp" / f"crashed.{point}"
        mark.unlink(missing_ok=True)
        stack.environment.update(OFFHOOK_CRASH_AT=point, OFFHOOK_CRASH_ONCE=str(mark))
        stack.stop(program)
        stack.up()
        return mark

    yield arm
    stack.environment = plain
    for program in armed:
        stack.stop(program)
    stack.up()


@pytest.mark.parametrize("point, again", [
    ("spool.made", "queued"), ("spool.written", "queued"), ("spool.synced", "queued"),
    ("spool.linked", "already_queued_or_in_progress"),
    ("spool.put", "already_queued_or_in_progress")])
def test_a_worker_dies_while_it_keeps_a_request(point, again, crash, stack, world):
    mark = crash("api", point)
    call = fresh()
    with away(stack):
        answer = None
        with contextlib.suppress(requests.RequestException):
            answer = post(world, call, timeout=30)
        assert answer is None or answer.status_code in (502, 503), answer.text
        eventually(mark.exists, 10, f"{point} was never reached")
        left = leftovers(stack)
        assert len(left) == 1
        assert told(post(world, call, timeout=30)) == again
        assert len(entries(stack)) == 1
    arrived(world, [call])
    left[0].unlink()


def test_what_the_dead_leave_behind_is_swept_when_it_is_old(stack):
    old, young = (folder(stack) / f".new-{'0' * 16}-{i:016x}" for i in range(2))
    for path in (old, young):
        path.touch()
    os.utime(old, (time.time() - 301,) * 2)
    os.kill(stack.child("scheduler", "importer"), signal.SIGKILL)  # its successor looks at once
    eventually(lambda: not old.exists(), 20, "it stays")
    assert young.exists()
    young.unlink()


def test_the_importer_dies_between_commit_and_removal(crash, stack, world):
    mark = crash("scheduler", "unspool.committed")
    calls = [fresh() for _ in range(3)]
    with away(stack):
        for call in calls:
            told(post(world, call))
        assert not mark.exists()
    eventually(mark.exists, 20, "the point was never reached")
    arrived(world, calls)


def test_several_importers_at_once(stack, world):
    calls = [fresh() for _ in range(200)]
    with without_importer(stack):
        with away(stack):
            for call in calls:
                told(post(world, call))
        with stack.scheduler(), stack.scheduler(), stack.scheduler():
            eventually(lambda: entries(stack) == [], 30, lambda: len(entries(stack)))
    arrived(world, calls)


# ---- what the operator sees ----

def doctor(stack):
    done = subprocess.run([stack.program("admin").with_name("offhook"), "doctor", "--json",
                           "--config", stack.env["OFFHOOK_CONF"]], capture_output=True, text=True,
                          timeout=60)
    return [f for f in json.loads(done.stdout)["findings"] if f["part"] == "spool"]


def test_the_operator_sees_what_waits(stack, world):
    def figure():
        text = world.get("/metrics").text
        return [line for line in text.splitlines() if line.startswith("offhook_spool_entries")]

    assert figure() == ["offhook_spool_entries 0"]
    assert [f["result"] for f in doctor(stack)] == ["ok"]
    with without_importer(stack):
        with away(stack):
            told(post(world, fresh()))
        ready(world)
        assert figure() == ["offhook_spool_entries 1"]
        assert [f["result"] for f in doctor(stack)] == ["ok"], "it may be on its way"
        os.utime(folder(stack) / entries(stack)[0], (time.time() - 90,) * 2)
        finding, = doctor(stack)
        assert finding["result"] == "fail" and "1 requests wait" in finding["text"]
    eventually(lambda: entries(stack) == [], 30, "it stays")
    assert figure() == ["offhook_spool_entries 0"]
