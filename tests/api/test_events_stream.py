"""GET /calls/{call_id}/events as a stream: over nginx, a worker and offhook-events."""

import contextlib
import json
import os
import pathlib
import random
import signal
import socket
import ssl
import sys
import threading
import time

import psycopg2
import pytest
from apikit import Stack, eventually, number

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from sse import Stream  # noqa: E402


def listen(client, call_id, query="", again=False, after=None, **headers):
    return Stream(f"{client.stack.url}/calls/{call_id}/events{query}", client.stack.ca,
                  {"X-API-Key": client.key, **{k.replace("_", "-"): v for k, v in headers.items()}},
                  again, after)


def add(stack, call_id, count=1, size=10):
    """Events as the functions of the database write them, a transaction each."""
    with contextlib.closing(psycopg2.connect(stack.env["DATABASE_URL"])) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for i in range(count):
                cursor.execute("SELECT fn.event_add(call_id, 'transcript', json_build_object("
                               "'role', 'bot', 'text', repeat('x', %s), 'at_ms', %s)) FROM calls"
                               " WHERE call_id = %s FOR UPDATE", (size, i, call_id))


def events_child(stack):
    """The process that holds the streams."""
    master = stack.pid("events")
    for entry in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and int((entry / "stat").read_text().rpartition(") ")[2]
                                            .split()[1]) == master:
                return int(entry.name)
    return None


@pytest.fixture(scope="module")
def finished(stack):
    """A customer and a call that has ended, recording and all."""
    client = stack.customer()
    call_id = client.start()
    client.ended(call_id)
    eventually(lambda: client.call(call_id)["has_recording"])
    return client, call_id


@pytest.fixture(scope="module")
def ringing(stack):
    """A customer and a call that stands still."""
    client = stack.customer()
    call_id, _ = client.ring()
    yield client, call_id
    client.cancel(call_id)


@pytest.fixture(scope="module")
def small_stack():
    """A stack where streams are few and everything is over soon."""
    # A sanitizer keeps what is freed for a while; one of these tests looks at the memory.
    lean = "quarantine_size_mb=1:thread_local_quarantine_size_kb=64:malloc_context_size=5"
    stack = Stack({"queue.enabled": "true", "queue.cps": 40, "api.workers": 4,
                   "events.max_streams": 8, "events.heartbeat_seconds": 1,
                   "events.max_seconds": 20},
                  {"ASAN_OPTIONS": ":".join(filter(None, (os.environ.get("ASAN_OPTIONS"), lean)))})
    try:
        yield stack
    finally:
        stack.close()


# ---- what comes ----

def test_a_call_is_followed_to_its_end(stack):
    client = stack.customer()
    call_id = client.start()
    with listen(client, call_id) as stream:
        stream.thread.join(40)
        assert stream.ended_at, "the stream never ended"
        assert stream.faults == [] and stream.refused == []
        assert 1000 <= stream.retry <= 2000
        assert stream.response.headers["Content-Type"] == "text/event-stream"
        assert stream.response.headers["Cache-Control"] == "no-store"
        assert stream.response.headers["X-Content-Type-Options"] == "nosniff"
        assert "Content-Length" not in stream.response.headers
        polled = client.events(call_id)
        assert stream.frames == polled[:len(stream.frames)]
        kinds = [f["event_type"] for f in stream.frames]
        assert kinds[0] == "status_change" and "outcome" in kinds
        assert 4 < stream.ended_at - stream.times[kinds.index("outcome")] < 15


def test_the_history_of_an_ended_call_comes_at_once_and_ends(finished):
    client, call_id = finished
    began = time.monotonic()
    with listen(client, call_id) as stream:
        stream.thread.join(20)
        assert stream.ended_at - began < 10
        assert stream.frames == client.events(call_id)
        assert {"recording_ready", "transcript_ready"} <= {f["event_type"] for f in stream.frames}
        assert stream.retry > 60000  # there is nothing to come back for


def test_a_stream_opened_after_the_outcome_waits_for_the_recording(stack):
    client = stack.customer()
    call_id = client.start()
    client.ended(call_id)
    eventually(lambda: client.call(call_id)["has_recording"])
    # As if it were still to come.
    stack.sql("UPDATE recordings SET state = 'expected', check_at = 'infinity' WHERE call_id = %s",
              call_id)
    with listen(client, call_id) as stream:
        eventually(lambda: stream.frames == client.events(call_id))
        time.sleep(1.5)
        assert stream.ended_at is None
        stack.sql("UPDATE recordings SET state = 'absent', check_at = NULL WHERE call_id = %s",
                  call_id)
        stream.thread.join(15)
        assert stream.ended_at and stream.faults == []


