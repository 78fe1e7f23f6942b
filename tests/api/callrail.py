"""CallRail's API, version 3, as strict as the real one in what it takes: the scheme and the quotes of the
key, .json in the path, the range of pages and of dates, one way of turning pages. Dates are read in the
account's own zone, which its documents do not name. Beside it a second server, which serves recordings
to whoever has their URL and must never see a key.
"""

import collections
import contextlib
import datetime
import http.server
import itertools
import json
import re
import secrets
import threading
import time
import urllib.parse

PARAMETERS = {"start_date", "end_date", "date_range", "company_id", "tracker_id", "direction",
              "answered", "answer_status", "call_type", "lead_status", "tags", "search", "sort",
              "order", "fields", "page", "per_page", "relative_pagination", "offset"}
ALWAYS = ("id", "answered", "business_phone_number", "customer_city", "customer_country",
          "customer_name", "customer_phone_number", "customer_state", "direction", "duration",
          "recording", "recording_duration", "recording_player", "start_time",
          "tracking_phone_number", "voicemail", "agent_email")
NAMED = {"company_id", "company_name", "transcription", "call_summary", "sentiment", "source", "note",
         "tags", "lead_status", "first_call", "person_id", "call_type", "tracker_id", "timeline_url"}
SORTED = {"start_time", "duration", "customer_name", "customer_phone_number", "source"}
MONTHS = 25
# A frame of MPEG-1 layer III, 128 kbit/s at 44.1 kHz, in which nothing is heard.
FRAME, FRAMES_A_SECOND = b"\xff\xfb\x90\x00" + bytes(413), 44100 / 1152


class Refusal(Exception):
    def __init__(self, status, body, headers=None):
        super().__init__(status)
        self.status, self.body, self.headers = status, body, headers or {}


def refuse(status, why):
    return Refusal(status, {"error": why})


class Account:
    """What is kept at CallRail for one account; its zone is hours east of Greenwich."""

    def __init__(self, account_id, key, zone=-8):
        self.id, self.key = account_id, key
        self.zone = datetime.timezone(datetime.timedelta(hours=zone))
        self.calls = []
        self.keys = {key: None}  # None: sees every company; else those of this set
        self.mishaps = []        # what befalls the next requests, one each
        self.standing = None     # what befalls every request
        self.gate = threading.Event()
        self.gate.set()          # cleared: answers wait
        self.ways = set()        # ways of turning pages that were seen
        self.active = self.most_active = 0


class Call(dict):
    """As the list shows it, with what it must not show: when it began."""

    began = None


