"""Signals: SIGHUP takes new settings without a lost request and keeps the old ones when the new
are wrong; SIGTERM lets a request end. And what is lost when a program goes: nothing."""

import contextlib
import os
import pathlib
import signal
import subprocess
import threading
import time

import pytest
from apikit import TOP, eventually, number, together


def children(stack, program):
    """The processes that a master has started."""
    master = str(stack.pid(program))
    found = set()
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            text = stat.read_text()
            if text.rsplit(")", 1)[1].split()[1] == master:
                found.add(int(stat.parent.name))
    return found


@contextlib.contextmanager
def settings(stack, text):
    """While this lasts, text stands at the end of the configuration file."""
    path = pathlib.Path(stack.env["OFFHOOK_CONF"])
    before = path.read_text()
    path.write_text(before + "\n" + text + "\n")
    try:
        yield
    finally:
        path.write_text(before)
        stack.kill("api", signal.SIGHUP)
        eventually(lambda: all(stack.client.get("/healthz").status_code == 200 for _ in range(5)))


@contextlib.contextmanager
def asking(stack, threads=3):
    """While this lasts, customers ask without a pause; gives what they were answered."""
    answers, stop = [], threading.Event()

    def ask(client):
        while not stop.is_set():
            try:
                answers.append(client.get("/calls").status_code)
            except Exception as fault:  # whatever it is, it counts
                answers.append(fault)
            time.sleep(0.01)
    clients = [stack.customer() for _ in range(threads)]
    workers = [threading.Thread(target=ask, args=(client,)) for client in clients]
    for worker in workers:
        worker.start()
    try:
        yield answers
    finally:
        stop.set()
        for worker in workers:
            worker.join()


def test_a_reload_loses_no_request(rough_stack):
    """Each worker is replaced; the committer stays, since workers of before and after ask it."""
    stack = rough_stack
    before = children(stack, "api")
    committer, = (pid for pid in before if b"committer" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes())
    with asking(stack) as answers:
        for reload in range(1, 5):
            stack.kill("api", signal.SIGHUP)
            eventually(lambda so_far=15 * reload: len(answers) >= so_far)
    assert set(answers) == {200}, set(answers)
    assert stack.runs("api")
    eventually(lambda: before & children(stack, "api") == {committer})


def test_a_reload_takes_new_settings(rough_stack):
    stack = rough_stack
    client = stack.customer()
    assert client.place().status_code == 201
    with settings(stack, "[queue]\nenabled = true"):
        stack.kill("api", signal.SIGHUP)
        eventually(lambda: [client.place().status_code for _ in range(4)] == [202] * 4)
    eventually(lambda: client.place().status_code == 201)


def test_a_reload_of_wrong_settings_keeps_the_old(rough_stack):
    stack = rough_stack
    client = stack.customer()
    log = pathlib.Path(stack.folder, "log", "api.log")
    for text, word in (("[queue]\nenabled = perhaps", "enabled"),
                       ("[queue]\ncolour = blue", "colour"),
                       ("[nonsense]\na = 1", "nonsense"), ("no settings at all", ":")):
        size = log.stat().st_size
        with settings(stack, text):
            stack.kill("api", signal.SIGHUP)
            line = eventually(lambda: [one for one in log.read_text()[size:].splitlines()
                                       if "not reloaded" in one])[0]
            assert word in line and "offhook.conf" in line
            assert client.place().status_code == 201
            assert stack.runs("api")


def test_a_wrong_setting_does_not_stick_to_the_stack(rough_stack):
    """./dev up refuses it by name; what runs keeps its file, and so does the next ./dev up."""
    stack = rough_stack
    conf = pathlib.Path(stack.env["OFFHOOK_CONF"])
    before = conf.read_text()
    done = subprocess.run([str(TOP / "dev"), "up"], capture_output=True, text=True, timeout=120,
                          env={**stack.environment, "OFFHOOK_QUEUE_CPS": "many"})
    assert done.returncode == 1 and "queue.cps" in done.stderr
    assert conf.read_text() == before
    stack.up()
    assert conf.read_text() == before


def test_a_reload_of_the_scheduler_loses_no_call(rough_stack):
    stack = rough_stack
    client = stack.customer(cap=50)
    ids = []
    for _ in range(6):
        ids.append(client.start())
        stack.kill("scheduler", signal.SIGHUP)
        time.sleep(0.2)
    for call_id in ids:
        assert client.ended(call_id, 60)["status"] == "completed"


def test_sigterm_lets_a_request_in_flight_end(rough_stack):
    """A client that waits for its dial is answered before the worker ends."""
    stack = rough_stack
    client = stack.customer()

    def run(i):
        if i == 0:
            return client.place()
        time.sleep(1)
        began = time.monotonic()
        stack.stop("api")
        return time.monotonic() - began
    try:
        with stack.frozen("scheduler"):
            answer, took = together(2, run)
    finally:
        stack.up()
    assert answer.status_code == 202 and answer.json()["status"] == "queued"
    assert 1 < took < 10
    assert client.ended(answer.json()["call_id"])["status"] == "completed"


def test_without_workers_the_answer_is_503_with_retry_after(rough_stack):
    stack = rough_stack
    stack.stop("api")
    try:
        for path in ("/calls", "/healthz", "/readyz", "/twilio/status/call_x"):
            answer = stack.client.get(path)
            assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0
            assert isinstance(answer.json()["detail"], str)
    finally:
        stack.up()
    assert stack.client.get("/healthz").status_code == 200


@pytest.mark.alone
def test_an_idle_master_ends_at_once(rough_stack):
    stack = rough_stack
    for program in ("api", "scheduler"):
        began = time.monotonic()
        stack.stop(program)
        took = time.monotonic() - began
        stack.up()
        assert took < 5, program


def test_a_killed_worker_is_replaced(rough_stack):
    stack = rough_stack
    before = children(stack, "api")
    for pid in before:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    eventually(lambda: len(children(stack, "api") - before) == len(before))
    assert stack.client.get("/readyz").status_code == 200


def test_calls_wait_while_the_scheduler_is_away(rough_stack):
    stack = rough_stack
    client = stack.customer()
    to = number()
    stack.stop("scheduler")
    try:
        answer = client.place(to)
        assert answer.status_code == 202 and answer.json()["status"] == "queued"
        assert stack.dials(to) == []
    finally:
        stack.up()
    assert client.ended(answer.json()["call_id"], 60)["status"] == "completed"
    assert len(stack.dials(to)) == 1


def test_a_killed_scheduler_dials_nothing_twice(rough_stack):
    stack = rough_stack
    client = stack.customer(cap=50)
    targets = [number() for _ in range(8)]
    ids = []
    for i, to in enumerate(targets):
        ids.append(client.start(to))
        if i % 3 == 2:
            for pid in children(stack, "scheduler"):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
    for call_id in ids:
        assert client.ended(call_id, 90)["status"] == "completed"
    assert [len(stack.dials(to)) for to in targets] == [1] * 8
