"""The page of the API under /docs/: made by the build from the same document, served by nginx as
files, with nothing from elsewhere and nothing that runs."""

import html.parser
import urllib.parse

import pytest


class Page(html.parser.HTMLParser):
    """What a page names and loads, and its text."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.loads, self.tags, self.words = set(), set(), set(), set(), ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        self.tags.add(tag)
        self.ids |= {named["id"]} if "id" in named else set()
        if tag == "a":
            self.links.add(named["href"])
        self.loads |= {named[word] for word in ("src", "href") if word in named and tag != "a"}

    def handle_data(self, data):
        self.words += data


@pytest.fixture(scope="module")
def answer(stack):
    return stack.client.get("/docs/")


@pytest.fixture(scope="module")
def page(answer):
    return Page(answer.text)


def test_it_is_a_page_that_nothing_may_run_in(answer, page):
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = answer.headers["Content-Security-Policy"].split("; ")
    assert {"default-src 'none'", "style-src 'self'", "frame-ancestors 'none'"} <= set(policy)
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert page.loads == {"docs.css"}
    assert not page.tags & {"script", "style", "iframe", "img", "form", "object"}


def test_its_style_is_there(stack):
    answer = stack.client.get("/docs/docs.css")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/css; charset=utf-8"
    assert "http" not in answer.text


def test_it_has_every_operation_and_schema(stack, page):
    document = stack.document.json
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert f"{method.upper()} {path}" in page.words
            assert operation["summary"] in page.words
            for parameter in operation["parameters"]:
                assert parameter["name"] in page.words
    for name, one in document["components"]["schemas"].items():
        assert name in page.words
        for field in one.get("properties", {}):
            assert field in page.words


def test_every_link_leads_somewhere(stack, page):
    for link in page.links:
        if link.startswith("#"):
            assert link == "#" or link[1:] in page.ids, link
        else:
            assert stack.client.get(urllib.parse.urljoin("/docs/", link)).status_code == 200, link


def test_there_is_one_way_to_it_and_nothing_beside_it(stack):
    answer = stack.client.get("/docs", allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (308, "/docs/")
    for path in ("/docs/page.jq", "/docs/nothing", "/docs/%2e%2e/nginx/offhook.conf",
                 "/docs/..%2fsql/001_tenancy.sql", "/docs./sql/001_tenancy.sql"):
        assert stack.client.get(path).status_code in (400, 404), path
    assert stack.client.post("/docs/").status_code == 405


def test_other_answers_have_no_such_policy(stack):
    assert "Content-Security-Policy" not in stack.client.get("/healthz").headers
