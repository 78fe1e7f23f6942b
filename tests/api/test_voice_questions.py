"""A model on the line that asks its human: the whole path, with a strict stand-in of the vendor."""

import apikit
import pytest
import realtime
from apikit import eventually
from conftest import made
from mediakit import Line
from test_voice import hears, turns


@pytest.fixture(scope="module")
def model():
    fake = realtime.Realtime()
    yield fake
    fake.close()


@pytest.fixture(scope="module")
def model_stack(model):
    apikit.secrets.add(realtime.KEY)
    yield from made({"queue.enabled": "true", "queue.cps": 40, "voice.transport": "stream",
                     "voice.engine": "openai", "openai.api_key": realtime.KEY,
                     "openai.realtime_url": model.url})


def test_a_model_talks_asks_and_ends_the_call(model_stack, model):
    client = model_stack.customer(cap=20)
    model.hears = ["At eight, is that fine?", "Good, booked."]
    model.dialogue = [
        realtime.Turn("Hello. This is an automated assistant calling on behalf of a client.", 3000),
        realtime.Turn("I will ask.", 800, tool=("ask_user", {"question": "Is eight fine?"})),
        realtime.Turn("My client says eight is fine.", 1500),
        realtime.Turn("Thank you, goodbye.", 1000, tool=(
            "end_call", {"outcome_type": "success_booked", "summary": "Booked for eight.",
                         "time": "20:00"}))]
    line = Line(model_stack, client)
    stream = line.stream().wait_open()
    eventually(lambda: stream.first("first_sound"), 5)
    hears(stream)
    stream.talk(1500)
    [asked] = eventually(lambda: line.events("ask_user"), 15)
    assert asked["message"] == "Is eight fine?"
    client.post(f"/calls/{line.call_id}/answer", {"answer": "Eight is fine"})
    eventually(lambda: line.events("answer_spoken"), 10)
    hears(stream)
    stream.talk(1500)
    assert stream.wait_closed(30)[0] == 1000
    call = line.finish()
    assert (call["outcome_type"], call["outcome_summary"]) == ("success_booked", "Booked for eight.")
    assert [(t["role"], t["text"]) for t in call["transcript_full"]][0] == (
        "bot", "Hello. This is an automated assistant calling on behalf of a client.")
    assert turns(call, "operator") == ["At eight, is that fine?", "Good, booked."]
    assert not model.refused and not model.faults
