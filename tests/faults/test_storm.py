"""Everything at once: random faults under load, for a while. The seed is printed; FAULTS_SEED runs
the same order of faults again, FAULTS_STORM_SECONDS says how long."""

import os
import random
import signal
import time

import checker
from stack import children_of
from world import BUSY, TALKS, World

SECONDS = float(os.environ.get("FAULTS_STORM_SECONDS", 12))
SUFFIXES = (BUSY, BUSY, TALKS, TALKS, "0006", "0007", "0009", "0011", "0012")


def one_of(pids, rng, number=signal.SIGKILL):
    if pids:
        try:
            os.kill(rng.choice(sorted(pids)), number)
        except ProcessLookupError:
            pass


def a_worker(stack, rng):
    one_of(children_of(stack.pid("api"), "worker"), rng)


def a_scheduler_child(stack, rng):
    one_of(children_of(stack.pid("scheduler"), ""), rng)


def the_dialer(stack, rng):
    one_of(stack.children("scheduler", "dialer"), rng)


def the_scheduler(stack, rng):
    stack.kill("scheduler")
    time.sleep(rng.random())
    stack.up()


def the_api(stack, rng):
    stack.kill("api")
    time.sleep(rng.random() / 2)
    stack.up()


def a_backend(stack, rng):
    one_of({r["pid"] for r in stack.rows(
        "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'offhook%%'")}, rng)


def a_connection(stack, rng):
    stack.rows("SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity"
               " WHERE application_name LIKE 'offhook%%' ORDER BY random() LIMIT 1) x")


def a_pause(stack, rng):
    dialer = stack.children("scheduler", "dialer")
    one_of(dialer, rng, signal.SIGSTOP)
    time.sleep(rng.uniform(0, 2))
    one_of(dialer, rng, signal.SIGCONT)


def a_reload(stack, rng):
    stack.kill(rng.choice(("api", "scheduler")), signal.SIGHUP)


FAULTS = [a_worker, a_worker, a_scheduler_child, the_dialer, the_dialer, the_scheduler, the_api,
          a_backend, a_connection, a_pause, a_reload]


def test_storm(stack, world):
    seed = int(os.environ.get("FAULTS_SEED") or random.randrange(1 << 30))
    print(f"FAULTS_SEED={seed}")
    rng = random.Random(seed)
    numbers = [world.number(rng.choice(SUFFIXES)) for _ in range(int(12 * SECONDS))]
    other = World(stack, world.workspace + "-2")
    with stack.scheduler():
        with other.load([other.number(rng.choice(SUFFIXES)) for _ in range(int(SECONDS))], 1, 1), \
                world.load(numbers, threads=6, per_second=12) as load:
            end = time.monotonic() + SECONDS
            while time.monotonic() < end and load.running():
                fault = rng.choice(FAULTS)
                print(f"{time.strftime('%H:%M:%S')} {fault.__name__}")
                fault(stack, rng)
                time.sleep(rng.uniform(0.1, 1))
        stack.up()
        world.verify(150)
        other.verify(150)
        found = checker.check_secrets(checker.Evidence(
            words={one.workspace: {one.word} for one in (world, other)},
            replies=[(one.workspace, text) for one in (world, other) for text in one.read_all()]))
        assert list(found) == []
