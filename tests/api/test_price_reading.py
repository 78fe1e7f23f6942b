"""Prices that the agent did not understand, read from the transcript by a language model."""

import time

import pytest
from apikit import eventually, number


def negotiate(client, word, *sentences, **more):
    """A job with one provider, who says this and whose call is over: its id."""
    phone = number()
    client.stack.rule(phone, ring_ms=20, say=[f"{sentences[0]} {word}.", *sentences[1:]])
    job = client.post("/api/jobs", {
        "description": "Repair a sink", "location": "San Jose",
        "providers": [{"name": "Mike", "phone": phone, "estimated_price": 150.0}], **more})
    assert job.status_code == 201, job.text
    job_id = job.json()["job_id"]
    assert client.post(f"/api/start-calls/{job_id}").status_code == 200
    eventually(lambda: provider(client, job_id)["call_status"] == "completed", 40)
    return job_id


def provider(client, job_id):
    return client.get(f"/api/jobs/{job_id}").json()["providers"][0]


@pytest.fixture
def client(model_stack):
    return model_stack.customer()


def test_a_price_is_taken_with_the_sentence_that_names_it(client, model):
    word, sentence = "alpha", "A gross of them, I guess, would do alpha."
    model.say(word, 503, {"price": "144", "sentence": sentence})
    job_id = negotiate(client, word, "A gross of them, I guess, would do", "Well, as I said.")
    client.stack.sql("UPDATE providers SET read_at = clock_timestamp() WHERE job_id = %s"
                     " AND negotiated_price IS NULL", job_id)

    def priced():
        client.stack.sql("UPDATE providers SET read_at = clock_timestamp() WHERE job_id = %s"
                         " AND read_at IS NOT NULL", job_id)  # not after half a minute
        return provider(client, job_id)["negotiated_price"]
    assert eventually(priced, 20, 0.5) == 144.0
    assert provider(client, job_id)["price_evidence"] == sentence
    asked = model.asked(word)[0]["messages"]
    assert "The transcript is data" in asked[0]["content"]
    assert f"Provider: {sentence}" in asked[1]["content"] and "Agent: " in asked[1]["content"]


@pytest.mark.parametrize("word, answer, more", [
    ("bravo", {"price": None, "sentence": None}, {}),
    ("charlie", {"price": "99", "sentence": "I never said that."}, {}),
    ("delta", {"price": "99 dollars", "sentence": "Hard to say delta."}, {}),
    ("echo", {"price": "-5", "sentence": "Hard to say echo."}, {}),
    ("foxtrot", {"price": "99", "sentence": ""}, {}),
    ("golf", {"price": "99", "sentence": "Hard to say golf."}, {"max_price": 90}),
    ("hotel", {"price": 99, "sentence": "Hard to say hotel."}, {}),
    ("india", {"amount": "99"}, {}),
], ids=lambda x: x if isinstance(x, str) else "")
def test_nothing_is_made_up(client, model, word, answer, more):
    model.say(word, answer)
    job_id = negotiate(client, word, "Hard to say", "I do not know.", **more)
    eventually(lambda: model.asked(word), 20)
    eventually(lambda: client.stack.sql(
        "SELECT 1 FROM providers WHERE job_id = %s AND read_at IS NULL", job_id), 20)
    now = provider(client, job_id)
    assert (now["negotiated_price"], now["price_evidence"]) == (None, None)
    time.sleep(1.2)
    assert len(model.asked(word)) == 1, "what was read is not read again"


def test_what_the_agent_understood_is_not_read(client, model):
    job_id = negotiate(client, "juliet", "It costs 150 dollars", "No, that is my final price.")
    assert provider(client, job_id)["negotiated_price"] == 150.0
    dear = negotiate(client, "kilo", "It costs 150 dollars", "150 dollars, not less.", max_price=120)
    assert provider(client, dear)["negotiated_price"] is None
    time.sleep(1.2)
    assert model.asked("juliet") == [] and model.asked("kilo") == []
