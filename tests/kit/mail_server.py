"""A mail server for tests: keeps what it is sent, as one JSON file a mail.

mail_server.py FOLDER PORT MODE [CERTIFICATE KEY]    MODE: plain, starttls, tls

Recipients that start with "never" are refused for good. Whoever signs in must be "usher" with "secret"; in mode starttls
everybody has to.
"""

import asyncio
import email
import email.policy
import json
import os
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult


class Keeper:
    def __init__(self, folder, mode):
        self.folder, self.mode = folder, mode
        self.number = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("never"):
            return "550 5.1.1 there is nobody of this name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        part = lambda kind: (lambda body: body.get_content() if body else None)(mail.get_body((kind,)))
        kept = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "subject": mail["subject"],
            "sender": mail["from"],
            "message_id": mail["message-id"],
            "auto_submitted": mail["auto-submitted"],
            "text": part("plain"),
            "html": part("html"),
            "tls": self.mode == "tls" or session.ssl is not None,
            "signed_in": session.authenticated,
        }
        self.number += 1
        path = os.path.join(self.folder, f"{os.getpid()}-{self.number:06}.json")
        with open(path + ".new", "w") as file:
            json.dump(kept, file)
        os.rename(path + ".new", path)
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    is_right = (data.login, data.password) == (b"usher", b"secret")
    return AuthResult(success=is_right, handled=False)


class Server(Controller):
    def __init__(self, handler, port, mode, context):
        self.mode, self.own_context = mode, context
        wrapped = context if mode == "tls" else None
        super().__init__(handler, hostname="127.0.0.1", port=port, ssl_context=wrapped)

    def factory(self):
        is_starttls = self.mode == "starttls"
        return SMTP(
            self.handler,
            hostname="mail.test",
            tls_context=self.own_context if is_starttls else None,
            require_starttls=is_starttls,
            auth_required=is_starttls,
            auth_require_tls=is_starttls,
            authenticator=authenticate,
        )


def main():
    folder, port, mode = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    context = None
    if mode != "plain":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(sys.argv[4], sys.argv[5])
    server = Server(Keeper(folder, mode), port, mode, context)
    server.start()
    try:
        asyncio.new_event_loop().run_forever()
    finally:
        server.stop()


main()
