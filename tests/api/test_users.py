"""GET /users/me and PUT /users/me/limits."""

import json

import pytest
from apikit import number


def test_a_customer_sees_itself(stack):
    workspace = stack.new_workspace(quota=321, cap=7, title="Café & Söhne")
    row = stack.key_row("workspace", workspace)
    me = stack.with_key(row["api_key"]).me()
    assert me == {
        "api_key_id": row["api_key_id"], "customer_id": workspace,
        "customer_name": "Café & Söhne", "api_key_last_4": row["api_key"][-4:],
        "status": "active", "quota_limit": 321, "current_usage": 0, "quota_period": "monthly",
        "ask_user_webhook_url": None, "ask_user_webhook_configured": False,
        "max_concurrent_calls": 7, "is_admin": False, "maintenance": None}


def test_an_admin_key_says_so(stack):
    key = stack.new_key("workspace", stack.new_workspace(), admin=True)
    assert stack.with_key(key).me()["is_admin"] is True


def test_the_cap_is_the_default_where_none_was_set(stack):
    workspace = stack.new_workspace()
    stack.sql("UPDATE workspaces SET max_concurrent = NULL WHERE workspace_id = %s", workspace)
    me = stack.with_key(stack.new_key("workspace", workspace)).me()
    assert me["max_concurrent_calls"] == 1


def test_usage_counts_what_is_reserved_and_what_was_settled(customer):
    call_id, _ = customer.ring()
    assert customer.usage() == 1
    customer.ended(customer.start())
    assert customer.usage() == 2
    customer.cancel(call_id)
    assert customer.usage() == 1


def test_the_limit_includes_what_was_granted(stack, customer):
    stack.offhook("credits", "grant", customer.workspace, "250")
    assert customer.me()["quota_limit"] == 1250


def test_a_new_cap_is_answered_and_holds(stack):
    client = stack.customer(cap=1)
    call_id, _ = client.ring()
    waiting = client.start()
    assert client.status(waiting) == "queued"
    answer = client.put("/users/me/limits", {"max_concurrent_calls": 2})
    assert answer.status_code == 200 and answer.json() == {"max_concurrent_calls": 2}
    assert client.me()["max_concurrent_calls"] == 2
    assert client.ended(waiting)["status"] == "completed"
    client.cancel(call_id)


def test_the_cap_is_the_customers_whichever_key_sets_it(stack, customer):
    other = stack.with_key(stack.new_key("workspace", customer.workspace))
    assert other.put("/users/me/limits", {"max_concurrent_calls": 33}).status_code == 200
    assert customer.me()["max_concurrent_calls"] == 33
    above = stack.with_key(stack.new_key("platform"), X_Workspace_Id=customer.workspace)
    assert above.put("/users/me/limits", {"max_concurrent_calls": 34}).status_code == 200
    assert customer.me()["max_concurrent_calls"] == 34


@pytest.mark.parametrize("cap", [1, 100])
def test_the_cap_may_be_from_1_to_100(customer, cap):
    assert customer.put("/users/me/limits", {"max_concurrent_calls": cap}).status_code == 200


@pytest.mark.parametrize("cap", [0, -1, 101, 2 ** 31, 2 ** 63 - 1, "5", 1.5, None, True, [], {}])
def test_any_other_cap_is_422_and_changes_nothing(customer, cap):
    answer = customer.put("/users/me/limits", {"max_concurrent_calls": cap})
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"][0]["loc"] == ["body", "max_concurrent_calls"]
    assert customer.me()["max_concurrent_calls"] == 20


@pytest.mark.parametrize("data", ["", "{}", "[]", "5", '{"max_concurrent_calls": 5,}',
                                  '{"max_concurrent_calls": 99999999999999999999}',
                                  '{"max_concurrent_calls": 5, "max_concurrent_calls": 6}'])
def test_a_body_without_a_cap_is_422(customer, data):
    assert customer.put("/users/me/limits", data=data).status_code == 422
    assert customer.me()["max_concurrent_calls"] == 20


def test_401_comes_before_422(stack):
    assert stack.client.put("/users/me/limits", {}).status_code == 401
    assert stack.with_key("wrong").put("/users/me/limits", {}).status_code == 401


def test_a_lower_cap_ends_no_call(stack):
    client = stack.customer(cap=2)
    calls = [client.ring()[0], client.ring()[0]]
    client.put("/users/me/limits", {"max_concurrent_calls": 1})
    waiting = client.start()
    assert [client.status(one) for one in calls] == ["dialing"] * 2
    client.cancel(calls[0])
    assert client.status(waiting) == "queued"
    client.cancel(calls[1])
    assert client.ended(waiting)["status"] == "completed"


def test_nothing_of_another_key_is_told(stack, customer):
    other = stack.customer()
    text = json.dumps(customer.me())
    assert other.key not in text and other.workspace not in text
    assert number() not in text
