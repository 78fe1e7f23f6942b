"""What holds for every route: methods, unknown paths, request ids, headers, sizes, TLS, rates."""

import http.client
import json
import socket
import ssl
import time
import urllib.parse

import pytest
import requests
from apikit import BRIEF, HEADERS, Client, Stack, number

ROUTES = {"/calls": {"GET", "POST"}, "/calls/call_x": {"GET"}, "/calls/call_x/events": {"GET"},
          "/calls/call_x/cancel": {"POST"}, "/calls/call_x/recording": {"GET"},
          "/users/me": {"GET"}, "/users/me/limits": {"PUT"}, "/healthz": {"GET"},
          "/readyz": {"GET"}, "/openapi.json": {"GET"}, "/twilio/voice/call_x": {"POST"},
          "/twilio/status/call_x": {"POST"}, "/twilio/recording/call_x": {"POST"},
          "/twilio/amd/call_x": {"POST"}}


def raw(stack, data, seconds=15):
    """Sends these very bytes over TLS; all that comes back until the connection ends."""
    url = urllib.parse.urlsplit(stack.url)
    context = ssl.create_default_context(cafile=stack.ca)
    with socket.create_connection((url.hostname, url.port), seconds) as plain:
        with context.wrap_socket(plain, server_hostname=url.hostname) as tls:
            tls.sendall(data)
            got = b""
            try:
                while chunk := tls.recv(65536):
                    got += chunk
            except (ConnectionResetError, socket.timeout):
                pass
            return got


def status_of(got):
    return int(got.split(b" ")[1]) if got else 0


def with_json_detail(answer):
    return isinstance(answer.json()["detail"], str)


# ---- methods and paths ----

@pytest.mark.parametrize("path", sorted(ROUTES))
def test_options_says_what_is_allowed(stack, path):
    answer = stack.client.request("OPTIONS", path)
    assert answer.status_code in (200, 204) and answer.content == b""
    allowed = set(answer.headers["Allow"].replace(" ", "").split(","))
    heads = {"HEAD"} if "GET" in ROUTES[path] else set()
    assert allowed == ROUTES[path] | heads | {"OPTIONS"}


@pytest.mark.parametrize("path", sorted(ROUTES))
def test_other_methods_are_405_with_allow(stack, customer, path):
    for method in {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "PROPFIND"}:
        heads = {"HEAD"} if "GET" in ROUTES[path] else set()
        if method in ROUTES[path] | heads:
            continue
        answer = customer.request(method, path)
        assert answer.status_code == 405, method
        assert ROUTES[path] <= set(answer.headers["Allow"].replace(" ", "").split(","))
        if method != "HEAD":
            assert with_json_detail(answer)


