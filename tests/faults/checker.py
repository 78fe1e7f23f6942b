"""checker.py: did Offhook keep its word? It shares nothing with the programs: it compares what the
carrier's ledger says happened, what the clients were told, and what the database holds.

    I1  every accepted call exists and, given time, ends, as the carrier says that it did; so do jobs
    I2  no call is dialed twice, no dial without an attempt, no attempt denied that was made
    I3  credits: one reservation and one closing line a call, and the months are their sums
    I4  never more dials than the rate allows, in any window, refused ones included
    I5  one idempotency key, one call, one answer
    I6  events are numbered without gaps, and no call leaves a final state
    I7  a customer with a webhook is told each event at least once, always in the same words under the same id
    I8  nobody is told a word of another customer's

Each check_…() takes the evidence and returns sentences, one for each violation.
"""

import collections
import dataclasses
import json
import math
import re

FINAL = {"completed", "failed", "cancelled", "expired"}
MOVES = {
    "scheduled": {"queued", "cancelled", "expired"},
    "queued": {"dialing", "failed", "cancelled", "expired"},
    "dialing": {"queued", "dial_unknown", "in_progress", "completed", "failed", "cancelled"},
    "dial_unknown": {"queued", "dialing", "in_progress", "completed", "failed", "cancelled"},
    "in_progress": {"completed", "failed", "cancelled"},
}
TOLD = {"ask_user", "outcome", "recording_ready", "transcript_ready"}  # events that webhooks are told of
CARRIER_FINAL = {"completed", "busy", "failed", "no-answer", "canceled"}
CARRIER_KNOWS = {"failed_busy": "busy", "failed_no_answer": "no-answer"}  # outcomes that only it can tell


@dataclasses.dataclass
class Evidence:
    """Rows are dictionaries. posts and dials come from the carrier, answers from the clients, the
    rest from the database. Instants are microseconds of the carrier's monotonic clock."""

    posts: list = dataclasses.field(default_factory=list)     # at, to, status (None: no reply)
    dials: list = dataclasses.field(default_factory=list)     # sid, to, call_id, attempt, status
    answers: list = dataclasses.field(default_factory=list)   # key, to, status, body
    calls: dict = dataclasses.field(default_factory=dict)     # by call_id
    events: dict = dataclasses.field(default_factory=dict)    # call_id: rows by number
    attempts: dict = dataclasses.field(default_factory=dict)  # by attempt_id
    ledger: list = dataclasses.field(default_factory=list)
    months: list = dataclasses.field(default_factory=list)
    cps: float = 1.0
    prefix: str = ""  # of the numbers that these calls went to; posts to others count for I4 alone
    ended: bool = True  # every call has had the time to end
    messages: list = None  # call_id, event_id, id, body, taken (it was answered 2xx) of each that the webhook got;
                           # None: there is no webhook
    promised: set = dataclasses.field(default_factory=set)  # what was accepted to be processed
    jobs: list = dataclasses.field(default_factory=list)    # what there is of it, and anything else
    words: dict = dataclasses.field(default_factory=dict)   # customer: words that stand in what is its own alone
    replies: list = dataclasses.field(default_factory=list)  # (customer, what it was told)


# ---- reading ----

WAY = re.compile(r"/twilio/voice/(?P<call>[A-Za-z0-9_]+)\?attempt=(?P<attempt>[0-9a-f-]{36})")


def read_dials(lines):
    """The carrier's ledger: one line at each change, the last one of a sid counts."""
    dials = {}
    for line in lines:
        if not line.strip():
            continue
        row = json.loads(line)
        way = WAY.search(row["url"] or "")
        dials[row["sid"]] = {
            "sid": row["sid"], "to": row["to"], "at": row["arrived_mono_us"],
            "status": row["status"], "call_id": way and way["call"],
            "attempt": way and way["attempt"], "ended_at": row["ended_at"]}
    return list(dials.values())


def merge_posts(lists, dials):
    """Every POST, in order: what simulators listed before they stopped, and the accepted ones of
    a simulator that was killed before anybody asked."""
    posts = {(p["arrived_mono_us"], p["to"]): p["status"] for part in lists for p in part}
    for dial in dials:
        posts.setdefault((dial["at"], dial["to"]), 201)
    return [{"at": at, "to": to or "", "status": status}
            for (at, to), status in sorted(posts.items(), key=lambda p: p[0][0])]


