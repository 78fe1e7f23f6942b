"""A host on which somebody else's recordings lie: each path answers as it was told, and what was asked
for is kept."""

import http.server
import threading
import time


def wav(seconds=1):
    """Silence in a WAV file, as far as a stranger looks at it."""
    return b"RIFF\x00\x00\x00\x00WAVEfmt " + bytes(16000 * seconds)


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        host = self.server.host
        with host.lock:
            host.asked.append((self.path, dict(self.headers)))
            replies = host.replies.get(self.path.partition("?")[0], [])
            reply = replies.pop(0) if len(replies) > 1 else replies[0] if replies else {}
        status = reply.get("status", 200 if reply else 404)
        body = reply.get("body", b"")
        time.sleep(reply.get("wait", 0))
        try:
            self.send_response(status)
            for name, value in reply.get("headers", {}).items():
                self.send_header(name, value)
            if "type" in reply:
                self.send_header("Content-Type", reply["type"])
            if reply.get("endless"):
                self.end_headers()
                while not host.closed:
                    self.wfile.write(bytes(1 << 20))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            pass  # nobody waits any more


class FileHost:
    def __init__(self):
        self.lock, self.asked, self.replies, self.closed = threading.Lock(), [], {}, False
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.host = self
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def put(self, path, *replies):
        """What is answered at a path, one after the other and the last for ever: status, type, body,
        headers, wait; endless bytes. The whole URL."""
        self.replies[path] = list(replies)
        return self.url + path

    def seen(self, path):
        """How often a path was asked for."""
        return sum(1 for asked, _ in self.asked if asked.partition("?")[0] == path)

    def close(self):
        self.closed = True
        self.server.shutdown()
        self.server.server_close()
