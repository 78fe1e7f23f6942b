"""A call backend of somebody else's, for the tests of negotiations."""

import http.server
import json
import threading

KEY = "the-key-of-the-backend"


class Backend:
    """Keeps what it is asked and answers as it is told."""

    def __init__(self):
        self.asked, self.answers, self.wait, self.port = [], [], 0, 0
        self.open()

    def open(self):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.asked.append((self.path, dict(self.headers), json.loads(body)))
                threading.Event().wait(outer.wait)
                self.send_response(outer.answers.pop(0) if outer.answers else 200)
                self.end_headers()

            do_PATCH = do_POST

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
