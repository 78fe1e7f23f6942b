"""GET and PATCH /api/v1/config/{scope}/{id}: the settings of the tree."""

import json

import pytest

KEY = "integrations.callrail.api_key"
DEFAULTS = {
    "processing": {"auto": False, "filters": {"min_duration_seconds": 30}, "max_attempts": 3,
                   "retry_base_seconds": 5},
    "email": {"recipients": []},
    "integrations": {"callrail": {"enabled": False, "poll_interval_seconds": 60,
                                  "backfill_days": 7, "skip_all_on_ingest": False}},
    "calling": {"default_region": "US"}, "calls": {"single_calls_per_minute": 30},
    "voice": {"transfer_numbers": [], "live_listening": False}}


class Tree:
    """A partner, its organization and its workspace, each with a key."""

    def __init__(self, stack):
        self.stack = stack
        self.partner = stack.partner()
        self.organization = stack.organization(self.partner)
        self.workspace = stack.new_workspace(organization=self.organization)
        self.keys = {scope: stack.with_key(stack.new_key(scope, getattr(self, scope)))
                     for scope in ("partner", "organization", "workspace")}
        self.places = {scope: f"{scope}/{getattr(self, scope)}" for scope in self.keys}


def url(place, effective=False):
    return f"/api/v1/config/{place}" + ("?effective=true" if effective else "")


def read(client, place, effective=False):
    answer = client.get(url(place, effective))
    assert answer.status_code == 200, answer.text
    return answer.json()


def patch(client, place, document, status=200):
    answer = client.request("PATCH", url(place), json=document)
    assert answer.status_code == status, answer.text
    return answer.json()


@pytest.fixture
def tree(stack):
    return Tree(stack)


@pytest.fixture
def own(tree):
    """A workspace's own key and its place."""
    return tree.keys["workspace"], tree.places["workspace"]


def test_nothing_is_set_at_first_and_the_defaults_hold(own):
    client, place = own
    assert read(client, place) == {}
    effective = read(client, place, effective=True)
    assert set(effective.pop("sources").values()) == {"default"}
    assert effective == DEFAULTS


def test_a_patch_changes_what_it_names(own):
    client, place = own
    first = {"processing": {"auto": True, "filters": {"min_duration_seconds": 10}},
             "email": {"recipients": ["a@x.example", "b@x.example"]}}
    assert patch(client, place, first) == first
    assert patch(client, place, {"processing": {"auto": False}}) == {
        **first, "processing": {"auto": False, "filters": {"min_duration_seconds": 10}}}
    patch(client, place, {"email": {"recipients": ["c@x.example"]}})
    assert read(client, place)["email"] == {"recipients": ["c@x.example"]}
    patch(client, place, {})
    assert read(client, place)["processing"]["filters"] == {"min_duration_seconds": 10}


def test_null_removes(own):
    client, place = own
    patch(client, place, {"processing": {"auto": True, "max_attempts": 5},
                          "calling": {"default_region": "GB"}})
    assert patch(client, place, {"processing": {"auto": None}})["processing"] == {"max_attempts": 5}
    assert patch(client, place, {"processing": None}) == {"calling": {"default_region": "GB"}}
    assert patch(client, place, {"calling": {"default_region": None}, "email": None}) == {}


def test_a_schema_is_one_value(own):
    client, place = own
    schema = {"type": "object", "properties": {"mood": {"enum": ["good", None]}}, "title": "é"}
    patch(client, place, {"summary": {"schema": schema}})
    assert read(client, place) == {"summary": {"schema": schema}}
    other = {"type": "object"}
    assert patch(client, place, {"summary": {"schema": other}}) == {"summary": {"schema": other}}


def test_the_nearest_level_decides_and_is_named(tree, stack):
    admin = stack.with_key(stack.env["OFFHOOK_ADMIN_KEY"])
    partner, organization, workspace = (tree.places[s] for s in ("partner", "organization",
                                                                 "workspace"))
    patch(admin, partner, {"processing": {"filters": {"min_duration_seconds": 11},
                                          "max_attempts": 4, "retry_base_seconds": 9}})
    patch(tree.keys["organization"], organization,
          {"processing": {"filters": {"min_duration_seconds": 12}, "max_attempts": 6}})
    patch(tree.keys["workspace"], workspace,
          {"processing": {"filters": {"min_duration_seconds": 0}}})

    def held(key, place):
        found = read(key, place, effective=True)
        return [found["processing"]["filters"]["min_duration_seconds"],
                found["processing"]["max_attempts"], found["processing"]["retry_base_seconds"],
                *(found["sources"][f"processing.{one}"] for one in (
                    "filters.min_duration_seconds", "max_attempts", "retry_base_seconds"))]

    assert held(tree.keys["workspace"], workspace) == [0, 6, 9, workspace, organization, partner]
    assert held(tree.keys["partner"], organization) == [
        12, 6, 9, organization, organization, partner]
    assert held(admin, partner) == [11, 4, 9, partner, partner, partner]
    assert read(tree.keys["workspace"], workspace) == {
        "processing": {"filters": {"min_duration_seconds": 0}}}
    # Removed: the level above again. Another tree never saw any of it.
    patch(tree.keys["workspace"], workspace, {"processing": None})
    assert held(tree.keys["workspace"], workspace)[0] == 12
    other = stack.customer()
    assert held(other, f"workspace/{other.workspace}")[:3] == [30, 3, 5]


