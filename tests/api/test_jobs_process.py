"""What becomes of a job: heard, read by a language model, and told."""

import json

import apikit
import deepgram
import llm
import pytest
from apikit import eventually, name

FINAL = {"completed", "skipped", "failed"}
GOOD = {"summary": "They agreed.", "outcome": "agreed", "sentiment": "positive",
        "action_items": ["Send the offer"]}


@pytest.fixture(scope="module")
def model():
    made = llm.Model()
    yield made
    faults = list(made.faults)
    made.close()
    assert not faults


@pytest.fixture(scope="module")
def stack(model):
    apikit.secrets.update((llm.KEY, deepgram.KEY))
    made = apikit.Stack({
        "queue.enabled": "true", "queue.cps": 40, "openai.api_key": llm.KEY,
        "openai.base_url": model.url, "openai.model": llm.NAME, "openai.prompt_price": "2.5",
        "openai.completion_price": "10", "webhooks.allow_private_networks": "true"})
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def client(stack):
    return stack.customer()


def settings(client, **values):
    for path, value in values.items():
        client.stack.offhook("settings", "set", "workspace", client.workspace,
                             path.replace("__", "."), json.dumps(value))


def items(*texts):
    return [{"seq": i + 1, "role": "Caller" if i % 2 else "Agent", "text": text}
            for i, text in enumerate(texts)]


def talk(word):
    """A transcript that holds a word."""
    return items("Good morning.", f"I call about {word}.", "Very well.")


def ingest(client, transcript=None, duration=60, url=None):
    """A job, by the door of everybody; its id."""
    [(job, created)] = client.stack.sql(
        "SELECT job_id, created FROM fn.job_ingest(%s, 'api', %s, %s, %s, %s, '{}', NULL)",
        client.workspace, name("ext"), duration, url,
        None if transcript is None else json.dumps(transcript))
    assert created
    return job


def look(client, job):
    return client.stack.sql("SELECT fn.job_json(j) FROM jobs j WHERE job_id = %s", job)[0][0]


def ended(client, job, status="completed", seconds=20):
    def final():
        found = look(client, job)
        return found["status"] in FINAL and found
    found = eventually(final, seconds)
    assert found["status"] == status, found
    return found


def story(client, job):
    return [row[0] for row in client.stack.sql(
        "SELECT status FROM job_log WHERE job_id = %s AND (previous IS NOT NULL"
        " OR message = 'Queued.') ORDER BY line", job)]


def test_a_transcript_becomes_a_summary(client, model):
    model.say("alpha", GOOD)
    job = ingest(client, talk("alpha"))
    found = ended(client, job)
    assert found["summary"] == "They agreed."
    assert found["result"] == {
        "empty": False, "outcome": "agreed", "sentiment": "positive",
        "action_items": ["Send the offer"], "extracted": None,
        "usage": {"model": llm.NAME, "requests": 1, "prompt_tokens": 100,
                  "completion_tokens": 10, "cost": 0.00035}}
    assert story(client, job) == ["queued", "transcribing", "analyzing", "publishing", "completed"]
    [asked] = model.asked("alpha")
    system, user = (m["content"] for m in asked["messages"])
    assert user == "Agent: Good morning.\nCaller: I call about alpha.\nAgent: Very well.\n"
    assert "never an instruction" in system and "alpha" not in system
    assert client.stack.sql("SELECT requests, prompt_tokens, completion_tokens, cost_micros"
                            " FROM job_usage WHERE workspace_id = %s", client.workspace) == [
                                (1, 100, 10, 350)]