def test_a_call_that_was_never_answered_has_nothing_to_wait_for(stack):
    client = stack.customer()
    call_id = client.start(number("0001"))
    client.ended(call_id)
    with listen(client, call_id) as stream:
        stream.thread.join(15)
        assert stream.ended_at and stream.frames[-1]["event_type"] == "outcome"


# ---- where it begins ----

@pytest.mark.parametrize("query, header, first", [
    ("?after_event_id=3", None, 4), ("", "3", 4), ("?after_event_id=3", "1", 4),
    ("?after_event_id=0", "3", 1), ("", "nonsense", 1), ("", "-1", 1), ("", "", 1),
])
def test_it_goes_on_behind_a_number(finished, query, header, first):
    client, call_id = finished
    headers = {} if header is None else {"Last_Event_ID": header}
    with listen(client, call_id, query, **headers) as stream:
        stream.thread.join(20)
        assert stream.frames == client.events(call_id)[first - 1:]


def test_behind_the_last_event_there_is_nothing(finished):
    client, call_id = finished
    with listen(client, call_id, "?after_event_id=2000000") as stream:
        stream.thread.join(20)
        assert stream.ended_at and stream.opened == 1 and stream.frames == []


@pytest.mark.parametrize("after", ["-1", "x", "", "99999999999"])
def test_a_bad_number_is_422(finished, after):
    client, call_id = finished
    answer = client.get(f"/calls/{call_id}/events?after_event_id={after}",
                        headers={"Accept": "text/event-stream"})
    assert answer.status_code == 422


# ---- which form ----

@pytest.mark.parametrize("accept, form", [
    (None, "text/event-stream"), ("*/*", "text/event-stream"),
    ("text/event-stream", "text/event-stream"), ("application/json", "application/json"),
    ("Application/JSON; q=0.9", "application/json"), ("application/json, */*", "application/json"),
    ("application/json, text/event-stream", "text/event-stream"),
    ("text/event-stream;q=0.5, application/json", "application/json"),
    ("application/json;q=0, */*", "text/event-stream"),
    ("text/html, */*;q=0.8", "text/event-stream"), ("text/html", None), ("application/jsonx", None),
])
def test_the_form_follows_accept(finished, accept, form):
    client, call_id = finished
    answer = client.get(f"/calls/{call_id}/events", headers={"Accept": accept}, checked=False)
    assert answer.status_code == (200 if form else 406)
    assert answer.headers["Content-Type"] == (form or "application/json")


def test_head_opens_no_stream(finished):
    client, call_id = finished
    answer = client.request("HEAD", f"/calls/{call_id}/events", headers={"Accept": "*/*"})
    assert answer.status_code == 200 and answer.content == b""
    assert answer.headers["Content-Type"] == "text/event-stream"


# ---- who ----

def test_a_foreign_call_is_an_unknown_one(stack, finished):
    _, call_id = finished
    stranger = stack.customer()
    answers = [stranger.get(f"/calls/{one}/events", headers={"Accept": "text/event-stream"})
               for one in (call_id, "call_" + "0" * 26, "call_x")]
    for answer in answers:
        assert answer.status_code == 404 and answer.content == answers[0].content
    headers = [{k: v for k, v in a.headers.items() if k not in ("X-Request-Id", "Date")}
               for a in answers]
    assert all(h == headers[0] for h in headers)


def test_without_a_key_there_is_no_stream(stack, finished):
    _, call_id = finished
    for key in (None, "ohk_" + "0" * 38):
        answer = stack.with_key(key).get(f"/calls/{call_id}/events", headers={"Accept": "*/*"})
        assert answer.status_code == 401


def test_the_inner_place_is_not_for_clients(finished):
    client, call_id = finished
    assert client.get(f"/_events/{call_id}?after=0&request=x").status_code == 404


def test_the_request_id_goes_through(finished):
    client, call_id = finished
    answer = client.get(f"/calls/{call_id}/events", checked=False,
                        headers={"X-Request-Id": "mine-1", "Accept": "*/*"})
    assert answer.headers["X-Request-Id"] == "mine-1"


# ---- the seam ----

