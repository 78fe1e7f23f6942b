"""fastapi_app.py: what many would write instead of offhook-api: FastAPI on uvicorn, with uvloop, httptools and
asyncpg. PEER_SPEC is a file of the bench (see ../versus): the statements, and where their parameters come from.

PEER_SQL=same runs the statement of offhook-api; ordinary accepts a call as one writes it without much thought,
by a transaction of several statements on the same tables."""

import asyncio
import datetime
import hashlib
import itertools
import json
import os
import typing

import asyncpg
import fastapi
import pydantic

with open(os.environ["PEER_SPEC"], encoding="utf-8") as file:
    SPEC = json.load(file)
ORDINARY = os.environ["PEER_SQL"] == "ordinary"
app = fastapi.FastAPI()
serial = itertools.count()


class Call(pydantic.BaseModel):
    target_phone: str = pydantic.Field(regex=r"^\+[1-9][0-9]{6,14}$")
    brief: str = pydantic.Field(min_length=1, max_length=4000)
    language: str = pydantic.Field("auto", max_length=16)
    kind: typing.Literal["restaurant_booking", "appointment", "negotiation", "other"] = "other"


@app.on_event("startup")
async def connect():
    app.state.pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=SPEC["connections"],
                                               max_size=SPEC["connections"])


def unique(prefix):
    return f"{prefix}_f{os.getpid():07d}{next(serial):018d}"


def bound(params, given):
    """The parameters of a statement, all of them texts."""
    return [given[p["from"]] if isinstance(p, dict) else p for p in params]


@app.post("/calls", status_code=202)
async def accept(call: Call, x_api_key: str = fastapi.Header()):
    key_hash = hashlib.sha256(x_api_key.encode()).digest()
    if ORDINARY:
        return await accept_by_statements(call, key_hash)
    given = {"key_hash": "\\x" + key_hash.hex(), "call_id": unique("call"), "task_id": unique("task"),
             **call.dict()}
    values = bound(SPEC["accept"]["params"], given)
    row = await app.state.pool.fetchrow(SPEC["accept"]["statement"], *values)
    while row["result"] == "again":  # somebody else holds the customer's credits
        await asyncio.sleep(0.003)
        row = await app.state.pool.fetchrow(SPEC["accept"]["statement"], *values)
    if row["result"] != "accepted":
        raise fastapi.HTTPException(401 if row["result"] == "unauthenticated" else 402, row["result"])
    return json.loads(row["body"])


async def accept_by_statements(call, key_hash):
    call_id, task_id = unique("call"), unique("task")
    month = datetime.datetime.now(datetime.timezone.utc).date().replace(day=1)
    async with app.state.pool.acquire() as db, db.transaction():
        workspace = await db.fetchval("SELECT scope_id FROM api_keys WHERE key_hash = $1 AND scope = 'workspace'"
                                      " AND revoked_at IS NULL", key_hash)
        if workspace is None:
            raise fastapi.HTTPException(401, "invalid API key")
        if await db.fetchval("SELECT active FROM maintenance"):
            raise fastapi.HTTPException(503, "maintenance")
        quota = await db.fetchval("SELECT quota FROM workspaces WHERE workspace_id = $1", workspace)
        await db.execute("INSERT INTO credit_months (workspace_id, month) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                         workspace, month)
        used = await db.fetchval("SELECT reserved + settled - granted FROM credit_months WHERE workspace_id = $1"
                                 " AND month = $2 FOR UPDATE", workspace, month)
        if used >= quota:
            raise fastapi.HTTPException(402, "no credits left")
        await db.execute("INSERT INTO credit_ledger (call_id, step, workspace_id, month, reserved, settled)"
                         " VALUES ($1, 1, $2, $3, 1, 0)", call_id, workspace, month)
        number = await db.fetchval("SELECT nextval('call_queue_no')")
        await db.execute("INSERT INTO calls (call_id, workspace_id, task_id, status, direct, target_phone, brief,"
                         " language, kind, ask_user_mode, machine_detection, queue_no, queue_rank,"
                         " credits_reserved, price_cents) VALUES ($1, $2, $3, 'queued', false, $4, $5, $6, $7,"
                         " 'any', 'off', $8, 3, 1, 0)", call_id, workspace, task_id, call.target_phone, call.brief,
                         call.language, call.kind, number)
        await db.execute("INSERT INTO call_events (call_id, event_id, workspace_id, event_type, data) VALUES"
                         " ($1, 1, $2, 'status_change', '{\"status\": \"queued\", \"previous\": null}')",
                         call_id, workspace)
        await db.execute("INSERT INTO call_queue (queue_no, workspace_id, call_id, rank) VALUES ($1, $2, $3, 3)",
                         number, workspace, call_id)
        position = await db.fetchval("SELECT greatest(0, $1 - (l.last_value - r.last_value) - 1)"
                                     " FROM queue_left l, queue_returned r", number)
    return {"call_id": call_id, "queue_id": f"q_{number}", "position": position, "status": "queued"}


@app.get("/calls/{call_id}")
async def read(call_id: str, x_api_key: str = fastapi.Header()):
    given = {"key_hash": "\\x" + hashlib.sha256(x_api_key.encode()).hexdigest(), "call_id": call_id}
    row = await app.state.pool.fetchrow(SPEC["read"]["statement"], *bound(SPEC["read"]["params"], given))
    if row is None:
        raise fastapi.HTTPException(401, "invalid API key")
    if row["call_id"] is None:
        raise fastapi.HTTPException(404, "Not Found")
    call = dict(row)
    for name in ("metadata", "transcript_full", "supervisor_decisions"):
        call[name] = json.loads(call[name]) if call[name] else call[name]
    return call
