"""GET /calls/{id}/why: says what the dialer would say, in words."""

from apikit import eventually, number


def why(client, call_id):
    answer = client.get(f"/calls/{call_id}/why")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_customer_at_his_cap(stack, single):
    first = single.start(number("0002"))  # rings and rings
    single.wait_for(first, "dialing", "in_progress")
    second = single.start()
    assert why(single, second) == {
        "call_id": second, "status": "queued", "held": True, "reason": "customer_at_cap",
        "until": None, "message": "As many calls of the workspace are in progress as may be."}
    single.cancel(first)
    single.ended(second)
    assert why(single, second) == {
        "call_id": second, "status": "completed", "held": False, "reason": None, "until": None,
        "message": "It does not wait."}


def test_a_number_on_the_do_not_call_list_is_never_dialed(stack, customer):
    to = number()
    assert customer.put(f"/api/v1/dnc/{to}").status_code == 200
    before = customer.usage()
    call_id = customer.start(to)
    call = customer.ended(call_id)
    assert (call["status"], call["outcome_type"]) == ("failed", "failed_technical")
    assert call["outcome_summary"] == "The number is on the do-not-call list."
    assert call["started_at"] is None and stack.dials(to) == []
    assert customer.usage() == before, "it cost nothing"
    assert customer.request("DELETE", f"/api/v1/dnc/{to}").status_code == 200
    assert customer.ended(customer.start(to))["status"] == "completed"


def test_the_carriers_later(stack, customer):
    call_id = customer.start(number("0009"))  # 429 to the first try

    def held():
        said = why(customer, call_id)
        return said if said["reason"] == "not_before" or said["status"] == "completed" else None
    said = eventually(held)
    if said["status"] != "completed":
        assert said["held"] and said["status"] == "queued" and said["until"].endswith("Z")
    assert customer.ended(call_id)["status"] == "completed"


def test_another_customers_call_does_not_exist(stack, customer):
    call_id = customer.start()
    other = stack.customer().get(f"/calls/{call_id}/why")
    none = customer.get("/calls/call_none/why")
    assert (other.status_code, other.json()) == (404, {"detail": "Not Found"})
    assert (none.status_code, none.json()) == (404, {"detail": "Not Found"})
    customer.ended(call_id)