def test_no_gap_and_no_duplicate_under_concurrent_writes(stack):
    """Streams are opened, dropped and resumed at any time while several writers add events to
    several calls; each must have every event once and in order."""
    client = stack.customer()
    calls = [client.ring()[0] for _ in range(3)]
    done = threading.Event()

    def write(seed):
        chance = random.Random(seed)
        with contextlib.closing(psycopg2.connect(stack.env["DATABASE_URL"])) as connection:
            while not done.is_set():
                with connection, connection.cursor() as cursor:
                    for call_id in sorted(chance.sample(calls, chance.randint(1, 2))):
                        for _ in range(chance.randint(1, 3)):
                            cursor.execute(
                                "SELECT fn.event_add(call_id, 'transcript', '{\"role\": \"bot\","
                                " \"text\": \"x\", \"at_ms\": 1}') FROM calls WHERE call_id = %s"
                                " FOR UPDATE", (call_id,))
                    if chance.random() < .2:
                        connection.rollback()
                    time.sleep(chance.random() * .02)

    writers = [threading.Thread(target=write, args=(i,)) for i in range(4)]
    for writer in writers:
        writer.start()
    streams = []
    try:
        for i in range(24):
            streams.append((calls[i % 3], listen(client, calls[i % 3])))
            time.sleep(.08)
            if i % 4 == 3:  # one of them is cut and comes back where it was
                call_id, old = random.choice(streams[:-1])
                streams.remove((call_id, old))
                old.close()
                fresh = listen(client, call_id, after=old.last)
                fresh.before = getattr(old, "before", []) + old.frames
                streams.append((call_id, fresh))
    finally:
        done.set()
        for writer in writers:
            writer.join()
    whole = {call_id: client.events(call_id) for call_id in calls}
    for call_id, stream in streams:
        before = getattr(stream, "before", [])
        eventually(lambda: before + stream.frames == whole[call_id] or (
            len(before + stream.frames) >= len(whole[call_id]) and pytest.fail("not the same")), 20)
        assert stream.faults == []
        stream.close()
    assert sum(map(len, whole.values())) > 100
    for call_id in calls:
        client.cancel(call_id)


def test_a_commit_that_comes_late_is_not_waited_for_until_the_heartbeat(stack):
    """Its number was drawn before that of an event that has been seen already."""
    client = stack.customer()
    slow, quick = (client.ring()[0] for _ in range(2))
    with listen(client, slow) as one, listen(client, quick) as other:
        counts = [len(client.events(c)) for c in (slow, quick)]
        eventually(lambda: [len(one.frames), len(other.frames)] == counts)
        with contextlib.closing(psycopg2.connect(stack.env["DATABASE_URL"])) as connection:
            with connection, connection.cursor() as cursor:
                cursor.execute("SELECT fn.event_add(%s, 'transcript', '{}') FROM calls WHERE call_id"
                               " = %s FOR UPDATE", (slow, slow))
                add(stack, quick, 5)
                eventually(lambda: len(other.frames) == counts[1] + 5)
                time.sleep(.3)
            eventually(lambda: len(one.frames) == counts[0] + 1, 8)
    client.cancel(slow)
    client.cancel(quick)


def test_a_long_history_comes_whole(ringing):
    client, call_id = ringing
    add(client.stack, call_id, 350, 2000)
    count = len(client.events(call_id))
    assert count > 350
    with listen(client, call_id) as stream:
        eventually(lambda: len(stream.frames) >= count)
        assert stream.frames == client.events(call_id)


# ---- many, slow, and no more than are allowed ----

def test_heartbeats_keep_a_silent_stream(small_stack):
    client = small_stack.customer()
    call_id, _ = client.ring()
    with listen(client, call_id) as stream:
        eventually(lambda: len(stream.comments) >= 4, 15)
        gaps = [b - a for a, b in zip(stream.comments, stream.comments[1:])]
        assert min(gaps) > .5 and max(gaps) < 10
        assert stream.faults == []
    client.cancel(call_id)


def test_streams_hold_no_worker_and_their_number_is_limited(small_stack):
    """Eight streams and four workers: the API still answers. The ninth is told to come later."""
    client = small_stack.customer()
    call_id, _ = client.ring()
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(listen(client, call_id)) for _ in range(8)]
        eventually(lambda: all(s.frames for s in streams))
        for _ in range(20):
            assert client.get(f"/calls/{call_id}", timeout=10).status_code == 200
        ninth = client.get(f"/calls/{call_id}/events", headers={"Accept": "text/event-stream"})
        assert ninth.status_code == 503 and int(ninth.headers["Retry-After"]) > 0
        assert "too many" in ninth.json()["detail"]
        assert client.events(call_id)  # polling goes on
        streams[0].close()
        def another():
            answer = Stream(f"{small_stack.url}/calls/{call_id}/events", small_stack.ca,
                            {"X-API-Key": client.key})
            eventually(lambda: answer.refused or answer.frames)
            opened = answer.opened
            answer.close()
            return opened
        eventually(another, 10)
    client.cancel(call_id)