def test_the_platforms_settings_are_its_admins(tree, stack):
    admin = stack.with_key(stack.env["OFFHOOK_ADMIN_KEY"])
    plain = stack.with_key(stack.new_key("platform", "platform"))
    place = tree.places["workspace"]
    try:
        assert patch(admin, "platform/default", {"integrations": {"callrail": {
            "backfill_days": 3}}})["integrations"] == {"callrail": {"backfill_days": 3}}
        found = read(tree.keys["workspace"], place, effective=True)
        assert found["integrations"]["callrail"]["backfill_days"] == 3
        assert found["sources"]["integrations.callrail.backfill_days"] == "platform/default"
        assert plain.get(url("platform/default")).status_code == 403
        patch(plain, "platform/default", {"processing": {"auto": True}}, 403)
        assert "processing" not in read(admin, "platform/default")
        assert read(plain, place) == {}  # but it reaches every other level
    finally:
        patch(admin, "platform/default", {"integrations": None})


@pytest.mark.parametrize("scope", ["workspace", "organization", "partner"])
def test_a_key_reaches_its_level_and_those_below(tree, stack, scope):
    other = Tree(stack)
    order = ["workspace", "organization", "partner"]
    document = {"processing": {"auto": True}}
    for one in order:
        below = order.index(one) <= order.index(scope)
        patch(tree.keys[scope], tree.places[one], document, 200 if below else 403)
        assert tree.keys[scope].get(url(tree.places[one])).status_code == (200 if below else 403)
        for foreign in (other.places[one], f"{one}/nobody-at-all", f"{one}/a"):
            patch(tree.keys[scope], foreign, document, 403)
            assert tree.keys[scope].get(url(foreign, True)).status_code == 403
        assert read(other.keys[one], other.places[one]) == {}
    patch(tree.keys[scope], "platform/default", document, 403)
    assert tree.keys[scope].get(url("galaxy/default")).status_code == 403


def test_an_admin_flag_reaches_no_further(tree, stack):
    key = stack.with_key(stack.new_key("workspace", tree.workspace, admin=True))
    for place in (tree.places["organization"], "platform/default", "partner/default"):
        patch(key, place, {"processing": {"auto": True}}, 403)


def test_what_does_not_exist_is_404_for_whom_it_would_be(stack):
    admin = stack.with_key(stack.env["OFFHOOK_ADMIN_KEY"])
    for place in ("workspace/nobody-at-all", "organization/nobody", "partner/nobody",
                  "platform/platform", "galaxy/default", "workspace/%20"):
        assert admin.get(url(place)).status_code == 404
        patch(admin, place, {"processing": {"auto": True}}, 404)


def test_without_a_key_nobody_is_told_anything(stack, own):
    for client in (stack.with_key(None), stack.with_key("ohk_" + "x" * 38)):
        assert client.get(url(own[1])).status_code == 401
        for body in ('{"processing": {"auto": true}}', '{"nothing": 1}', "no json"):
            assert client.request("PATCH", url(own[1]), data=body).status_code == 401
    assert read(*own) == {}


