"""Who is calling: keys and their forms, scopes and what they reach, revocation, the bootstrap key,
the gateway's token."""

import base64
import hashlib
import hmac
import json
import os
import pathlib
import time
import zlib

import pytest
from apikit import Client, Stack, name, number

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
BOOTSTRAP = "bootstrap-" + os.urandom(12).hex()
GATEWAY_SECRET = os.urandom(32).hex()
ROUTES = [("GET", "/calls"), ("POST", "/calls"), ("GET", "/calls/call_x"),
          ("GET", "/calls/call_x/events"), ("POST", "/calls/call_x/cancel"),
          ("GET", "/calls/call_x/recording"), ("GET", "/users/me"), ("PUT", "/users/me/limits"),
          ("POST", "/skills/concierge/run"), ("POST", "/skills/nonsense/run"),
          ("GET", "/v1/booking/bookings"), ("GET", "/v1/booking/bookings?status=none"),
          ("GET", "/v1/booking/bookings/none")]
PUBLIC = ["/healthz", "/readyz", "/openapi.json", "/skills", "/skills/concierge/manifest"]


# ---- keys ----

def checksum(text):
    value, made = zlib.crc32(text.encode()), ""
    for _ in range(6):
        value, digit = divmod(value, 62)
        made = DIGITS[digit] + made
    return made


def test_a_key_ends_with_the_checksum_of_its_random_part(customer):
    assert customer.key[:4] == "ohk_" and len(customer.key) == 42
    assert customer.key[36:] == checksum(customer.key[4:36])


@pytest.mark.parametrize("method, path", ROUTES)
def test_without_a_key_every_route_is_401(stack, method, path):
    answer = stack.client.request(method, path, json={})
    assert answer.status_code == 401
    assert answer.json() == {"detail": "missing API key"}
    assert answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("method, path", ROUTES)
def test_with_an_unknown_key_every_route_is_401(stack, method, path):
    random = "0" * 32
    answer = stack.with_key(f"ohk_{random}{checksum(random)}").request(method, path, json={})
    assert answer.status_code == 401
    assert answer.json() == {"detail": "invalid API key"}
    assert answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("path", PUBLIC)
def test_public_routes_need_no_key_and_mind_no_wrong_one(stack, path):
    assert stack.client.get(path).status_code == 200
    assert stack.with_key("nonsense").get(path).status_code == 200


def test_the_key_is_taken_from_either_header(stack, customer):
    for headers in ({"X-API-Key": customer.key}, {"Authorization": f"Bearer {customer.key}"},
                    {"authorization": f"bearer {customer.key}"}):
        assert Client(stack, headers=headers).get("/users/me").status_code == 200


def test_x_api_key_wins_over_authorization(stack, customer):
    other = stack.customer()
    both = Client(stack, customer.key, headers={"Authorization": f"Bearer {other.key}"})
    assert both.me()["customer_id"] == customer.workspace
    wrong = Client(stack, "wrong", headers={"Authorization": f"Bearer {other.key}"})
    assert wrong.get("/users/me").status_code == 401


def test_a_key_in_the_query_is_not_taken(stack, customer):
    for path in ("/calls", "/users/me"):
        answer = stack.client.get(f"{path}?api_key={customer.key}")
        assert answer.status_code == 401 and answer.json() == {"detail": "missing API key"}


@pytest.mark.parametrize("spoil", [
    lambda k: k[:-1], lambda k: k + "0", lambda k: k.swapcase(), lambda k: k[4:],
    lambda k: k[:10] + ("x" if k[10] != "x" else "y") + k[11:],
    lambda k: k[:-1] + ("x" if k[-1] != "x" else "y"), lambda k: k + "," + k,
    lambda k: "x" * 300, lambda k: "'; DROP TABLE api_keys; --", lambda k: "%00", lambda k: "*"])
def test_a_spoilt_key_is_401(stack, customer, spoil):
    assert stack.with_key(spoil(customer.key)).get("/users/me").status_code == 401


@pytest.mark.parametrize("value", ["Basic {key}", "{key}", "Bearer", "Bearer ", "Token {key}",
                                   "Bearer{key}", "Bearer {key} x"])
def test_another_form_of_authorization_is_401(stack, customer, value):
    headers = {"Authorization": value.format(key=customer.key)}
    assert Client(stack, headers=headers).get("/users/me").status_code == 401