def test_a_stream_lasts_no_longer_than_it_may(small_stack):
    client = small_stack.customer()
    call_id, _ = client.ring()
    began = time.monotonic()
    with listen(client, call_id) as stream:
        stream.thread.join(60)
        assert 19 < stream.ended_at - began < 50
        assert stream.faults == [] and 1000 <= stream.retry <= 2000
    client.cancel(call_id)


def test_a_reader_that_stands_still_is_dropped_and_the_others_go_on(small_stack):
    """One takes nothing while 47 MB of events come: little of it is held for him, and when two
    heartbeats have passed he goes. The other has everything meanwhile."""
    client = small_stack.customer()
    call_id, _ = client.ring()
    context = ssl.create_default_context(cafile=small_stack.ca)
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    raw.connect(("127.0.0.1", int(small_stack.url.rpartition(":")[2])))
    with context.wrap_socket(raw, server_hostname="localhost") as stuck:
        stuck.sendall(f"GET /calls/{call_id}/events HTTP/1.1\r\nHost: localhost\r\nX-API-Key:"
                      f" {client.key}\r\n\r\n".encode())
        assert b"200 OK" in stuck.recv(4096)
        with listen(client, call_id) as good:
            eventually(lambda: good.frames)
            child = events_child(small_stack)
            before = memory_kib(child)
            for _ in range(3):
                add(small_stack, call_id, 240, 65536)
            (count,), = small_stack.sql(
                "SELECT event_count FROM calls WHERE call_id = %s", call_id)
            eventually(lambda: len(good.frames) >= count, 40)
            assert good.ids() == list(range(1, count + 1)) and good.faults == []
            # And not 47 MB for each who is behind; what a sanitizer keeps is the most of it.
            eventually(lambda: memory_kib(child) - before < 36000, 10)
            log = pathlib.Path(small_stack.folder, "log", "events.log")
            eventually(lambda: "has taken nothing" in log.read_text(), 15)
            assert good.ended_at is None
    client.cancel(call_id)


def memory_kib(pid):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Private_"))


# ---- the daemon goes and comes ----

@pytest.mark.parametrize("how", ["reload", "restart", "killed child", "killed master"])
def test_clients_go_on_where_they_were(small_stack, how):
    stack = small_stack
    client = stack.customer()
    call_id, _ = client.ring()
    with listen(client, call_id, again=True) as stream:
        eventually(lambda: stream.frames)
        add(stack, call_id, 5)
        if how == "reload":
            stack.kill("events", signal.SIGHUP)
        elif how == "restart":
            stack.stop("events")
            add(stack, call_id, 5)
            stack.up()
        elif how == "killed child":
            os.kill(events_child(stack), signal.SIGKILL)
        else:
            stack.kill("events", signal.SIGKILL)
            add(stack, call_id, 5)
            stack.up()
        add(stack, call_id, 5)
        count = len(client.events(call_id))
        eventually(lambda: len(stream.frames) >= count and stream.opened >= 2, 30)
        assert stream.frames == client.events(call_id)
    client.cancel(call_id)


def test_without_the_daemon_the_answer_is_503_and_polling_goes_on(small_stack):
    stack = small_stack
    client = stack.customer()
    call_id, _ = client.ring()
    stack.stop("events")
    try:
        answer = client.get(f"/calls/{call_id}/events", headers={"Accept": "*/*"})
        assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0
        assert isinstance(answer.json()["detail"], str)
        assert client.events(call_id)
    finally:
        stack.up()
    with listen(client, call_id) as stream:
        eventually(lambda: stream.frames)
    client.cancel(call_id)


def test_what_the_daemon_is_not_asked_by_nginx_it_refuses(small_stack):
    """Its socket is nginx's alone; even so, nothing but what a worker has written is served."""
    client = small_stack.customer()
    call_id, _ = client.ring()
    path = small_stack.folder + "/sock/events.sock"
    for head in (f"GET /_events/{call_id}?after=x&request= HTTP/1.1\r\n\r\n",
                 f"GET /_events/{call_id} HTTP/1.1\r\n\r\n", "nonsense\r\n\r\n", "x" * 5000,
                 "GET /_events/../x?after=0&request= HTTP/1.1\r\nA: b\r\n\r\n"):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(path)
            s.sendall(head.encode())
            answer = s.recv(4096).decode()
        assert answer.startswith("HTTP/1.1 404 ") and json.loads(answer.partition("\r\n\r\n")[2])
    with socket.socket(socket.AF_UNIX) as s:  # and one that says nothing is not waited for
        s.settimeout(30)
        s.connect(path)
        assert s.recv(1) == b""
    client.cancel(call_id)
