"""Campaigns and calls with a time, while schedulers die: what the carrier saw, from its own ledger. They
are made in the database, as the task routes make them, on a stack with a high rate of its own."""

import datetime
import json
import os
import pathlib
import signal
import time

import pytest

import checker
import stack as stack_module
from stack import Stack, eventually
from world import BUSY, World

CPS = 100
MOST_LOST = 10  # granted and not yet sent when their dialer died
SLACK_S = 0.06  # the window in which a dial is sent, and the way to the carrier


@pytest.fixture(scope="module")
def fast():
    with Stack({"OFFHOOK_QUEUE_CPS": str(CPS)}) as made:
        yield made


@pytest.fixture
def customer(fast, request):
    fast.up()
    return World(fast, f"c-{os.urandom(4).hex()}")


MAKE = """
INSERT INTO calls (call_id, workspace_id, task_id, status, direct, target_phone, brief, language, kind,
        ask_user_mode, machine_detection, queue_no, queue_rank, queue_lane, starts_at, credits_reserved,
        price_cents)
    SELECT 'call_0' || left(md5(random()::text || n), 25), %(workspace)s, %(task)s,
        CASE WHEN %(at)s IS NULL THEN 'queued' ELSE 'scheduled' END::call_status, false, n, 'Hello.', 'en',
        'other', 'any', 'off', CASE WHEN %(at)s IS NULL THEN nextval('call_queue_no') END, %(rank)s,
        %(lane)s, %(at)s, 1, 0 FROM unnest(%(numbers)s) n;
SELECT fn.call_reserve(workspace_id, call_id, 1) FROM calls WHERE task_id = %(task)s;
SELECT fn.call_wait(c) FROM calls c WHERE c.task_id = %(task)s
"""


def place(customer, numbers, lane="", rank=3, at=None):
    """Calls in a lane, or for a time, all or none."""
    values = {"workspace": customer.workspace, "task": lane or f"task_{os.urandom(8).hex()}", "at": at,
              "rank": rank, "lane": lane, "numbers": numbers}
    customer.stack.rows("SELECT 1")  # connected
    with customer.stack.connection.cursor() as cursor:
        cursor.execute(MAKE, values)
    return numbers


def campaign(customer, count, spacing=0, cap=None):
    task = f"task_{os.urandom(8).hex()}"
    customer.stack.rows("INSERT INTO tasks (task_id, workspace_id, kind, spacing_s, max_concurrent)"
                        " VALUES (%s, %s, 'campaign', %s, %s)", task, customer.workspace, spacing, cap)
    return task, place(customer, [customer.number(BUSY) for _ in range(count)], task)


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def carried(stack, numbers):
    """(arrived, ended) of each dial to one of these numbers, by the carrier."""
    wanted, last = set(numbers), {}
    for line in pathlib.Path(stack.env["OFFHOOK_SIM_LEDGER"]).read_text().splitlines():
        row = json.loads(line)
        if row["to"] in wanted:
            last[row["sid"]] = row
    return sorted((seconds(r["arrived_at"]), seconds(r["ended_at"]) if r["ended_at"] else None, r["to"])
                  for r in last.values())


def most_at_once(dials):
    steps = sorted([(at, 1) for at, _, _ in dials] + [(end, -1) for _, end, _ in dials])
    most = now = 0
    for _, step in steps:
        now += step
        most = max(most, now)
    return most


def verify(customer, numbers, cps=CPS):
    """Each number was dialed once, at the rate, and everything else is as it must be. One whose dial had been
    granted when the dialer was killed may not have been sent: it has ended, and is never dialed again."""
    customer.settle(120)
    evidence = customer.evidence()
    evidence.cps = cps
    found = checker.violations(evidence)
    assert found == [], "\n".join(found)
    dialed = [to for _, _, to in carried(customer.stack, numbers)]
    lost = [r["to_number"] for r in customer.stack.rows(
        "SELECT to_number FROM attempts WHERE workspace_id = %s AND state = 'lost'", customer.workspace)]
    assert sorted(dialed + lost) == sorted(numbers)
    assert len(lost) <= MOST_LOST


