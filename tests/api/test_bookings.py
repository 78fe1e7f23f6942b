"""Bookings: made by the agent's verdict, listed, filtered, shown, cancelled by the skill; and
nobody sees another's (seed 003)."""

import json
import uuid

import pytest
from apikit import SEED, Client, number

TABLE = "restaurant-reservation"
FIELDS = list(SEED["components"]["schemas"]["BookingDTO"]["properties"])
PATH = "/v1/booking/bookings"


def talk(client, *words, skill=TABLE, **slots):
    """Runs a skill with a callee who says these words, to its end; the call."""
    to = number()
    client.stack.rule(to, ring_ms=20, say=list(words))
    phone = {TABLE: "restaurant_phone", "doctor-appointment": "practice_phone",
             "hotel-booking": "hotel_phone", "concierge": "target_phone"}[skill]
    if skill == TABLE:
        slots = {"party_size": 4, "date": "2096-12-24", "time": "19:30", "name": "Ann", **slots}
    answer = client.post(f"/skills/{skill}/run", {phone: to, **slots})
    assert answer.status_code == 202, answer.text
    return client.ended(answer.json()["call_id"])


def bookings(client, query=""):
    answer = client.get(PATH + query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def only(client):
    made = bookings(client)
    assert len(made) == 1, made
    return made[0]


def cancel(client, booking, *words):
    client.stack.rule(booking["target_phone"], ring_ms=20, say=list(words))
    answer = client.post("/skills/cancel-booking/run", {"booking_id": booking["booking_id"]})
    assert answer.status_code == 202, answer.text
    return client.ended(answer.json()["call_id"])


# ---- made ----

def test_a_callee_who_confirms_makes_a_booking(customer):
    call = talk(customer, "Yes, that is booked.", phone_to_dictate="+12025550199", language="en")
    assert call["outcome_type"] == "success_booked"
    booking = only(customer)
    assert list(booking) == FIELDS
    assert str(uuid.UUID(booking["booking_id"])) == booking["booking_id"]
    assert booking["created_at"] == booking["updated_at"] and booking["created_at"].endswith("Z")
    del booking["booking_id"], booking["created_at"], booking["updated_at"]
    assert booking == {
        "customer_id": customer.workspace, "call_id": call["call_id"], "type": "restaurant",
        "target_phone": call["target_phone"], "venue_name": None,
        "booking_date": "2096-12-24T19:30:00", "guests": 4, "booking_holder_name": "Ann",
        "contact_phone": "+12025550199", "details": None, "status": "active", "language": "en",
        "refusal_reason": None}


def test_a_callee_who_refuses_gives_the_reason(customer):
    call = talk(customer, "No, sorry, we are fully booked that night.")
    assert call["outcome_type"] == "success_refused"
    booking = only(customer)
    assert booking["status"] == "cancelled" and booking["call_id"] == call["call_id"]
    assert booking["refusal_reason"] == "No, sorry, we are fully booked that night."


@pytest.mark.parametrize("words, date", [("Yes, but at 21:15.", "2096-12-24T21:15:00"),
                                         ("Okay, 9 PM.", "2096-12-24T21:00:00"),
                                         ("Yes, please confirm by mail.", "2096-12-24T19:30:00")])
def test_what_was_not_asked_for_waits_for_the_client(customer, words, date):
    talk(customer, words)
    booking = only(customer)
    assert (booking["status"], booking["booking_date"]) == ("pending_user_confirm", date)


def test_the_time_that_was_asked_for_does_not(customer):
    talk(customer, "Yes, 7:30 pm is fine.")
    assert only(customer)["status"] == "active"


@pytest.mark.parametrize("skill, slots, kind, more", [
    ("doctor-appointment", {"patient_name": "Ann", "reason": "A cold.",
                            "preferred_date": "2096-12-03"},
     "doctor", {"booking_date": "2096-12-03T00:00:00", "details": "A cold."}),
    ("hotel-booking", {"check_in": "2096-12-28", "check_out": "2097-01-02", "guests": 2,
                       "name": "Ann"},
     "hotel", {"booking_date": "2096-12-28T00:00:00", "guests": 2,
               "details": "until 2097-01-02; rooms: 1"}),
    ("concierge", {"request": "A coat.", "name": "Ann"},
     "other", {"booking_date": None, "details": "A coat."})])
def test_each_skill_books_its_kind(customer, skill, slots, kind, more):
    talk(customer, "Yes, certainly.", skill=skill, **slots)
    booking = only(customer)
    assert booking["type"] == kind and booking["booking_holder_name"] == "Ann"
    assert {name: booking[name] for name in more} == more


@pytest.mark.parametrize("words", [["What?"] * 9, ["Leave a message after the beep."]])
def test_no_verdict_is_no_booking(customer, words):
    assert talk(customer, *words)["outcome_type"] in ("success_no_booking", "failed_voicemail")
    assert bookings(customer) == []


def test_a_call_that_is_not_answered_books_nothing(customer):
    call_id = customer.start(number("0002"), kind="restaurant_booking")
    customer.ended(call_id)
    assert bookings(customer) == []


@pytest.mark.parametrize("slots", [
    {"date": "2096-02-31", "time": "99:99", "guests": "many"}, {"date": {"a": [1]}, "name": [[]]},
    {"guests": 10 ** 15, "name": "x" * 5000, "details": "\u0001\u2028"}, {"time": "19:30"}, {},
    {"booking_id": "x"}, None])
def test_whatever_the_slots_of_a_call_say_it_ends_and_books(customer, slots):
    call_id = customer.start(kind="hotel_booking", parsed_slots=slots)
    assert customer.ended(call_id)["outcome_type"] == "success_booked"
    booking = only(customer)
    assert booking["type"] == "hotel" and booking["booking_date"] is None
    assert booking["guests"] is None and len(booking["booking_holder_name"] or "") <= 200


# ---- read ----

@pytest.fixture(scope="module")
def owner(stack):
    """A customer with 23 bookings of every status."""
    client = stack.customer()
    talk(client, "Yes.")
    stack.sql("INSERT INTO bookings (workspace_id, type, status, target_phone, booking_date,"
              " has_time, language, created_at) SELECT %s, 'other', (CASE n %% 3 WHEN 0 THEN"
              " 'cancelled' WHEN 1 THEN 'pending_user_confirm' ELSE 'active' END)::booking_status,"
              " '+12025550100', now() + (n - 10.5) * interval '1 day', true, 'en',"
              " now() - n * interval '1 minute' FROM generate_series(1, 22) n", client.workspace)
    return client


def test_the_list_is_newest_first_and_short(owner):
    made = bookings(owner)
    assert len(made) == 20
    assert [b["created_at"] for b in made] == sorted((b["created_at"] for b in made), reverse=True)
    assert all(list(b) == FIELDS for b in made)


@pytest.mark.parametrize("limit, count", [(1, 1), (7, 7), (100, 23)])
def test_the_list_is_as_long_as_asked_for(owner, limit, count):
    assert len(bookings(owner, f"?limit={limit}")) == count


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "", "1.5", "1e1"])
def test_a_limit_out_of_range_is_422(owner, limit):
    answer = owner.get(f"{PATH}?limit={limit}")
    assert answer.status_code == 422 and answer.json()["detail"][0]["loc"] == ["query", "limit"]