def whole_month(day, back):
    month = day.year * 12 + day.month - 1 - back
    return day.replace(year=month // 12, month=month % 12 + 1, day=min(day.day, 28))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, headers=None, kind="application/json"):
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(text)


class ApiHandler(Handler):
    def do_GET(self):
        fake = self.server.fake
        split = urllib.parse.urlsplit(self.path)
        match = re.fullmatch(r"/v3/a/([^/]+)/(.*)", split.path)
        account = fake.accounts.get(match[1]) if match else None
        key = re.fullmatch(r'Token token="([^"]+)"', self.headers.get("Authorization", ""))
        asked = urllib.parse.parse_qsl(split.query, keep_blank_values=True)
        with fake.lock:
            fake.requests.append({
                "at": time.monotonic(), "account": match[1] if match else None,
                "path": split.path, "query": dict(asked), "key": key and key[1],
                "headers": dict(self.headers)})
            if account:
                account.active += 1
                account.most_active = max(account.most_active, account.active)
        try:
            self.serve(account, key and key[1], match and match[2], asked)
        except Refusal as no:
            self.answer(no.status, no.body, no.headers)
        finally:
            if account:
                with fake.lock:
                    account.active -= 1

    def do_POST(self):
        self.answer(405, {"error": "Method not allowed"})

    do_PUT = do_DELETE = do_PATCH = do_HEAD = do_POST

    def serve(self, account, key, place, asked):
        if self.headers.get("Content-Length", "0") != "0":
            raise refuse(406, "A GET has no body")
        if place is None or not place.endswith(".json"):
            raise refuse(404, "Not Found")
        if account is None or key is None or key not in account.keys:
            raise refuse(401, "HTTP Token: Access denied.")
        account.gate.wait(60)
        if self.befall(account):
            return
        names = [name for name, _ in asked]
        if len(set(names)) != len(names):
            raise refuse(400, "A parameter comes twice")
        self.server.fake.unknown.update(set(names) - PARAMETERS)
        companies = account.keys[key]
        if place == "calls.json":
            self.answer(200, self.list(account, companies, dict(asked)))
            return
        single = re.fullmatch(r"calls/([A-Za-z0-9_-]+)/recording\.json", place)
        if not single:
            raise refuse(404, "Not Found")
        self.answer(200, {"url": self.server.fake.recording_url(account, companies, single[1])})

    def befall(self, account):
        """Whether something befalls the request; then it has been answered, or never will be."""
        with self.server.fake.lock:
            what = account.mishaps.pop(0) if account.mishaps else account.standing
        if what is None:
            return False
        if isinstance(what, int):
            raise refuse(what, "User or Agency limit" if what == 429 else "No")
        if isinstance(what, Refusal):
            raise what
        if what == "stall":
            self.server.fake.over.wait(120)
            self.close_connection = True
        elif what == "html":
            self.answer(200, b"<html><body>Please sign in</body></html>", kind="text/html")
        elif what == "garbage":
            self.answer(200, b'{"page":1,"total_pages":1,"calls":[{"id":"CAL')
        else:
            raise AssertionError(what)
        return True

    def list(self, account, companies, asked):
        relative = asked.get("relative_pagination") == "true"
        self.one_way(account, asked, relative)
        per_page = self.number(asked, "per_page", 100, 1, 250)
        first, until = self.window(account, asked)
        fields = [one for one in asked.get("fields", "").split(",") if one]
        self.server.fake.unknown.update(set(fields) - NAMED)
        if "order" in asked and "sort" not in asked:
            raise refuse(400, "order needs sort")
        if asked.get("sort", "start_time") not in SORTED or asked.get("order", "asc") not in (
                "asc", "desc"):
            raise refuse(400, "No such order")
        company = asked.get("company_id")
        with self.server.fake.lock:
            found = [c for c in account.calls if first <= c.began < until
                     and (company is None or c["company_id"] == company)
                     and (companies is None or c["company_id"] in companies)]
        if company and not any(c["company_id"] == company for c in account.calls) and (
                company not in self.server.fake.companies):
            raise refuse(404, "Company not found")
        found.sort(key=lambda c: c.began, reverse=asked.get("order", "desc") == "desc")
        shown = [{name: c.get(name) for name in (*ALWAYS, *(NAMED & set(fields)))} for c in found]
        if relative:
            offset = self.number(asked, "offset", 0, 0, 10 ** 9)
            more = offset + per_page < len(shown)
            return {"per_page": per_page, "has_next_page": more, "calls": shown[offset:][:per_page],
                    "next_page": f"{self.server.fake.url}{self.path}" if more else None}
        page = self.number(asked, "page", 1, 1, 10 ** 6)
        return {"page": page, "per_page": per_page, "total_records": len(shown),
                "total_pages": -(-len(shown) // per_page),
                "calls": shown[(page - 1) * per_page:page * per_page]}

    @staticmethod
    def one_way(account, asked, relative):
        if relative and "page" in asked or not relative and "offset" in asked:
            raise refuse(400, "Two ways to turn pages")
        account.ways.add(relative)
        if len(account.ways) > 1:
            raise refuse(400, "Two ways to turn pages of one set of data")

    @staticmethod
    def number(asked, name, absent, least, most):
        text = asked.get(name, str(absent))
        if not re.fullmatch("[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise refuse(400, f"{name} is out of range")
        return int(text)

    @staticmethod
    def window(account, asked):
        now = datetime.datetime.now(account.zone)
        if not {"start_date", "end_date"} & set(asked):
            return now - datetime.timedelta(days=30), now
        read = {}
        for name in ("start_date", "end_date"):
            text = asked.get(name)
            bare = text is None or re.fullmatch(r"\d{4}-\d\d-\d\d", text)
            if not bare and not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d", text):
                raise refuse(400, f"{name} is no date")
            at = now if text is None else datetime.datetime.fromisoformat(text).replace(
                tzinfo=account.zone)
            read[name] = at + datetime.timedelta(days=1) if bare and name == "end_date" else at
        if read["start_date"] > read["end_date"]:
            raise refuse(400, "start_date is after end_date")
        if read["start_date"] < whole_month(now, MONTHS):
            raise refuse(400, "Records are kept for twenty-five months")
        return read["start_date"], read["end_date"] + datetime.timedelta(minutes=1)


class MediaHandler(Handler):
    def do_GET(self):
        fake = self.server.fake
        split = urllib.parse.urlsplit(self.path)
        asked = dict(urllib.parse.parse_qsl(split.query))
        with fake.lock:
            fake.media_requests.append({"path": split.path, "headers": dict(self.headers)})
            if "Authorization" in self.headers:
                fake.leaks.append(self.path)
        call = fake.shared.get(asked.get("access_key"))
        redirect = re.fullmatch(r"/calls/([^/]+)/recording/redirect", split.path)
        if redirect and call is not None and call["id"] == redirect[1]:
            self.answer(302, b"", {"Location": f"{fake.media_url}/audio/{asked['access_key']}.mp3"})
            return
        audio = re.fullmatch(r"/audio/([^/]+)\.mp3", split.path)
        call = audio and fake.shared.get(audio[1])
        if call:
            self.answer(200, fake.audio or FRAME * round(
                (call["recording_duration"] or 1) * FRAMES_A_SECOND), kind="audio/mpeg")
            return
        self.answer(404, b"<html>Not here</html>", kind="text/html")


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, handler, fake):
        super().__init__(("127.0.0.1", 0), handler)
        self.fake = fake
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class CallRail:
    serial = itertools.count(1)

    def __init__(self):
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.accounts = {}
        self.companies = set()      # those that exist without a call
        self.requests = []          # what the API was asked
        self.media_requests = []    # and the other server
        self.unknown = set()        # parameters and fields that the API does not have
        self.leaks = []             # requests for recordings that brought a key
        self.shared = {}            # access keys of recordings
        self.audio = None           # what every recording is, when it is not silence
        self.api, self.media = Server(ApiHandler, self), Server(MediaHandler, self)
        self.url, self.media_url = self.api.url, self.media.url

    def close(self):
        self.over.set()
        for account in self.accounts.values():
            account.gate.set()
        for server in (self.api, self.media):
            server.shutdown()
            server.server_close()

    # ---- what is there ----

    def account(self, zone=-8):
        """A new account."""
        made = Account(f"ACC{next(self.serial)}{secrets.token_hex(4)}", secrets.token_hex(16), zone)
        self.accounts[made.id] = made
        return made

    def call(self, account, ago=60.0, recording=True, **more):
        """A call that began so many seconds ago; its id."""
        made = Call({
            "id": f"CAL{next(self.serial)}{secrets.token_hex(5)}", "answered": True,
            "direction": "inbound", "duration": 94, "recording": None, "recording_duration": None,
            "customer_phone_number": "+13125550111", "business_phone_number": "+13125550122",
            "tracking_phone_number": "+13125550133", "customer_name": "A customer",
            "voicemail": False, "company_id": "COM1", "company_name": "Bakery", **more})
        made.began = datetime.datetime.now(account.zone) - datetime.timedelta(seconds=ago)
        made["start_time"] = made.began.isoformat(timespec="milliseconds")
        with self.lock:
            account.calls.append(made)
        if recording:
            self.record(account, made["id"])
        return made["id"]

    def find(self, account, call_id):
        return next(c for c in account.calls if c["id"] == call_id)

    def change(self, account, call_id, **more):
        with self.lock:
            self.find(account, call_id).update(more)

    def record(self, account, call_id):
        """The recording of the call has come."""
        self.change(account, call_id, recording_duration=91, recording=(
            f"{self.url}/v3/a/{account.id}/calls/{call_id}/recording"))

    def recording_url(self, account, companies, call_id):
        for call in account.calls:
            if call["id"] == call_id and call["recording"] and (
                    companies is None or call["company_id"] in companies):
                key = secrets.token_hex(12)
                self.shared[key] = call
                return f"{self.media_url}/calls/{call_id}/recording/redirect?access_key={key}"
        raise refuse(404, "Recording not found")

    # ---- what it was asked ----

    def lists(self, account, since=0):
        """Requests for lists of an account from that one on."""
        with self.lock:
            return [r for r in self.requests if r["account"] == account.id
                    and r["path"].endswith("/calls.json")][since:]

    def windows(self, account):
        """How often each page of each window was asked for."""
        return collections.Counter(tuple(r["query"].get(name) for name in (
            "start_date", "end_date", "page")) for r in self.lists(account))
