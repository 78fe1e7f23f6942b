"""lossy.py: a database whose answers get lost: what is asked arrives and is done, and then the connection is
gone."""

import contextlib
import pathlib
import selectors
import socket
import tempfile
import threading
import urllib.parse

PORT = 5432


def pump(client, server, statement, lost, most):
    """Both ways. Once a statement of that name has been answered, and at most so often, neither side hears of
    the other again."""
    asked = False
    with selectors.DefaultSelector() as ready:
        ready.register(client, selectors.EVENT_READ)
        ready.register(server, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select(60):
                data = key.fileobj.recv(65536)
                if not data:
                    return
                if key.fileobj is client:
                    asked = asked or statement in data
                    server.sendall(data)
                elif asked and len(lost) < most:
                    lost.append(statement)
                    return
                else:
                    asked = False
                    client.sendall(data)


def serve(client, address, *rest):
    with contextlib.suppress(OSError), contextlib.closing(client), \
            socket.socket(socket.AF_UNIX) as server:
        server.connect(address)
        pump(client, server, *rest)


@contextlib.contextmanager
def database(url, statement, most):
    """Gives the URL of the same database by the lossy way, and the list of what was lost: at most so many
    answers to the prepared statement of that name."""
    parts = urllib.parse.urlsplit(url)
    [behind] = urllib.parse.parse_qs(parts.query)["host"]
    lost = []
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as door:
        name = f".s.PGSQL.{PORT}"
        pathlib.Path(folder).chmod(0o755)
        door.bind(f"{folder}/{name}")
        pathlib.Path(folder, name).chmod(0o777)
        door.listen()

        def run():
            with contextlib.suppress(OSError):
                while True:
                    client, _ = door.accept()
                    threading.Thread(target=serve, daemon=True,
                                     args=(client, f"{behind}/{name}", statement, lost, most)).start()

        threading.Thread(target=run, daemon=True).start()
        yield parts._replace(query=f"host={folder}").geturl(), lost
        door.shutdown(socket.SHUT_RDWR)