def test_every_status_is_a_filter(owner):
    every = bookings(owner, "?limit=100")
    statuses = ["active", "pending_user_confirm", "past", "cancelled"]
    for status in statuses:
        wanted = [b for b in every if b["status"] == status]
        assert wanted and bookings(owner, f"?limit=100&status={status}") == wanted
        assert bookings(owner, f"?limit=2&status={status}") == wanted[:2]
    assert {b["status"] for b in every} == set(statuses)


@pytest.mark.parametrize("status", ["none", "", "Active", "active%20", "active|past", "%27"])
def test_another_status_is_400_with_those_that_there_are(owner, status):
    answer = owner.get(f"{PATH}?status={status}")
    assert answer.status_code == 400
    for word in ("active", "pending_user_confirm", "past", "cancelled"):
        assert word in answer.json()["detail"]


def test_one_is_shown_as_it_is_listed(owner):
    for booking in bookings(owner, "?limit=3"):
        answer = owner.get(f"{PATH}/{booking['booking_id']}")
        assert answer.status_code == 200 and answer.json() == booking
        assert owner.get(f"{PATH}/{booking['booking_id'].upper()}").json() == booking


# ---- another's ----

def bytes_of(answer):
    headers = {n.lower(): v for n, v in answer.headers.items() if n.lower() != "date"}
    return answer.status_code, headers, answer.content