def wait_for(customer, numbers, count):
    eventually(lambda: len(carried(customer.stack, numbers)) >= count, 60, "nobody dials")


def test_a_thousand_numbers_while_the_scheduler_is_killed(fast, customer):
    """Three campaigns: as fast as may be, under a cap, and a second apart."""
    _, free = campaign(customer, 780)
    _, capped = campaign(customer, 200, cap=5)
    _, spaced = campaign(customer, 20, spacing=1)
    everybody = free + capped + spaced
    for share in (50, 300):
        wait_for(customer, everybody, share)
        os.kill(fast.child("scheduler", "dialer"), signal.SIGKILL)
    wait_for(customer, everybody, 500)
    fast.kill("scheduler")
    time.sleep(0.3)
    fast.up()
    verify(customer, everybody)
    assert most_at_once(carried(fast, capped)) <= 5
    at = [arrived for arrived, _, _ in carried(fast, spaced)]
    assert min(b - a for a, b in zip(at, at[1:])) >= 1.0


def test_a_paused_campaign_stands_still_and_goes_on(fast, customer):
    task, numbers = campaign(customer, 120)
    wait_for(customer, numbers, 10)
    fast.rows("UPDATE tasks SET paused_at = clock_timestamp(), paused_why = 'customer' WHERE task_id = %s",
              task)
    time.sleep(0.5)  # what was granted before is still dialed
    count = len(carried(fast, numbers))
    os.kill(fast.child("scheduler", "dialer"), signal.SIGKILL)
    time.sleep(2.5)
    assert len(carried(fast, numbers)) == count < 120
    fast.rows("UPDATE tasks SET paused_at = NULL, paused_why = NULL WHERE task_id = %s", task)
    resumed = time.time()
    verify(customer, numbers)
    assert carried(fast, numbers)[count][0] < resumed + 1.5


def test_a_scheduled_call_is_exact_while_a_thousand_others_wait(stack, world):
    """At the shared stack's rate: under more, a machine without time to spare misses windows of sending."""
    # Another's: a customer's own campaign may fill his cap, which holds his timed calls as well.
    crowd = World(stack, f"o-{os.urandom(4).hex()}")
    task, others = campaign(crowd, 1000)
    times = [time.time() + 2 + 0.37 * i for i in range(10)]
    timed = [world.number(BUSY) for _ in times]
    for number, at in zip(timed, times):
        place(world, [number], rank=1, at=datetime.datetime.fromtimestamp(at, datetime.timezone.utc))
    wait_for(world, timed, len(timed))
    assert len(carried(stack, others)) < 1000
    arrived = {to: at for at, _, to in carried(stack, timed)}
    late = sorted(arrived[number] - at for number, at in zip(timed, times))
    print("late by ms:", [round(1000 * x) for x in late])
    assert late[0] >= 0, "dialed before its time"
    assert late[-1] < 1
    stack.rows("SELECT fn.call_cancel(workspace_id, call_id) FROM calls WHERE task_id = %s"
              " AND status = 'queued'", task)
    crowd.settle()
    verify(world, timed, stack_module.CPS)


def test_a_first_call_does_not_wait_for_another_customers_campaign(fast, customer):
    task, others = campaign(customer, 600)
    wait_for(customer, others, 5)
    newcomer = World(fast, f"n-{os.urandom(4).hex()}")
    number = newcomer.number(BUSY)
    place(newcomer, [number])
    placed = fast.value("SELECT clock_timestamp()")
    wait_for(newcomer, [number], 1)
    # What had been granted before is sent first, the more the farther the carrier is; then it is his turn.
    between = fast.value("SELECT count(*) FROM attempts a JOIN attempts n ON n.workspace_id = %s"
                         " WHERE a.workspace_id = %s AND a.created_at BETWEEN %s AND n.created_at",
                         newcomer.workspace, customer.workspace, placed)
    assert between <= 12
    fast.rows("SELECT fn.call_cancel(workspace_id, call_id) FROM calls WHERE task_id = %s"
              " AND status = 'queued'", task)
    newcomer.settle()
    customer.settle()
