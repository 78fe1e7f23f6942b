"""A customer's key is stolen, with the settings as they are delivered: what the carrier sees of it, by its
own ledger, and that nobody else's calls suffer. And the switch that stops dialing, while everything runs."""

import concurrent.futures
import itertools
import os
import time

from stack import eventually
from world import BUSY, TALKS, World

MOST_STOLEN = 10  # dials, before a thief is stopped

# Where thieves call: far and dear countries, and among them the country of our own number.
COUNTRIES = ["53", "252", "263", "371", "372", "386", "216", "213", "224", "225", "231", "232", "235", "236",
             "243", "245", "247", "257", "261", "265", "269", "291", "381", "387", "48", "44", "49", "33", "677",
             "678", "682", "685", "960", "967", "992", "994", "1876", "1473", "1809", "1202"]
PREMIUM = ["1900", "1976", "88213", "88235", "8816", "8707", "979", "4490", "49900", "3389"]

serial = itertools.count(10)  # of thieves: none calls another's numbers


class Thief:
    """Somebody with the key of a customer, and with all that the API lets him do."""

    def __init__(self, world):
        self.world = world
        self.answers = []
        self.numbers = set()
        self.serial = next(serial)

    def stolen(self, beginnings, each):
        """So many numbers of each, in turn."""
        return [f"+{begin}{self.serial}{i:03d}{BUSY}" for i in range(each) for begin in beginnings]

    def post(self, path, body, numbers):
        self.numbers.update(numbers)
        answer = self.world.session().post(self.world.url(path), json=body, timeout=30)
        self.answers.append(answer)
        return answer

    def call(self, to):
        return self.post("/calls", {"target_phone": to, "brief": "Hello."}, [to])

    def skill(self, to):
        return self.post("/skills/restaurant-reservation/run", {
            "restaurant_phone": to, "party_size": 2, "date": "2030-12-24", "time": "19:30", "name": "Ann"}, [to])

    def single(self, to):
        return self.post("/api/v1/celery/twilio/queue-single-call", {"to_number": to}, [to])

    def scheduled(self, to):
        return self.post("/api/v1/celery/twilio/schedule-call", {
            "to_number": to, "schedule_time": "2036-01-15T09:00:00", "timezone": "UTC"}, [to])

    def campaign(self, numbers):
        return self.post("/api/v1/celery/twilio/queue-bulk-calls", {
            "phone_numbers": numbers, "delay_between_calls": 1, "max_concurrent_calls": 50}, numbers)

    def negotiation(self, numbers):
        made = self.post("/api/jobs", {
            "description": "A sink.", "location": "Here", "providers": [
                {"name": f"P{i}", "phone": n, "estimated_price": 1.0} for i, n in enumerate(numbers)]}, numbers)
        if made.status_code == 201:
            self.post(f"/api/start-calls/{made.json()['job_id']}", {}, numbers)

    def dials(self):
        return [d for d in self.world.stack.dials() if d["to"] in self.numbers]

    def codes(self):
        """What was answered, by the code of a refusal or by the status."""
        found = {}
        for answer in self.answers:
            detail = answer.json().get("detail")
            code = detail["error_code"] if isinstance(detail, dict) else answer.status_code
            found[code] = found.get(code, 0) + 1
        return found


def raise_cap(world):
    answer = world.session().put(world.url("/users/me/limits"), json={"max_concurrent_calls": 100}, timeout=15)
    assert answer.status_code == 200, answer.text


def guarded(stack, world):
    return [s for s in stack.command("status")["stopped"]
            if s["workspace_id"] == world.workspace and s["by"] == "guard"]


def other(stack, name):
    return World(stack, f"{name}-{os.urandom(3).hex()}")