def test_a_revoked_key_is_refused_at_once(stack):
    workspace = stack.new_workspace()
    row = stack.key_row("workspace", workspace)
    client = stack.with_key(row["api_key"])
    assert client.get("/users/me").status_code == 200
    stack.offhook("key", "revoke", row["api_key_id"])
    for method, path in ROUTES:
        answer = client.request(method, path, json={"target_phone": number(), "brief": "Hello."})
        assert answer.status_code == 401 and answer.json() == {"detail": "invalid API key"}
    assert stack.with_key(stack.new_key("workspace", workspace)).get("/calls").json() == []


# ---- scopes ----

class Tree:
    """Two partners, three organizations, four workspaces with a call each, and a key of every
    scope. reach: which keys reach which workspaces."""

    def __init__(self, stack):
        partners = [stack.partner(), stack.partner()]
        organizations = [stack.organization(partners[0]), stack.organization(partners[0]),
                         stack.organization(partners[1])]
        places = [0, 0, 1, 2]
        self.workspaces = [stack.new_workspace(organization=organizations[i]) for i in places]
        self.keys = {"workspace": stack.new_key("workspace", self.workspaces[0]),
                     "organization": stack.new_key("organization", organizations[0]),
                     "partner": stack.new_key("partner", partners[0]),
                     "platform": stack.new_key("platform")}
        self.reach = {"workspace": {0}, "organization": {0, 1}, "partner": {0, 1, 2},
                      "platform": {0, 1, 2, 3}}
        own = [stack.with_key(stack.new_key("workspace", w)) for w in self.workspaces]
        self.calls = [client.start() for client in own]
        for client, call in zip(own, self.calls):
            client.ended(call)


@pytest.fixture(scope="module")
def tree(stack):
    return Tree(stack)


def ask(stack, key, method, path, workspace, **more):
    """A request of a fixed id, so that two answers can be compared to the byte."""
    headers = {"X-Request-Id": "same"}
    if workspace is not None:
        headers["X-Workspace-Id"] = workspace
    return Client(stack, key, headers=headers).request(method, path, **more)


def bytes_of(answer):
    headers = {n.lower(): v for n, v in answer.headers.items() if n.lower() != "date"}
    return answer.status_code, headers, answer.content


@pytest.mark.parametrize("scope", ["workspace", "organization", "partner", "platform"])
@pytest.mark.parametrize("target", range(4))
def test_a_key_reaches_the_workspaces_below_its_scope_and_no_other(stack, tree, scope, target):
    key, workspace, call = tree.keys[scope], tree.workspaces[target], tree.calls[target]
    reached = target in tree.reach[scope]
    routes = [("GET", "/calls", None), ("GET", "/users/me", None), ("GET", f"/calls/{call}", None),
              ("GET", f"/calls/{call}/events", None),
              ("PUT", "/users/me/limits", {"max_concurrent_calls": 20}),
              ("POST", "/calls", {"target_phone": number(), "brief": "Hello."})]
    for method, path, json_body in routes:
        answer = ask(stack, key, method, path, workspace, json=json_body)
        if reached:
            assert answer.status_code in (200, 202), (method, path, answer.text)
        else:
            absent = ask(stack, key, method, path.replace(call, "call_" + "0" * 26), name("none"),
                         json=json_body)
            assert answer.status_code == 404, (method, path, answer.text)
            assert bytes_of(answer) == bytes_of(absent)


@pytest.mark.parametrize("scope", ["organization", "partner", "platform"])
def test_a_key_above_a_workspace_must_name_one(stack, tree, scope):
    routes = [("GET", "/calls", None), ("GET", f"/calls/{tree.calls[0]}", None),
              ("PUT", "/users/me/limits", {"max_concurrent_calls": 5}),
              ("POST", f"/calls/{tree.calls[0]}/cancel", None),
              ("POST", "/calls", {"target_phone": number(), "brief": "Hello."})]
    for method, path, json_body in routes:
        answer = ask(stack, tree.keys[scope], method, path, None, json=json_body)
        assert answer.status_code == 400, (method, path, answer.text)
        assert isinstance(answer.json()["detail"], str)


def test_the_workspace_may_be_named_in_the_query(stack, tree):
    client = stack.with_key(tree.keys["partner"])
    for target in (0, 2):
        got = client.get(f"/calls?workspace_id={tree.workspaces[target]}").json()
        assert tree.calls[target] in [call["call_id"] for call in got]
    assert client.get(f"/calls?workspace_id={tree.workspaces[3]}").status_code == 404


