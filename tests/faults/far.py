"""far.py: the way to a carrier that is far away: TLS whose handshake takes its time, in front of the
simulator. The carrier itself is as quick as ever."""

import contextlib
import selectors
import socket
import ssl
import threading
import time


def pump(one, other):
    """Both ways, until one side ends."""
    with selectors.DefaultSelector() as ready:
        ready.register(one, selectors.EVENT_READ, other)
        ready.register(other, selectors.EVENT_READ, one)
        while True:
            for key, _ in ready.select(30) or [(None, None)]:
                data = key.fileobj.recv(65536) if key else b""
                if not data:
                    return
                key.data.sendall(data)


def serve(client, context, target, seconds):
    with contextlib.suppress(OSError), contextlib.closing(client):
        time.sleep(seconds)
        with context.wrap_socket(client, server_side=True) as one, \
                socket.create_connection(target, 10) as other:
            pump(one, other)


@contextlib.contextmanager
def far_away(certificate, key, target, *seconds):
    """Gives the port on localhost. So long each connection takes, the last of these all that follow."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as door:
        def run():
            way = list(seconds)
            with contextlib.suppress(OSError):
                while True:
                    client, _ = door.accept()
                    threading.Thread(target=serve, args=(client, context, target, way[0]), daemon=True).start()
                    del way[:len(way) > 1]

        threading.Thread(target=run, daemon=True).start()
        yield door.getsockname()[1]
        door.shutdown(socket.SHUT_RDWR)