def test_trace_and_connect_are_refused(stack):
    for line in (b"TRACE /calls HTTP/1.1", b"CONNECT localhost:1 HTTP/1.1"):
        got = raw(stack, line + b"\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert status_of(got) in (400, 405) and b"X-API-Key" not in got


def test_head_is_get_without_a_body(customer):
    for path in ("/calls", "/users/me", "/healthz", "/readyz", "/openapi.json", "/calls/call_x"):
        whole, head = customer.get(path), customer.request("HEAD", path)
        assert head.status_code == whole.status_code and head.content == b""
        for header in ("Content-Type", "Content-Length"):
            assert head.headers[header] == whole.headers[header], path


@pytest.mark.parametrize("path", [
    "/", "/call", "/calls/", "/calls//", "/Calls", "/calls/x/y", "/calls/x/cancel/", "/users",
    "/users/me/", "/api/v1/nothing", "/twilio", "/twilio/voice", "/twilio/voice/",
    "/twilio/other/call_x", "/calls%2Fx", "//calls", "/%63alls/../nothing", "/_errors/400",
    "/_recordings/x.mp3", "/.git/config", "/index.html", "/favicon.ico", "/calls;x=1"])
def test_an_unknown_path_is_404(customer, path):
    answer = customer.get(path)
    assert answer.status_code == 404, answer.text
    assert answer.headers["Content-Type"] == "application/json" and with_json_detail(answer)


def test_an_unknown_path_is_404_whatever_the_method(customer):
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
        assert customer.request(method, "/nothing").status_code == 404


@pytest.mark.parametrize("path", ["/calls/%00", "/calls/%ff", "/calls/%c0%af", "/calls?since=%00",
                                  "/calls?status=%ff", "/calls?limit=%zz"])
def test_bytes_that_are_no_text_are_refused(customer, path):
    answer = customer.get(path)
    assert 400 <= answer.status_code < 500


# ---- request ids ----

@pytest.mark.parametrize("sent", ["a", "req-1.2_3", "A" * 64,
                                  "0b7e4a52-6a4f-4e4b-9f0e-000000000000"])
def test_a_sane_request_id_is_given_back(stack, customer, sent):
    for client, path in ((customer, "/calls"), (stack.client, "/calls"), (customer, "/nothing"),
                         (customer, "/calls?limit=x"), (stack.client, "/healthz")):
        answer = client.get(path, headers={"X-Request-Id": sent})
        assert answer.headers["X-Request-Id"] == sent


@pytest.mark.parametrize("sent", ["A" * 65, "a b", "a\tb", "", "é".encode(), "a,b", "<x>", "a;b",
                                  "${x}", "%0d%0a"])
def test_any_other_is_replaced(customer, sent):
    answer = customer.get("/calls", headers={"X-Request-Id": sent})
    assert answer.headers["X-Request-Id"] != sent and answer.status_code == 200


def test_every_request_has_an_id_of_its_own(customer):
    ids = {customer.get("/healthz").headers["X-Request-Id"] for _ in range(20)}
    assert len(ids) == 20


def test_an_answer_of_nginx_has_the_id_and_the_headers_too(stack, customer):
    answer = customer.post("/calls", data="x" * ((1 << 20) + 1), headers={"X-Request-Id": "mine"})
    assert answer.status_code == 413 and answer.headers["X-Request-Id"] == "mine"
    assert with_json_detail(answer)


def test_nothing_says_which_version_runs(customer):
    for path in ("/calls", "/nothing"):
        headers = customer.get(path).headers
        assert headers["Server"] == "nginx" and "X-Powered-By" not in headers


def test_headers_come_once(customer):
    connection = http.client.HTTPSConnection(
        urllib.parse.urlsplit(customer.stack.url).netloc,
        context=ssl.create_default_context(cafile=customer.stack.ca))
    for path in ("/calls", "/healthz", "/nothing"):
        connection.request("GET", path, headers={"X-API-Key": customer.key})
        answer = connection.getresponse()
        answer.read()
        names = [n.lower() for n, _ in answer.getheaders()]
        assert len(names) == len(set(names)), names
    connection.close()


# ---- sizes and forms ----

def test_headers_that_are_too_large_are_refused(customer):
    for headers in ({"X-Big": "x" * 9000}, {f"X-{i}": "x" * 4000 for i in range(20)}):
        answer = customer.get("/calls", headers=headers)
        assert answer.status_code in (400, 431), answer.status_code
        assert with_json_detail(answer)
    assert customer.get("/calls").status_code == 200


def test_a_key_of_8000_characters_is_401(stack):
    assert stack.with_key("k" * 8000).get("/calls").status_code == 401


def test_a_url_that_is_too_long_is_414(customer):
    answer = customer.get("/calls?x=" + "x" * 9000)
    assert answer.status_code == 414 and with_json_detail(answer)


def test_a_chunked_body_is_read(customer):
    text = json.dumps({"target_phone": number(), "brief": BRIEF}).encode()
    answer = customer.post("/calls", data=iter([text[:10], text[10:]]))
    assert answer.status_code == 202


def test_expect_100_continue_is_honoured(customer):
    answer = customer.place(headers={"Expect": "100-continue"})
    assert answer.status_code == 202


@pytest.mark.parametrize("request_text", [
    b"GET /calls HTTP/1.1\r\n\r\n", b"GET calls HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"POST /calls HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
    b"POST /calls HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /calls HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
    b"POST /calls HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
    b"GET /calls HTTP/1.1\r\nHost: localhost\r\nX Y: 1\r\n : \r\n\x00\r\n\r\n", b"\x00\x01\r\n\r\n",
    b"nonsense\r\n\r\n"])
def test_a_malformed_request_is_400(stack, request_text):
    assert status_of(raw(stack, request_text)) in (0, 400)


def test_a_body_shorter_than_announced_reaches_nobody(stack, customer):
    text = json.dumps({"target_phone": number(), "brief": BRIEF}).encode()
    url = urllib.parse.urlsplit(stack.url)
    with socket.create_connection((url.hostname, url.port), 10) as plain:
        with ssl.create_default_context(cafile=stack.ca).wrap_socket(
                plain, server_hostname=url.hostname) as tls:
            tls.sendall(b"POST /calls HTTP/1.1\r\nHost: localhost\r\nX-API-Key: "
                        + customer.key.encode() + b"\r\nContent-Length: "
                        + str(len(text) + 1).encode() + b"\r\n\r\n" + text)
    time.sleep(0.2)
    assert customer.get("/calls").json() == []


def test_many_requests_on_one_connection_are_answered_in_order(stack):
    one = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: id-%d\r\n\r\n"
    last = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    got = raw(stack, b"".join(one % i for i in range(20)) + last).lower()
    at = [got.index(b"x-request-id: id-%d\r" % i) for i in range(20)]
    assert at == sorted(at)


# ---- TLS ----

def shake(stack, version):
    context = ssl.create_default_context(cafile=stack.ca)
    context.minimum_version = context.maximum_version = version
    context.set_ciphers("ALL:@SECLEVEL=0")
    url = urllib.parse.urlsplit(stack.url)
    with socket.create_connection((url.hostname, url.port), 10) as plain:
        with context.wrap_socket(plain, server_hostname=url.hostname) as tls:
            return tls.version()


def test_tls_1_2_and_1_3_are_spoken(stack):
    assert shake(stack, ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
    assert shake(stack, ssl.TLSVersion.TLSv1_3) == "TLSv1.3"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_older_tls_is_refused(stack):
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            shake(stack, version)


def test_plain_http_is_400(stack):
    answer = requests.get(stack.url.replace("https:", "http:") + "/healthz", timeout=10)
    assert answer.status_code == 400 and with_json_detail(answer)
    for header, value in HEADERS.items():
        assert answer.headers[header] == value


# ---- metrics ----

def test_metrics_are_prometheus_text_on_loopback(stack):
    answer = stack.client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    assert any(line.startswith('offhook_calls{status="queued"} ') for line in lines)
    for line in lines:
        if not line.startswith("#"):
            metric, value = line.rsplit(" ", 1)
            assert metric.startswith("offhook_") and float(value) is not None


def test_every_metric_is_declared_once_before_its_samples(stack):
    seen, current = set(), None
    for line in stack.client.get("/metrics").text.splitlines():
        if line.startswith("# TYPE "):
            _, _, current, kind = line.split(" ")
            assert current not in seen and kind in ("counter", "gauge")
            seen.add(current)
        elif not line.startswith("#"):
            assert line.split("{")[0].split(" ")[0] == current, line


def test_metrics_tell_of_jobs(stack):
    def samples():
        return dict(line.rsplit(" ", 1) for line in stack.client.get("/metrics").text.splitlines()
                    if line.startswith("offhook_job"))

    before, client = samples(), stack.customer()
    stack.sql("SELECT fn.job_move(i.job_id, %s, 'failed', 'Gone.', 'model') FROM fn.job_ingest(%s,"
              " 'api', 'x', 60, NULL, '[]', '{}', NULL) i", client.workspace, client.workspace)
    stack.sql("SELECT fn.job_tally(%s, 'begun:publish', 5), fn.job_tally(%s, 'wrong:mail', 4),"
              " fn.job_used(%s, 1, 200, 30, 1500000)", *3 * (client.workspace,))
    after = samples()
    for sample, more in [
            ('offhook_jobs_ended_total{status="failed",reason="model"}', 1),
            ('offhook_job_stage_begun_total{stage="publish"}', 5),
            ('offhook_job_stage_wrong_total{reason="mail"}', 4),
            ("offhook_job_model_requests_total", 1),
            ('offhook_job_model_tokens_total{kind="prompt"}', 200),
            ('offhook_job_model_tokens_total{kind="completion"}', 30),
            ("offhook_job_model_cost_total", 1.5)]:
        assert float(after[sample]) >= float(before[sample]) + more, sample
    assert float(after["offhook_job_workers"]) >= 0
    for status in ("queued", "transcribing", "analyzing", "publishing"):
        assert float(after[f'offhook_jobs{{status="{status}"}}']) >= 0
        assert float(after[f'offhook_jobs_oldest_seconds{{status="{status}"}}']) >= 0
    for sample in ('status="completed",reason=""', 'status="skipped",reason=""',
                   'status="failed",reason="settings"'):
        assert f"offhook_jobs_ended_total{{{sample}}}" in after


def test_metrics_are_refused_to_an_address_that_nginx_was_not_told(stack):
    url = urllib.parse.urlsplit(stack.url)
    connection = http.client.HTTPSConnection(
        "127.0.0.1", url.port, timeout=10, source_address=("127.0.0.2", 0),
        context=ssl.create_default_context(cafile=stack.ca))
    for headers in ({}, {"X-Forwarded-For": "127.0.0.1"}, {"X-Real-IP": "127.0.0.1"}):
        connection.request("GET", "/metrics", headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 403 and b"offhook_" not in body
    connection.close()


# ---- rates ----

@pytest.fixture(scope="module")
def limited():
    """A stack where a key may do 2 requests a second, and 4 more at once."""
    stack = Stack({"queue.enabled": "true", "api.requests_per_second": 2})
    try:
        yield stack
    finally:
        stack.close()


def burst(client, path="/calls", count=30):
    return [client.get(path) for _ in range(count)]


def test_a_key_that_asks_too_often_is_429_and_told_when(limited):
    client = limited.customer()
    began = time.monotonic()
    answers = burst(client)
    most = 5 + 2 * (time.monotonic() - began) + 1
    good = [a for a in answers if a.status_code == 200]
    bad = [a for a in answers if a.status_code == 429]
    assert len(good) + len(bad) == 30 and 5 <= len(good) <= most
    for answer in bad:
        assert int(answer.headers["Retry-After"]) >= 1 and with_json_detail(answer)


def test_another_key_does_not_suffer(limited):
    burst(limited.customer())
    assert limited.customer().get("/calls").status_code == 200


def test_after_a_while_it_may_ask_again(limited):
    client = limited.customer()
    burst(client)
    time.sleep(1.2)
    assert client.get("/calls").status_code == 200


def test_a_key_is_one_key_however_it_is_sent(limited):
    client = limited.customer()
    assert 429 in {a.status_code for a in burst(client)}
    bearer = Client(limited, headers={"Authorization": f"Bearer {client.key}"})
    assert 429 in {a.status_code for a in burst(bearer, count=5)}
    admin = limited.new_key("workspace", client.workspace, admin=True)
    burst(limited.with_key(admin))
    path = f"/calls/call_x/recording?api_key={admin}"
    assert 429 in {a.status_code for a in burst(limited.client, path, 5)}


def test_what_was_refused_makes_no_call(limited):
    client = limited.customer()
    answers = [client.place() for _ in range(25)]
    made = [a for a in answers if a.status_code == 202]
    assert {a.status_code for a in answers} == {202, 429}
    time.sleep(2.5)
    assert len(client.get("/calls").json()) == len(made)


def test_public_routes_and_webhooks_have_no_limit(limited):
    for path in ("/healthz", "/readyz", "/openapi.json"):
        assert {a.status_code for a in burst(limited.client, path)} == {200}
    for _ in range(30):
        assert limited.hook("/twilio/status/call_x", {"CallSid": "x"}, signature="x"
                            ).status_code == 403