def read_database(evidence, rows, workspace):
    """rows(statement, value…) gives dictionaries."""
    evidence.calls = {r["call_id"]: r for r in rows(
        "SELECT call_id, status::text, target_phone, outcome_type::text, outcome_summary,"
        " credits_reserved, event_count, call_sid FROM calls WHERE workspace_id = %s", workspace)}
    evidence.events = collections.defaultdict(list)
    for r in rows("SELECT call_id, event_id, event_type, data FROM call_events"
                  " WHERE workspace_id = %s ORDER BY call_id, event_id", workspace):
        evidence.events[r["call_id"]].append(r)
    evidence.attempts = {r["attempt_id"]: r for r in rows(
        "SELECT attempt_id::text, call_id, state::text, call_sid, to_number, answer FROM attempts"
        " WHERE workspace_id = %s", workspace)}
    evidence.ledger = rows(
        "SELECT call_id, step, month::text, reserved, settled FROM credit_ledger"
        " WHERE workspace_id = %s", workspace)
    evidence.months = rows(
        "SELECT m.month::text, m.reserved, m.settled, m.granted, w.quota FROM credit_months m"
        " JOIN workspaces w USING (workspace_id) WHERE workspace_id = %s", workspace)


# ---- checking ----

def told(answer):
    """The call that an answer promised, or None."""
    if answer["status"] not in (201, 202):
        return None
    body = json.loads(answer["body"])
    return body.get("call_id") or body["call"]["call_id"]


def check_calls(e):
    """I1"""
    asked = {a["to"] for a in e.answers}
    for answer in e.answers:
        call_id = told(answer)
        if call_id is None:
            continue
        call = e.calls.get(call_id)
        if call is None:
            yield f"I1: {call_id} was accepted and is not there"
        elif call["target_phone"] != answer["to"]:
            yield f"I1: {call_id} was accepted for another number"
    for call_id, call in e.calls.items():
        if asked and call["target_phone"] not in asked:
            yield f"I1: nobody asked for {call_id}"
        if e.ended and call["status"] not in FINAL:
            yield f"I1: {call_id} never ended: it is {call['status']}"
    yield from check_ends(e)
    jobs = collections.Counter(e.jobs)
    for job in sorted(e.promised | jobs.keys()):
        if jobs[job] != (job in e.promised):
            yield f"I1: {job} was {'' if job in e.promised else 'not '}promised and is there {jobs[job]} times"


def check_ends(e):
    """What only the carrier can know of a call's end, it has said."""
    said = {d["sid"]: d["status"] for d in e.dials}
    for call_id, call in e.calls.items():
        known = "completed" if call["status"] == "completed" else CARRIER_KNOWS.get(call["outcome_type"])
        if e.ended and known is not None and said.get(call["call_sid"]) != known:
            yield f"I1: {call_id} ended as {known}, the carrier says {said.get(call['call_sid'])}"


def check_dials(e):
    """I2"""
    by_call = collections.Counter(d["call_id"] for d in e.dials)
    by_attempt = collections.Counter(d["attempt"] for d in e.dials)
    for call_id, count in by_call.items():
        if count > 1:
            yield f"I2: {call_id} was dialed {count} times"
    for attempt, count in by_attempt.items():
        if count > 1:
            yield f"I2: attempt {attempt} was dialed {count} times"
    for dial in e.dials:
        attempt = e.attempts.get(dial["attempt"])
        if attempt is None or attempt["call_id"] != dial["call_id"]:
            yield f"I2: {dial['sid']} was dialed without an attempt"
            continue
        if attempt["state"] in ("refused", "lost"):
            yield f"I2: {dial['sid']} was dialed, its attempt says {attempt['state']}"
        if attempt["call_sid"] not in (None, dial["sid"]):
            yield f"I2: {dial['sid']} is bound as {attempt['call_sid']}"
        if e.ended and dial["status"] not in CARRIER_FINAL:
            yield f"I2: {dial['sid']} still goes on at the carrier: {dial['status']}"
    # A POST that was not clearly refused may have made a call: at most one for each of ours.
    calls = collections.Counter(c["target_phone"] for c in e.calls.values())
    maybe = collections.Counter(p["to"] for p in e.posts
                                if p["to"].startswith(e.prefix)
                                and (p["status"] is None or not 400 <= p["status"] < 500))
    for number, count in maybe.items():
        if count > calls[number]:
            yield f"I2: {count} dials to {number}, which {calls[number]} calls wanted"


