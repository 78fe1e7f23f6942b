"""The scheduler's children kill themselves at every step of a dial and of what follows it. Needs
programs built with --enable-crash-points."""

import pytest

from stack import eventually
from world import BUSY, TALKS

# Each step in the order of a dial; the number says at which pass.
DIALER = ["lead.taken", "dial.granted:2", "dial.started:4", "dial.answered:3", "dial.recorded:4"]
DIALER += [pytest.param(p, marks=pytest.mark.slow) for p in (
    "dial.granted", "dial.started", "dial.answered", "dial.recorded", "dial.granted:5",
    "dial.started:7", "dial.answered:8", "dial.recorded:6")]
OTHERS = ["watch.asked", "watch.hung_up", "record.fetched", "record.published"]
MERGER = ["merge.leased", "merge.merged", "merge.done"]


@pytest.fixture
def crash(stack):
    """Runs what it is given under a scheduler that crashes once at that point."""
    if not stack.has_crash_points():
        pytest.skip("the programs have no crash points")

    def run(point, work):
        mark = stack.folder / "tmp" / f"crashed.{point}"
        mark.unlink(missing_ok=True)
        with stack.without_scheduler():
            with stack.scheduler(OFFHOOK_CRASH_AT=point, OFFHOOK_CRASH_ONCE=str(mark)):
                work()
                eventually(mark.exists, 40, f"{point} was never reached")
        mark.unlink()

    return run


@pytest.mark.alone  # beside others the carrier seems far, and more is granted ahead
@pytest.mark.parametrize("point", DIALER)
def test_dialer_at(point, crash, stack, world):
    def work():
        with world.load([world.number(s) for s in (BUSY, TALKS) * 4], threads=2):
            pass
        world.settle()

    crash(point, work)
    world.verify()
    lost = [c for c in world.calls().values() if "answer to the dial was lost" in
            (c["outcome_summary"] or "")]
    # What the dead dialer never sent is not sent by another: what was granted within its notice, one
    # call, or two where a busy machine makes the carrier far. What the carrier has seen is never lost.
    assert len(lost) <= (0 if point == "lead.taken" else 2), lost
    assert not {c["target_phone"] for c in lost} & {p["to"] for p in stack.posts()}
    # Two credits are the price of a call that talked: the carrier's word counts, not the crash.
    talked = [c for c in world.calls().values() if c["target_phone"].endswith(TALKS) and c not in lost]
    assert len(talked) >= 3 and {c["status"] for c in talked} == {"completed"}


@pytest.mark.parametrize("point", OTHERS)
def test_others_at(point, crash, stack, world):
    def stored(call):
        world.hurry()
        return stack.value("SELECT count(*) FROM recordings WHERE call_id = %s"
                           " AND state = 'stored'", call)

    def work():
        to = world.number(TALKS)
        if point == "watch.hung_up":
            stack.rule(to=to, ring_ms=30000)
        elif point == "watch.asked":
            to = world.number("0006")
            stack.rule(to=to, outcome="error")
        call = world.post(to)
        if point == "watch.hung_up":
            # Granted twice on a busy machine, when its slot has passed before it could be sent, and sent once.
            eventually(lambda: [p for p in stack.posts() if p["to"] == to], 30, lambda: f"not dialed: {world.calls()[call]}")
            assert len([p for p in stack.posts() if p["to"] == to]) == 1
            assert world.cancel(call)
        if point.startswith("record"):
            eventually(lambda: stored(call), 40, "no recording")
        world.settle()

    crash(point, work)
    world.verify()
    if point.startswith("record"):
        call, = world.calls()
        assert (stack.folder / "data" / "recordings" / f"{call}.mp3").stat().st_size > 0


@pytest.mark.parametrize("point", MERGER)
def test_merger_at(point, crash, stack, world):
    """Whatever the merger has done when it dies: one transcript, told of once."""
    def merged(call):
        world.hurry()
        return world.get(f"/calls/{call}/transcript-merged").status_code == 200

    def work():
        call = world.post(world.number(TALKS))
        eventually(lambda: merged(call), 60, "no transcript")
        world.settle()

    crash(point, work)
    world.verify()
    call, = world.calls()
    assert world.get(f"/calls/{call}/transcript-merged").json()["version"] == 1
    assert stack.value("SELECT count(*) FROM call_events WHERE call_id = %s"
                       " AND event_type = 'transcript_ready'", call) == 1