def test_a_stolen_key_reaches_ten_numbers_at_most(stack, world):
    """Hundreds of calls to forty countries and to premium numbers, as fast as they go and by every door.
    Meanwhile another customer calls at home, and one whose operator has opened a country calls there."""
    honest, abroad = other(stack, "honest"), other(stack, "abroad")
    stack.command("rules", "allow", "GB", "--workspace", abroad.workspace)
    british = [f"+44207{os.getpid() % 1000:03d}{i:02d}{BUSY}" for i in range(30)]
    thief = Thief(world)
    raise_cap(world)
    numbers = thief.stolen(COUNTRIES, 10) + thief.stolen(PREMIUM, 10)
    with honest.load([honest.number() for _ in range(60)], threads=2, per_second=15), \
            abroad.load(british, threads=2, per_second=8), \
            concurrent.futures.ThreadPoolExecutor(8) as pool:
        doors = itertools.cycle([thief.call, thief.call, thief.call, thief.skill, thief.single, thief.scheduled])
        list(pool.map(lambda pair: pair[0](pair[1]), zip(doors, numbers)))
        thief.campaign(thief.stolen(["53", "252"], 100))
        thief.campaign(thief.stolen(["1202"], 100))
        thief.negotiation(thief.stolen(["371", "1900"], 5))
    honest.verify()
    abroad.settle()
    time.sleep(3)  # whatever the thief has got through would have been dialed by now

    assert len(thief.dials()) <= MOST_STOLEN
    codes = thief.codes()
    assert set(codes) <= {200, 201, 202, "destination_limit", "destination_denied", "dialing_held"}, codes
    assert codes["dialing_held"] > len(numbers) / 2, codes
    assert guarded(stack, world)[0]["reason"].endswith("numbers were refused within an hour.")
    assert {c["status"] for c in world.calls().values()} <= {"queued", "scheduled", "completed", "failed"}
    accepted = len(world.calls())
    assert accepted <= 3 * MOST_STOLEN, "what waits is little as well"
    assert len([d for d in stack.dials() if d["to"] in british]) == len(british)
    assert not guarded(stack, honest) and not guarded(stack, abroad)


def test_a_patient_thief_is_bounded_too(stack, world):
    """Who never asks for more than is allowed is not stopped, and yet has no more than ten dials a day: not
    by retries, and not by calls that were meant for another time."""
    thief = Thief(world)
    numbers = thief.stolen(["252", "371"], 5)
    raise_cap(world)
    answer = thief.post("/api/v1/campaigns", {
        "name": "x", "phone_numbers": numbers, "delay_between_calls": 1,
        "call_metadata": {"message": "Hello."}, "retries": {"max": 5, "after_seconds": 1, "on": ["busy"]}},
        numbers)
    assert answer.status_code == 200, answer.text
    eventually(lambda: len(thief.dials()) >= MOST_STOLEN, 30, "not even ten")
    time.sleep(6)  # several retries were due
    assert len(thief.dials()) == MOST_STOLEN
    waiting = [c for c in world.calls().values() if c["status"] in ("queued", "scheduled")]
    assert waiting, "the retries wait"
    assert not guarded(stack, world)


def test_who_was_stopped_goes_on_where_he_was(stack, world):
    """The guard stops a customer by mistake: his calls wait, none is lost, and the operator starts them."""
    stack.command("stop", "dialing", "--workspace", world.workspace, "--reason", "A look.")
    waiting = [world.post(world.number()) for _ in range(5)]
    for i in range(40):
        Thief(world).call(f"+19005{i:06d}")
    time.sleep(1)
    assert {world.calls()[c]["status"] for c in waiting} == {"queued"}
    assert stack.command("start", "dialing", "--workspace", world.workspace)["changed"]
    world.verify()
    assert {world.calls()[c]["dials"] for c in waiting} == {1}


def test_the_switch_stops_everybody_within_a_second(stack, world):
    """Two customers are dialed when it is turned. A second later nothing more arrives, not even after the
    scheduler has been killed; the calls that run go on to their end; then all are dialed, each once."""
    second = other(stack, "second")
    with world.load([world.number() for _ in range(80)]), second.load([second.number() for _ in range(80)]):
        talk = world.post(world.number(TALKS))
        eventually(lambda: world.calls()[talk]["status"] == "in_progress", 30, "nobody talks")
    began = len(stack.dials())
    eventually(lambda: len(stack.dials()) > began + 5, 30, "nothing is dialed")
    stack.command("stop", "dialing", "--reason", "The bill.")
    try:
        time.sleep(1)
        stood = len(stack.dials())
        time.sleep(2)
        stack.kill("scheduler")
        stack.up()
        time.sleep(4)
        assert len(stack.dials()) == stood, "it was dialed on"
        assert any(c["status"] == "queued" for c in [*world.calls().values(), *second.calls().values()])
        late = world.post(world.number())
        assert world.calls()[late]["status"] == "queued"
        assert world.calls()[talk]["status"] == "completed", "a call that ran did not go on"
        told = stack.command("status")["stopped"]
        assert [s["reason"] for s in told if s["workspace_id"] is None] == ["The bill."]
    finally:
        stack.command("start", "dialing")
    world.verify()
    second.verify()