def test_another_customers_booking_looks_like_none(stack, owner, customer):
    foreign = bookings(owner)[0]["booking_id"]
    client = Client(stack, customer.key, headers={"X-Request-Id": "same"})
    answers = [client.get(f"{PATH}/{one}") for one in
               (foreign, str(uuid.uuid4()), "none", "%27;--", "x" * 500, foreign + "0")]
    assert answers[0].status_code == 404
    assert len({json.dumps(bytes_of(a), default=repr) for a in answers}) == 1
    assert bookings(customer) == []
    # The skill cannot tell them apart either, and says it to the byte alike.
    answers = [client.post("/skills/cancel-booking/run", {"booking_id": one})
               for one in (foreign, str(uuid.uuid4()))]
    assert answers[0].status_code == 422
    assert answers[0].json()["detail"]["error_code"] == "invalid_slots"
    assert list(answers[0].json()["detail"]["invalid"]) == ["booking_id"]
    assert bytes_of(answers[0]) == bytes_of(answers[1])
    assert customer.get("/calls").json() == [] and customer.usage() == 0


def test_a_key_above_reads_the_workspace_that_it_names(stack, owner):
    client = stack.with_key(stack.new_key("platform"), X_Workspace_Id=owner.workspace)
    assert bookings(client) == bookings(owner)
    bare = stack.with_key(stack.new_key("platform"))
    assert bare.get(PATH).status_code == 400 and bare.get(f"{PATH}/x").status_code == 400


# ---- cancelled ----

def test_an_agreed_cancellation_ends_the_booking(stack, customer):
    talk(customer, "Yes.", language="en")
    booking = only(customer)
    call = cancel(customer, booking, "Okay, it is cancelled.")
    assert call["outcome_type"] == "success_booked" and call["language"] == "en"
    assert call["target_phone"] == booking["target_phone"]
    after = only(customer)
    assert after["status"] == "cancelled" and after["refusal_reason"] is None
    assert after["updated_at"] > booking["updated_at"]
    assert after["call_id"] == booking["call_id"]
    said = customer.events(call["call_id"])
    words = " ".join(e["data"]["text"] for e in said if e["event_type"] == "transcript")
    assert 'in the name of "Ann" on 2096-12-24 at 19:30 for 4' in words
    again = customer.post("/skills/cancel-booking/run", {"booking_id": booking["booking_id"]})
    assert again.status_code == 422
    assert "cancelled" in again.json()["detail"]["invalid"]["booking_id"]


@pytest.mark.parametrize("words", [["No, that is not possible."], ["What?"] * 9])
def test_without_an_agreement_the_booking_stands(customer, words):
    talk(customer, "Yes.")
    cancel(customer, only(customer), *words)
    assert only(customer)["status"] == "active"


def test_what_is_past_is_not_cancelled(stack, customer):
    talk(customer, "Yes.", date="2020-01-01")
    booking = only(customer)
    assert booking["status"] == "past"
    answer = customer.post("/skills/cancel-booking/run", {"booking_id": booking["booking_id"]})
    assert answer.status_code == 422 and answer.json()["detail"]["invalid"]["booking_id"]


def test_a_cancelled_cancellation_changes_nothing(stack, customer):
    talk(customer, "Yes.")
    booking = only(customer)
    stack.rule(booking["target_phone"], ring_ms=60000)
    call_id = customer.post("/skills/cancel-booking/run",
                            {"booking_id": booking["booking_id"]}).json()["call_id"]
    customer.wait_for(call_id, "dialing")
    assert customer.cancel(call_id) and only(customer) == booking