def check_ledger(e):
    """I3"""
    lines = collections.defaultdict(list)
    for line in e.ledger:
        lines[line["call_id"]].append(line)
    for call_id in lines.keys() - e.calls.keys():
        yield f"I3: the ledger has a line of {call_id}, which is not there"
    for call_id, call in e.calls.items():
        steps = sorted((x["step"], x["reserved"], x["settled"]) for x in lines[call_id])
        credits = call["credits_reserved"]
        wanted = [(1, credits, 0)]
        if call["status"] in FINAL:
            charged = (call["outcome_type"] or "").startswith("success")
            wanted.append((2, -credits, credits if charged else 0))
        if steps != wanted:
            yield f"I3: {call_id} ({call['status']}, {call['outcome_type']}) has lines {steps}"
    for month in e.months:
        for column in ("reserved", "settled"):
            total = sum(x[column] for x in e.ledger if x["month"] == month["month"])
            if month[column] != total:
                yield f"I3: {month['month']} says {month[column]} {column}, its lines {total}"
        if month["reserved"] + month["settled"] > month["quota"] + month["granted"]:
            yield f"I3: more credits used in {month['month']} than there were"
    missing = {x["month"] for x in e.ledger} - {m["month"] for m in e.months}
    for month in missing:
        yield f"I3: {month} has lines and no totals"


def check_pace(e):
    """I4"""
    count = math.floor(e.cps) if e.cps >= 1 else 1
    window = 1_000_000 if e.cps >= 1 else math.ceil(1_000_000 / e.cps)
    at = sorted(p["at"] for p in e.posts)
    for first, next_one in zip(at, at[count:]):
        if next_one - first < window:
            yield (f"I4: {count + 1} dials within {(next_one - first) / 1000:.1f} ms"
                   f" from {first} on")


def check_idempotency(e):
    """I5"""
    by_key, numbers = collections.defaultdict(set), collections.defaultdict(set)
    for answer in e.answers:
        if answer["key"] is not None and told(answer) is not None:
            by_key[answer["key"]].add((answer["status"], answer["body"]))
            numbers[answer["key"]].add(answer["to"])
    for key, given in by_key.items():
        if len(given) > 1:
            yield f"I5: key {key} was answered in {len(given)} ways"
        if len(numbers[key]) > 1:
            yield f"I5: key {key} was accepted for {len(numbers[key])} numbers"
    keys = collections.Counter()
    for number in {(a["key"], a["to"]) for a in e.answers if a["key"] is not None}:
        keys[number[1]] += 1
    calls = collections.Counter(c["target_phone"] for c in e.calls.values())
    for number, count in calls.items():
        if number in keys and count > keys[number]:
            yield f"I5: {keys[number]} keys made {count} calls to {number}"


def check_events(e):
    """I6"""
    for call_id, call in e.calls.items():
        events = e.events[call_id] if call_id in e.events else []
        numbers = [x["event_id"] for x in events]
        if numbers != list(range(1, len(numbers) + 1)):
            yield f"I6: the events of {call_id} are numbered {numbers}"
        if call["event_count"] != len(events):
            yield f"I6: {call_id} counts {call['event_count']} events and has {len(events)}"
        now = None
        for event in events:
            if event["event_type"] != "status_change":
                continue
            status, previous = event["data"]["status"], event["data"]["previous"]
            if previous != now:
                yield f"I6: {call_id} moved from {previous} while it was {now}"
            elif now is not None and status not in MOVES.get(now, ()):
                yield f"I6: {call_id} went from {now} to {status}"
            now = status
        if now != call["status"]:
            yield f"I6: {call_id} is {call['status']}, its events end with {now}"


def check_messages(e):
    """I7"""
    if e.messages is None:
        return
    copies, taken = collections.defaultdict(set), set()
    for message in e.messages:
        event = message["call_id"], message["event_id"]
        copies[event].add((message["id"], message["body"]))
        if message["taken"]:
            taken.add(event)
    wanted = {(call_id, event["event_id"]) for call_id, events in e.events.items() for event in events
              if event["event_type"] in TOLD}
    for call_id, event_id in sorted(wanted - taken):
        yield f"I7: event {event_id} of {call_id} was never told"
    for call_id, event_id in sorted(copies.keys() - wanted):
        yield f"I7: event {event_id} of {call_id} was told, and is none that is"
    for (call_id, event_id), told_as in copies.items():
        if len(told_as) > 1:
            yield f"I7: event {event_id} of {call_id} was told in {len(told_as)} ways"
    ids = collections.Counter(one for told_as in copies.values() for one in {i for i, _ in told_as})
    for one, count in ids.items():
        if count > 1:
            yield f"I7: {count} events were told under the id {one}"


def check_secrets(e):
    """I8"""
    for customer, text in e.replies:
        for other, words in e.words.items():
            for word in words if other != customer else ():
                if word in text:
                    yield f"I8: {customer} was told {other}'s {word}"


CHECKS = (check_calls, check_dials, check_ledger, check_pace, check_idempotency, check_events, check_messages,
          check_secrets)


def violations(evidence):
    return [v for check in CHECKS for v in check(evidence)]
