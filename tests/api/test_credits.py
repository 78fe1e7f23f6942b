"""Credits: reserved at the accept, settled or released at the end; 402 when there are none."""

import psycopg2
import pytest
from apikit import number, together


def figures(stack, client):
    shown = stack.offhook("credits", "show", client.workspace)
    return {key: shown[key] for key in ("reserved", "settled", "available")}


def test_a_new_workspace_has_its_quota(stack):
    client = stack.customer(quota=12)
    shown = stack.offhook("credits", "show", client.workspace)
    assert shown["workspace_id"] == client.workspace and shown["quota_limit"] == 12
    assert shown["granted"] == shown["reserved"] == shown["settled"] == 0
    assert shown["available"] == 12


def test_a_call_reserves_and_a_success_settles(stack):
    client = stack.customer(quota=5)
    call_id, _ = client.ring()
    assert figures(stack, client) == {"reserved": 1, "settled": 0, "available": 4}
    client.cancel(call_id)
    assert client.ended(client.start())["outcome_type"].startswith("success")
    assert figures(stack, client) == {"reserved": 0, "settled": 1, "available": 4}


def test_a_success_costs_the_price_in_cents(customer):
    call = customer.ended(customer.start())
    assert call["outcome_charge_cents"] == 7
    [outcome] = [e for e in customer.events(call["call_id"]) if e["event_type"] == "outcome"]
    assert outcome["data"]["charge_cents"] == 7


def test_what_does_not_succeed_is_released_and_free(stack, customer):
    ids = [customer.start(number(digits))
           for digits in ("0001", "0002", "0003", "0004", "0005", "0012")]
    for call_id in ids:
        call = customer.ended(call_id)
        assert call["outcome_type"].startswith("failed_"), call
        assert call["outcome_charge_cents"] == 0
    assert figures(stack, customer) == {"reserved": 0, "settled": 0, "available": 1000}
    assert customer.usage() == 0


def test_without_credits_a_call_is_402_and_leaves_nothing(stack):
    client = stack.customer(quota=0)
    answer = client.place()
    assert answer.status_code == 402 and isinstance(answer.json()["detail"], str)
    assert client.get("/calls").json() == []
    assert figures(stack, client) == {"reserved": 0, "settled": 0, "available": 0}


def test_the_last_credit_is_spent_once_however_many_ask(stack):
    client = stack.customer(quota=3)
    twins = [client.twin() for _ in range(10)]
    answers = together(10, lambda i: twins[i].place())
    assert sorted(a.status_code for a in answers) == [202] * 3 + [402] * 7
    assert len(client.get("/calls").json()) == 3


def test_a_released_credit_can_be_spent_again(stack):
    client = stack.customer(quota=1)
    call_id, _ = client.ring()
    assert client.place().status_code == 402
    client.cancel(call_id)
    assert client.place().status_code == 202


def test_a_settled_credit_is_gone(stack):
    client = stack.customer(quota=1)
    client.ended(client.start())
    assert client.place().status_code == 402


def test_a_grant_is_spent_beyond_the_quota(stack):
    client = stack.customer(quota=1)
    client.ended(client.start())
    assert client.place().status_code == 402
    stack.offhook("credits", "grant", client.workspace, "2")
    assert client.me()["quota_limit"] == 3
    assert client.place().status_code == 202
    assert client.place().status_code == 202
    assert client.place().status_code == 402


def test_customers_do_not_share_credits(stack):
    poor, rich = stack.customer(quota=0), stack.customer(quota=1)
    assert rich.place().status_code == 202
    assert poor.place().status_code == 402


def test_a_new_month_has_the_whole_quota_and_no_old_grant(stack):
    """What was used last month is moved there by hand: the month of a line is its reservation's."""
    client = stack.customer(quota=1)
    stack.sql("INSERT INTO credit_months (workspace_id, month, granted, settled) VALUES"
              " (%s, credit_month(clock_timestamp() - interval '1 month'), 0, 0)", client.workspace)
    me = client.me()
    assert me["quota_limit"] == 1 and me["current_usage"] == 0
    assert client.place().status_code == 202


def test_the_ledger_of_a_call_sums_to_its_charge(stack, customer):
    done = customer.ended(customer.start())["call_id"]
    busy = customer.ended(customer.start(number("0001")))["call_id"]
    for call_id, settled in ((done, 1), (busy, 0)):
        assert stack.sql("SELECT sum(reserved), sum(settled) FROM credit_ledger"
                         " WHERE call_id = %s", call_id) == [(0, settled)]


def test_the_audit_balances(stack, customer):
    customer.ended(customer.start())
    assert stack.offhook("credits", "audit") == {"balanced": True, "differences": []}


def test_the_ledger_cannot_be_changed(stack, customer):
    call_id = customer.ended(customer.start())["call_id"]
    for statement in ("UPDATE credit_ledger SET settled = 0 WHERE call_id = %s",
                      "DELETE FROM credit_ledger WHERE call_id = %s"):
        with pytest.raises(psycopg2.Error):
            stack.sql(statement, call_id)