def test_a_workspace_key_needs_no_name_and_may_name_its_own(stack, tree):
    for named in (None, tree.workspaces[0]):
        assert ask(stack, tree.keys["workspace"], "GET", "/users/me", named).status_code == 200


@pytest.mark.parametrize("named", ["x", "a b", "../x", "w" * 65, "'", "é"])
def test_a_name_that_no_workspace_can_have_is_404(stack, tree, named):
    answer = ask(stack, tree.keys["platform"], "GET", "/calls", named.encode())
    assert answer.status_code == 404


def test_a_call_of_another_workspace_looks_like_one_that_is_not(stack, tree):
    key = tree.keys["workspace"]
    for route in ("/calls/{}", "/calls/{}/events"):
        foreign = ask(stack, key, "GET", route.format(tree.calls[1]), None)
        absent = ask(stack, key, "GET", route.format("call_" + "0" * 26), None)
        nonsense = ask(stack, key, "GET", route.format("%27;--"), None)
        assert foreign.status_code == 404
        assert bytes_of(foreign) == bytes_of(absent) == bytes_of(nonsense)


def test_a_call_is_found_only_in_the_workspace_that_is_named(stack, tree):
    answer = ask(stack, tree.keys["platform"], "GET", f"/calls/{tree.calls[0]}",
                 tree.workspaces[1])
    assert answer.status_code == 404


def test_cancelling_a_foreign_call_says_false_as_for_one_that_is_not(stack, tree):
    for call in (tree.calls[1], "call_" + "0" * 26, "nonsense"):
        answer = ask(stack, tree.keys["workspace"], "POST", f"/calls/{call}/cancel", None)
        assert answer.status_code == 200 and answer.json() == {"cancelled": False}


# ---- the gateway and the bootstrap key ----

@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gateway")
    for above in (folder, *folder.parents):
        if above != pathlib.Path("/tmp") and os.access(above, os.W_OK) and len(above.parts) > 2:
            above.chmod(above.stat().st_mode | 0o011)
    key_file = folder / "key"
    key_file.write_text(GATEWAY_SECRET + "\n")
    key_file.chmod(0o644)
    stack = Stack({"queue.enabled": "true", "queue.cps": 20, "server.gateway_fronted": "true",
                   "server.gateway_jwt_key_file": key_file},
                  {"OFFHOOK_BOOTSTRAP_ADMIN_API_KEY": BOOTSTRAP})
    try:
        yield stack
    finally:
        stack.close()


def part(data):
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def token(claims=None, header=None, secret=GATEWAY_SECRET, drop=(), before=""):
    """A token, signed; before is JSON that stands in front of its claims."""
    payload = {"sub": "key_1", "customer_id": "x", "aud": "offhook",
               "exp": int(time.time()) + 60, **(claims or {})}
    for claim in drop:
        del payload[claim]
    claims_text = ("{" + before + json.dumps(payload)[1:]).encode()
    text = part({"alg": "HS256", "typ": "JWT", **(header or {})}) + "." + part(claims_text)
    mac = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    return text + "." + part(mac)


def token_of_text(payload):
    text = part({"alg": "HS256", "typ": "JWT"}) + "." + part(payload)
    mac = hmac.new(GATEWAY_SECRET.encode(), text.encode(), hashlib.sha256).digest()
    return text + "." + part(mac)


def by_token(stack, text, **headers):
    return Client(stack, headers={"X-Gateway-Context": text, **headers})


def test_the_gateways_token_is_a_credential(gateway):
    workspace = gateway.new_workspace()
    client = by_token(gateway, token({"customer_id": workspace, "scope": "workspace"}))
    me = client.me()
    assert me["customer_id"] == workspace and me["api_key_id"] == "key_1"
    assert me["is_admin"] is False
    assert client.call(client.start())["customer_id"] == workspace


def test_the_token_says_who_is_an_admin(gateway):
    workspace = gateway.new_workspace()
    assert by_token(gateway, token({"customer_id": workspace, "is_admin": True})).me()["is_admin"]


def test_a_token_above_a_workspace_names_one(gateway):
    organization = gateway.organization(gateway.partner())
    workspace = gateway.new_workspace(organization=organization)
    text = token({"customer_id": organization, "scope": "organization"})
    assert by_token(gateway, text).get("/calls").status_code == 400
    assert by_token(gateway, text, **{"X-Workspace-Id": workspace}).get("/calls").status_code == 200
    other = gateway.new_workspace()
    assert by_token(gateway, text, **{"X-Workspace-Id": other}).get("/calls").status_code == 404


