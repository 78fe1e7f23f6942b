"""A mail server: Debian's aiosmtpd, which speaks the protocol, keeps what it is given, and fails as it is told."""

import asyncio
import collections
import email
import email.policy
import logging
import ssl
import subprocess
import threading

from aiosmtpd.smtp import SMTP, AuthResult

logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # it tells of each that hangs up
STEPS = ("greeting", "MAIL", "RCPT", "text")


def certificate(folder, name="localhost"):
    """A certificate that signs itself, and its key: two paths in the folder (a pathlib.Path)."""
    paths = str(folder / "mail.pem"), str(folder / "mail.key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext",
                    f"subjectAltName=DNS:{name}", "-out", paths[0], "-keyout", paths[1]],
                   check=True, capture_output=True)
    return paths


class Mail:
    """One that was taken."""

    def __init__(self, server, session, envelope):
        self.sender, (self.recipient,) = envelope.mail_from, envelope.rcpt_tos
        self.bytes = envelope.original_content
        self.hello = session.host_name
        self.encrypted = server.transport.get_extra_info("ssl_object") is not None
        self.login = session.auth_data

    @property
    def message(self):
        return email.message_from_bytes(self.bytes, policy=email.policy.default)

    @property
    def id(self):
        return self.message["Message-ID"]


class Conversation(SMTP):
    async def _handle_client(self):
        reply = self.kit.reply("greeting", None)
        if reply == "stall":
            await self.kit.stalled()
        elif reply and reply != "drop":
            await self.push(reply)
        if reply:
            return self.transport.close()
        return await super()._handle_client()


class Handler:
    def __init__(self, kit):
        self.kit = kit

    async def answer(self, server, step, recipient, usual):
        reply = self.kit.reply(step, recipient)
        if reply == "stall":
            await self.kit.stalled()
        if reply in ("stall", "drop"):
            server.transport.abort()
            return "421 gone"
        return reply or usual

    async def handle_MAIL(self, server, session, envelope, address, options):
        reply = await self.answer(server, "MAIL", None, "250 OK")
        if reply.startswith("2"):
            envelope.mail_from = address
        return reply

    async def handle_RCPT(self, server, session, envelope, address, options):
        reply = await self.answer(server, "RCPT", address, "250 OK")
        if reply.startswith("2"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server, session, envelope):
        mail = Mail(server, session, envelope)
        with self.kit.lock:
            self.kit.seen.append(mail)
        reply = await self.answer(server, "text", mail.recipient, "250 OK")
        if reply.startswith("2"):
            with self.kit.lock:
                self.kit.mails.append(mail)
        return reply


class MailServer:
    """Listens on a port of loopback. With tls (certificate, key): offers STARTTLS, or speaks TLS at
    once (implicit). With login (user, password): offers AUTH, in clear text too, and takes no mail
    without. mails: what it has taken; seen: also those whose text came and was not taken."""

    def __init__(self, tls=None, implicit=False, login=None):
        self.lock = threading.Lock()
        self.mails, self.seen = [], []
        self.replies = collections.defaultdict(list)
        self.connections = 0
        self.login = login
        self.context = None
        if tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*tls)
        self.implicit = implicit
        self.loop = asyncio.new_event_loop()
        self.waiting = asyncio.Event()
        self.server = self.loop.run_until_complete(self.loop.create_server(
            self.conversation, "127.0.0.1", 0, ssl=self.context if implicit else None))
        self.port = self.server.sockets[0].getsockname()[1]
        self.url = f"{'smtps' if implicit else 'smtp'}://localhost:{self.port}"
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def conversation(self):
        with self.lock:
            self.connections += 1
        made = Conversation(
            Handler(self), hostname="mail.test", loop=self.loop, timeout=60, enable_SMTPUTF8=False,
            tls_context=None if self.implicit else self.context,
            authenticator=self.judge if self.login else None,
            auth_exclude_mechanism=() if self.login else ("LOGIN", "PLAIN"),
            auth_required=bool(self.login), auth_require_tls=False)
        made.kit = self
        return made

    def judge(self, server, session, envelope, mechanism, data):
        given = data.login.decode(), data.password.decode()
        return AuthResult(success=given == self.login, handled=False, auth_data=given[0])

    def say(self, step, *replies, to=None):
        """What is answered at a step (STEPS), one after the other and then no more: a reply such as
        "451 later", "drop" (hangs up), or "stall" (says nothing, until release()). "text" is what
        follows the mail's last dot. With a recipient only to mails for him."""
        assert step in STEPS
        with self.lock:
            self.replies[step, to].extend(replies)

    def reply(self, step, recipient):
        with self.lock:
            for key in ((step, recipient), (step, None)):
                if self.replies[key]:
                    return self.replies[key].pop(0)
        return None

    async def stalled(self):
        await self.waiting.wait()

    def release(self):
        """Ends what stalls, by hanging up."""
        self.loop.call_soon_threadsafe(self.waiting.set)

    def taken(self, recipient):
        with self.lock:
            return [mail for mail in self.mails if mail.recipient == recipient]

    def close(self):
        async def end():
            self.waiting.set()
            self.server.close()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()

        asyncio.run_coroutine_threadsafe(end(), self.loop).result(20)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(20)
        self.loop.close()
