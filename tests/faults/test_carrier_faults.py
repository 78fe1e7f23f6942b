"""The carrier loses replies, fails, throttles, forgets callbacks, repeats them, and dies."""

import calendar
import signal
import time
import urllib.parse

import pytest

import checker
import far
from stack import eventually
from world import BUSY, TALKS


def seconds_of(iso):
    whole, _, fraction = iso.rstrip("Z").partition(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float("0." + fraction)


def outcomes(world, suffix):
    return {(c["status"], c["outcome_type"]) for c in world.calls().values()
            if c["target_phone"].endswith(suffix)}


def test_magic_numbers(stack, world):
    """0006 to 0011, in real time: nothing is hurried along but the deadline of 0008."""
    wanted = {
        "0006": {("completed", "success_booked")},      # the reply was lost
        "0007": {("completed", "success_booked")},      # 500, and yet a call
        "0008": {("failed", "failed_technical")},       # 500, and no call
        "0009": {("completed", "success_booked")},      # 429 first
        "0010": {("completed", "success_booked")},      # never a callback
        "0011": {("completed", "success_booked")},      # every callback twice, out of order
        "0012": {("failed", "failed_technical")},       # refused
    }
    with world.load([world.number(s) for s in wanted for _ in range(3)]):
        pass
    eventually(lambda: {w.split()[1] for w in world.open()} <= {"dial_unknown", "unknown"}, 65,
               lambda: f"not ended: {world.open()}")
    silent = [c for c in world.calls().values() if c["target_phone"].endswith("0010")]
    dials = {d["call_id"]: d for d in world.evidence().dials}
    for call in silent:
        late = call["ended_at"].timestamp() - seconds_of(dials[call["call_id"]]["ended_at"])
        assert late <= 60, f"a call without callbacks was settled after {late:.0f} s"
    world.verify()
    assert {s: outcomes(world, s) for s in wanted} == wanted


@pytest.mark.slow
def test_a_dial_that_nobody_knows_is_settled_in_150_seconds(stack, world):
    calls = [world.post(world.number("0008")) for _ in range(3)]
    began = time.monotonic()
    world.verify(150, hurry=False)
    assert time.monotonic() - began > 100, "given up too early"
    assert outcomes(world, "0008") == {("failed", "failed_technical")}
    assert len(calls) == 3


def test_the_carrier_killed_and_started_under_load(stack, world):
    """Calls that it had are lost over there; those that wait are dialed when it is back."""
    with world.load([world.number(s) for s in (BUSY, TALKS) * 20], per_second=25):
        time.sleep(0.7)
        stack.stop_sim(signal.SIGKILL)
        time.sleep(1)
        stack.up()
    # What it had has no end in its ledger: it forgot those calls.
    world.settle()
    evidence = world.evidence()
    known = {c["sid"] for c in stack.sim("/sim/calls")}
    evidence.dials = [d if d["sid"] in known or d["status"] in checker.CARRIER_FINAL else {**d, "status": "failed"}
                      for d in evidence.dials]
    assert checker.violations(evidence) == []
    assert len(world.calls()) == 40


def test_a_carrier_that_cannot_be_reached_is_waited_for(stack, world):
    stack.stop_sim(signal.SIGTERM)
    calls = [world.post(world.number()) for _ in range(5)]
    time.sleep(2)
    states = {c["status"] for c in world.calls().values()}
    assert states <= {"queued", "dialing"}, states
    stack.up()
    world.verify(90)
    assert {world.calls()[c]["outcome_type"] for c in calls} == {"failed_busy"}


def test_a_carrier_that_answers_slowly_holds_up_nobody(stack, world):
    """Calls without callbacks are asked for all at once: 20 answers of 3 s each take no minute."""
    stack.stop_sim(signal.SIGTERM)
    stack.environment["OFFHOOK_DEV_SIM_LATENCY_MS"] = "3000"
    try:
        stack.up()
        with world.load([world.number("0010") for _ in range(20)], threads=8):
            pass
        world.verify(40)
        assert outcomes(world, "0010") == {("completed", "success_booked")}
    finally:
        del stack.environment["OFFHOOK_DEV_SIM_LATENCY_MS"]
        stack.stop_sim(signal.SIGTERM)
        stack.up()


@pytest.mark.parametrize("seconds, least, most", [([0.3], 0, 3), ([0.01, 0.3], 1, 10)])
def test_a_carrier_far_away_is_dialed_all_the_same(stack, world, seconds, least, most):
    """Longer than the send window takes the connection alone: the dialer learns how far it is, by a question before the
    first dial, or by the dials that miss their slots since it has moved away."""
    sim = urllib.parse.urlsplit(stack.env["OFFHOOK_SIM_URL"])
    tls = stack.folder / "tls"
    with far.far_away(tls / "server.pem", tls / "server.key", (sim.hostname, sim.port), *seconds) as port:
        with stack.without_scheduler(), stack.scheduler(
                OFFHOOK_TWILIO_API_URL=f"https://localhost:{port}",
                OFFHOOK_WEBHOOKS_CA_FILE=stack.env["OFFHOOK_CA"]):
            with world.load([world.number() for _ in range(6)]):
                pass
            world.verify(60)
    assert outcomes(world, BUSY) == {("failed", "failed_busy")}
    missed = stack.value("SELECT count(*) FROM attempts WHERE workspace_id = %s"
                         " AND answer = 'missed'", world.workspace)
    assert least <= missed <= most, missed