def test_the_token_and_the_bootstrap_key_have_calls_processed(gateway):
    inside, outside = gateway.new_workspace(), gateway.new_workspace()
    client = by_token(gateway, token({"customer_id": inside, "scope": "workspace"}))
    bootstrap = gateway.with_key(BOOTSTRAP)
    for who, tenant, status in ((client, inside, 202), (client, outside, 403),
                                (bootstrap, outside, 202), (bootstrap, "no-such-tenant", 403)):
        answer = who.post("/api/v1/process", {"call_id": "call_abc123xyz", "tenant_id": tenant})
        assert answer.status_code == status
        assert status != 202 or answer.json()["enqueued"]


def test_the_token_wins_over_a_key_and_a_key_alone_is_still_one(gateway):
    one, other = gateway.customer(), gateway.customer()
    both = Client(gateway, one.key, headers={
        "X-Gateway-Context": token({"customer_id": other.workspace})})
    assert both.me()["customer_id"] == other.workspace
    assert one.me()["customer_id"] == one.workspace
    bad = Client(gateway, one.key, headers={"X-Gateway-Context": "nonsense"})
    assert bad.get("/users/me").status_code == 401


def forged(workspace):
    good = {"customer_id": workspace}
    head, payload, mac = token(good).split(".")
    return {
        "another secret": token(good, secret="another"),
        "the newline is no part of the key": token(good, secret=GATEWAY_SECRET + "\n"),
        "an empty secret": token(good, secret=""),
        "no signature": f"{head}.{payload}.",
        "two parts": f"{head}.{payload}",
        "four parts": f"{head}.{payload}.{mac}.x",
        "alg none": part({"alg": "none", "typ": "JWT"}) + f".{payload}.",
        "alg None, signed": token(good, {"alg": "None"}),
        "alg HS384": token(good, {"alg": "HS384"}),
        "alg RS256": token(good, {"alg": "RS256"}),
        "alg in lower case": token(good, {"alg": "hs256"}),
        "crit": token(good, {"crit": ["exp"]}),
        "typ": token(good, {"typ": "JWE"}),
        "expired": token({**good, "exp": int(time.time()) - 120}),
        "exp as text": token({**good, "exp": str(int(time.time()) + 60)}),
        "no exp": token(good, drop=["exp"]),
        "not yet": token({**good, "nbf": int(time.time()) + 600}),
        "no aud": token(good, drop=["aud"]),
        "another aud": token({**good, "aud": "other"}),
        "aud with more": token({**good, "aud": "offhook2"}),
        "no sub": token(good, drop=["sub"]),
        "no customer": token(drop=["customer_id"]),
        "unknown customer": token({"customer_id": name("none")}),
        "unknown scope": token({**good, "scope": "galaxy"}),
        "scope of another kind": token({**good, "scope": 5}),
        "is_admin as text": token({**good, "is_admin": "true"}),
        "another payload": ".".join((head, part({**good, "aud": "offhook", "sub": "x",
                                                 "exp": 9999999999}), mac)),
        "a duplicate claim": token(good, before='"customer_id": "y", '),
        "a trailing comma": token(good, before=","),
        "sub empty": token({**good, "sub": ""}), "sub null": token({**good, "sub": None}),
        "sub as number": token({**good, "sub": 1}),
        "customer empty": token({"customer_id": ""}), "customer null": token({"customer_id": None}),
        "customer as list": token({"customer_id": [workspace]}),
        "customer in another case": token({"customer_id": workspace.swapcase()}),
        "exp null": token({**good, "exp": None}), "exp true": token({**good, "exp": True}),
        "exp a fraction": token({**good, "exp": time.time() + 60.5}),
        "exp negative": token({**good, "exp": -1}), "exp zero": token({**good, "exp": 0}),
        "exp twice": token(good, before='"exp": 9999999999, '),
        "nbf as text": token({**good, "nbf": "0"}), "nbf null": token({**good, "nbf": None}),
        "iat of tomorrow": token({**good, "iat": int(time.time()) + 86400}),
        "iat as text": token({**good, "iat": "0"}),
        "aud null": token({**good, "aud": None}), "aud empty": token({**good, "aud": []}),
        "aud of others": token({**good, "aud": ["other"]}),
        "aud nested": token({**good, "aud": [["offhook"]]}),
        "aud in another case": token({**good, "aud": "Offhook"}),
        "aud twice": token(good, before='"aud": "offhook", '),
        "is_admin as number": token({**good, "is_admin": 1}),
        "is_admin null": token({**good, "is_admin": None}),
        "scope null": token({**good, "scope": None}),
        "scope in another case": token({**good, "scope": "Workspace"}),
        "alg null": token(good, {"alg": None}), "alg as list": token(good, {"alg": ["HS256"]}),
        "alg HS256 with a blank": token(good, {"alg": "HS256 "}),
        "alg NONE, no signature": part({"alg": "NONE"}) + f".{payload}.",
        "alg EdDSA": token(good, {"alg": "EdDSA"}), "alg ES256": token(good, {"alg": "ES256"}),
        "no alg": part({"typ": "JWT"}) + f".{payload}.{mac}",
        "crit empty": token(good, {"crit": []}),
        "b64 false": token(good, {"b64": False, "crit": ["b64"]}),
        "a key of its own": token(good, {"jwk": {"kty": "oct", "k": part(b"mine")}}, "mine"),
        "a kid that is a path": token(good, {"kid": "../../../dev/null"}, ""),
        "a kid that is a statement": token(good, {"kid": "x' UNION SELECT 'mine"}, "mine"),
        "a key by URL": token(good, {"jku": "https://evil.example/jwks"}, "mine"),
        "header no object": part(b"[]") + f".{payload}.{mac}",
        "payload no object": token_of_text(b"[]"), "payload no JSON": token_of_text(b"{"),
        "payload with more behind it": token_of_text(json.dumps(good).encode() + b"x"),
        "payload not UTF-8": token_of_text(b'{"sub":"\xff"}'),
        "padded": f"{head}.{payload}.{mac}=", "a blank in it": f"{head}.{payload}. {mac}",
        "the other alphabet": f"{head}.{payload}.{mac}+/",
        "a signature cut": f"{head}.{payload}.{mac[:-4]}",
        "a signature of another token": f"{head}.{payload}.{token().split('.')[2]}",
        "Bearer in front": f"Bearer {token(good)}", "in quotes": f'"{token(good)}"',
        "two in one": f"{token(good)},{token(good)}",
        "nonsense": "nonsense", "empty": "", "dots": "..", "long": "x" * 7000,
        "unknown organization": token({"customer_id": name("none"), "scope": "organization"}),
    }