@pytest.mark.parametrize("document, says", [
    ({"nothing": 1}, "there is no setting nothing"),
    ({"processing": {"never": None}}, "there is no setting processing.never"),
    ({"processing.auto": True}, "there is no setting processing.auto: settings are nested objects"),
    ({"processing": {"auto": "yes"}}, "processing.auto must be true or false"),
    ({"processing": 7}, "processing must be an object"),
    ({"processing": {"filters": []}}, "processing.filters must be an object"),
    ({"processing": {"filters": {"min_duration_seconds": -1}}},
     "processing.filters.min_duration_seconds must be a whole number from 0 to 86400"),
    ({"processing": {"filters": {"min_duration_seconds": 1.5}}},
     "processing.filters.min_duration_seconds must be a whole number from 0 to 86400"),
    ({"email": {"recipients": ["a@x.example", "b@x.example\r\nBcc: c@x.example"]}},
     "email.recipients must hold mail addresses alone, and number 2 is none"),
    ({"integrations": {"callrail": {"poll_interval_seconds": 0}}},
     "integrations.callrail.poll_interval_seconds must be a whole number from 1 to 86400"),
    ({"calling": {"default_region": "usa"}}, "calling.default_region must be a region"),
    ({"summary": {"schema": "object"}}, "summary.schema must be a JSON Schema"),
    ({"summary": {"schema": {"type": "object", "title": "x" * 17000}}},
     "summary.schema must be a JSON Schema of at most 16,384 bytes"),
])
def test_a_wrong_patch_is_named_and_changes_nothing(own, document, says):
    client, place = own
    before = patch(client, place, {"processing": {"max_attempts": 2}})
    mixed = json.loads(json.dumps(document))
    mixed.setdefault("calls", {})["single_calls_per_minute"] = 99
    for one in (document, mixed, dict(reversed(mixed.items()))):
        assert patch(client, place, one, 400)["detail"].startswith(says)
        assert read(client, place) == before


@pytest.mark.parametrize("body", ["", "x", "[]", "7", "null", '{"processing": {"auto": true}',
                                  '{"calls": {}, "calls": null}', "[" * 40])
def test_what_is_no_object_is_400(own, body):
    client, place = own
    answer = client.request("PATCH", url(place), data=body)
    assert answer.status_code == 400 and isinstance(answer.json()["detail"], str)
    assert client.get(url(place) + "?effective=maybe").status_code == 400
    assert read(client, place) == {}


def test_a_secret_is_never_shown(tree, stack):
    secret = "rail-quite-secret-7788"
    texts = []
    for client in (tree.keys["partner"], tree.keys["workspace"]):
        place = tree.places["partner" if client is tree.keys["partner"] else "workspace"]
        if client is tree.keys["partner"]:
            texts.append(json.dumps(patch(client, place, {"integrations": {"callrail": {
                "api_key": secret}}})))
        found = read(client, place, effective=True)
        assert found["integrations"]["callrail"]["api_key"] == "…7788"
        assert found["sources"][KEY] == tree.places["partner"]
        texts.append(json.dumps(found))
    wrong = patch(tree.keys["partner"], tree.places["partner"],
                  {"integrations": {"callrail": {"api_key": secret + " "}}}, 400)
    texts.append(wrong["detail"])
    assert not any("secret" in text.replace("visible", "") for text in texts)
    # As it is shown it is no value: what was read and sent back does not destroy it.
    shown = read(tree.keys["partner"], tree.places["partner"])
    patch(tree.keys["partner"], tree.places["partner"], shown, 400)
    assert stack.sql("SELECT value #>> '{}' FROM settings WHERE path = %s AND scope_id = %s",
                     KEY, tree.partner) == [(secret,)]


def test_workers_see_a_change_at_once(tree, stack):
    def seen():
        return stack.sql("SELECT fn.setting(%s, 'calls.single_calls_per_minute')",
                         tree.workspace)[0][0]
    assert seen() is None
    patch(tree.keys["organization"], tree.places["organization"],
          {"calls": {"single_calls_per_minute": 12}})
    assert seen() == 12
    patch(tree.keys["workspace"], tree.places["workspace"], {"calls": {"single_calls_per_minute": 13}})
    assert seen() == 13
    stack.offhook("settings", "set", "workspace", tree.workspace, "calls", "null")
    assert seen() == 12


def test_the_document_has_the_whole_catalogue(stack, own):
    schemas = stack.document.json["components"]["schemas"]
    filters = schemas["Config"]["properties"]["processing"]["properties"]["filters"]
    assert filters["properties"]["min_duration_seconds"] == {
        "type": "integer", "minimum": 0, "maximum": 86400, "default": 30,
        "description": filters["properties"]["min_duration_seconds"]["description"]}

    def paths(node, prefix=""):
        node = node.get("anyOf", [node])[0]
        inner = node.get("properties")
        if inner is None:
            return {prefix}
        return set().union(*(paths(one, f"{prefix}.{name}" if prefix else name)
                             for name, one in inner.items()))

    assert paths(schemas["ConfigPatch"]) == paths(schemas["Config"])
    assert set(read(*own, effective=True)["sources"]) <= paths(schemas["Config"])
