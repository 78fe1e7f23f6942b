"""The audit log: what keys change by the API stands there, under their ids."""

import random

from apikit import BRIEF, number


def test_what_keys_change_is_in_the_log(stack, customer):
    row = stack.key_row("workspace", customer.workspace)
    client = stack.with_key(row["api_key"])
    to = number()
    assert client.request("PATCH", f"/api/v1/config/workspace/{customer.workspace}",
                          json={"processing": {"auto": True}}).status_code == 200
    assert client.put("/users/me/limits", {"max_concurrent_calls": 3}).status_code == 200
    assert client.put(f"/api/v1/dnc/{to}").status_code == 200
    assert client.request("DELETE", f"/api/v1/dnc/{to}").status_code == 200
    log = [r for r in stack.offhook("audit", "--workspace", customer.workspace)
           if r["actor"] == "key:" + row["api_key_id"]]
    assert [(r["action"], r["what"]) for r in log] == [
        ("create", "setting"), ("change", "workspace"), ("create", "do_not_call"), ("remove", "do_not_call")]
    assert (log[0]["after"]["value"], log[1]["after"]) == (True, {"max_concurrent": 3})
    assert to not in str(log)


def test_what_the_guard_stops_is_in_the_log(stack, customer):
    for _ in range(20):
        answer = customer.post("/calls", {"target_phone": f"+1900{random.randrange(2000000, 9999999)}",
                                          "brief": BRIEF})
        assert answer.status_code == 403
    log = stack.offhook("audit", "--workspace", customer.workspace)
    assert [(r["actor"], r["action"], r["what"]) for r in log][-1] == ("guard", "create", "dialing_stop")


def test_a_webhook_is_in_the_log_without_its_secrets(hook_stack):
    customer = hook_stack.customer()
    url = "https://127.0.0.1:8443/T0KEN"
    assert customer.put("/users/me/webhook", {"url": url}).status_code == 200
    log = hook_stack.offhook("audit", "--workspace", customer.workspace)
    assert (log[-1]["what"], log[-1]["after"]["url"]) == ("webhook", "https://127.0.0.1:8443")
    assert log[-1]["actor"].startswith("key:") and "T0KEN" not in str(log) and "whsec_" not in str(log)