@pytest.fixture(scope="module")
def tenant(gateway):
    return gateway.new_workspace()


def test_there_are_sixty_ways_at_least_to_be_wrong():
    assert len(forged("x")) >= 60


@pytest.mark.parametrize("what", sorted(forged("x")))
def test_a_token_that_is_not_exactly_right_is_401(gateway, tenant, what):
    workspace = tenant
    assert by_token(gateway, token({"customer_id": workspace})).get("/calls").status_code == 200
    named = {"X-Workspace-Id": workspace} if what == "unknown organization" else {}
    answer = by_token(gateway, forged(workspace)[what], **named).get("/calls")
    assert answer.status_code == 401, answer.text
    assert answer.headers["WWW-Authenticate"]


def test_without_a_gateway_the_header_is_ignored(stack, customer):
    text = token({"customer_id": customer.workspace})
    answer = by_token(stack, text).get("/users/me")
    assert answer.status_code == 401 and answer.json() == {"detail": "missing API key"}
    both = Client(stack, customer.key, headers={"X-Gateway-Context": "nonsense"})
    assert both.me()["customer_id"] == customer.workspace


def test_the_bootstrap_key_is_an_admin_of_the_platform(gateway):
    workspace = gateway.new_workspace()
    client = gateway.with_key(BOOTSTRAP, X_Workspace_Id=workspace)
    me = client.me()
    assert me["is_admin"] is True and me["customer_id"] == workspace
    assert gateway.with_key(BOOTSTRAP).get("/calls").status_code == 400
    assert Client(gateway, headers={"Authorization": f"Bearer {BOOTSTRAP}",
                                    "X-Workspace-Id": workspace}).get("/calls").status_code == 200


@pytest.mark.parametrize("wrong", [BOOTSTRAP[:-1], BOOTSTRAP + "0", BOOTSTRAP.upper()],
                         ids=["shorter", "longer", "upper case"])
def test_nearly_the_bootstrap_key_is_401(gateway, wrong):
    assert gateway.with_key(wrong).get("/users/me").status_code == 401


def test_where_none_is_set_there_is_no_bootstrap_key(stack):
    for key in (BOOTSTRAP, hashlib.sha256(b"").hexdigest()):
        assert stack.with_key(key).get("/users/me").status_code == 401
