"""Do-not-call lists: who keeps them, what they say, and that nobody on one is dialed."""

import pathlib

import pytest
from apikit import eventually, number

BAD = ["12025550123", "+0123456789", "+1202555x", "abc", "+12025550123456789"]


def put(client, to, query=""):
    answer = client.put(f"/api/v1/dnc/{to}{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def platform(stack):
    """An admin of the platform."""
    return stack.with_key(stack.new_key("platform", admin=True))


def test_a_number_is_put_on_the_list_and_taken_off(customer):
    to = number()
    assert customer.get(f"/api/v1/dnc/{to}").json() == {"number": to, "listed": False, "lists": []}
    entry = put(customer, to, "?reason=asked%20us%20to")
    assert (entry["scope"], entry["number"], entry["reason"]) == ("workspace", to, "asked us to")
    assert put(customer, to) == entry, "once more changes nothing"
    assert customer.get(f"/api/v1/dnc/{to}").json() == {
        "number": to, "listed": True, "lists": [entry]}
    assert customer.request("DELETE", f"/api/v1/dnc/{to}").json() == {"number": to, "removed": True}
    gone = customer.request("DELETE", f"/api/v1/dnc/{to}")
    assert gone.status_code == 404
    assert gone.json() == {"detail": "The number is not on this do-not-call list"}
    assert not customer.get(f"/api/v1/dnc/{to}").json()["listed"]


def test_lists_are_each_customers_own(stack, customer):
    other, to = stack.customer(), number()
    put(customer, to)
    assert not other.get(f"/api/v1/dnc/{to}").json()["listed"]
    assert other.get("/api/v1/dnc").json() == {"numbers": [], "next_cursor": None}
    assert other.request("DELETE", f"/api/v1/dnc/{to}").status_code == 404
    assert customer.get(f"/api/v1/dnc/{to}").json()["listed"]


def test_the_list_comes_in_pages(customer):
    numbers = sorted(put(customer, number())["number"] for _ in range(5))
    seen, cursor = [], ""
    while cursor is not None:
        page = customer.get(f"/api/v1/dnc?limit=2{cursor}").json()
        assert len(page["numbers"]) <= 2
        seen += [entry["number"] for entry in page["numbers"]]
        cursor = page["next_cursor"] and "&cursor=%2B" + page["next_cursor"][1:]
    assert seen == numbers


def test_the_platforms_list_holds_for_all_and_is_its_admins(stack, customer, platform):
    to = number()
    for path, method in ((f"/api/v1/dnc/{to}?scope=platform", "PUT"),
                         (f"/api/v1/dnc/{to}?scope=platform", "DELETE"),
                         ("/api/v1/dnc?scope=platform", "GET")):
        assert customer.request(method, path).status_code == 403
        mere = stack.with_key(stack.new_key("platform"))
        assert mere.request(method, path).status_code == 403
    assert put(platform, to, "?scope=platform")["scope"] == "platform"
    assert [x["scope"] for x in customer.get(f"/api/v1/dnc/{to}").json()["lists"]] == ["platform"]
    assert customer.request("DELETE", f"/api/v1/dnc/{to}").status_code == 404
    assert to in [x["number"] for x in
                  platform.get("/api/v1/dnc?scope=platform&limit=1000").json()["numbers"]]
    assert platform.request("DELETE", f"/api/v1/dnc/{to}?scope=platform").status_code == 200
    assert platform.get("/api/v1/dnc").status_code == 400, "which workspace's?"


@pytest.mark.parametrize("bad", BAD)
def test_only_numbers_that_could_be_dialed(customer, bad):
    for method in ("PUT", "GET", "DELETE"):
        answer = customer.request(method, f"/api/v1/dnc/{bad}")
        assert answer.status_code == 400
        assert answer.json() == {
            "detail": "Phone number must be in E.164 format (e.g., +1234567890)"}


def test_no_key_no_answer(stack):
    for method in ("PUT", "GET", "DELETE"):
        assert stack.with_key("").request(method, "/api/v1/dnc/+12025550123").status_code == 401


def test_the_access_log_holds_no_number(stack, customer):
    to = number()
    put(customer, to)
    mark = customer.get(f"/api/v1/dnc/{to}").headers["X-Request-Id"]
    log = pathlib.Path(stack.folder, "log", "offhook.access.log")
    line = eventually(lambda: next((x for x in log.read_text().splitlines() if mark in x), None))
    assert " GET /api/v1/dnc/ 200 " in line
    assert stack.log_faults() == []
