"""An installation of a test file's own, for what would leave others unusable ones: its servers, one registrard, clients."""

import contextlib
import shutil
import subprocess

from harness.administrator import administrator
from harness.calls import Calls, answers_of
from harness.ctl import Ctl
from harness.databases import connected
from harness.http_client import Http
from harness.link import Link
from harness.process import Registrard
from harness.stack import Stack
from harness.xmpp_client import XmppClients


class Installation:
    """`settings` are in force in each of its registrard's lives."""

    def __init__(self, settings):
        self.stack = Stack()
        self.clients = self.server = self.link = self.db = None
        try:
            self.stack.open()
            self.link = Link(self.stack)
            self.server = Registrard(self.stack, self.link.settings, settings=settings)
            self.server.start()
            self.ctl = Ctl(self.server)
            self.clients = XmppClients(
                self.stack.client_address, self.stack.certificate if self.stack.owns_xmpp else None)
            self.db = connected(self.stack.postgres_dsn())
            self.calls = Calls(Http(self.server.ports, self.stack.certificate), answers_of(self.stack))
        except BaseException:
            self.close()
            raise

    def close(self):
        for one in (self.db, self.clients, self.link):
            if one is not None:
                one.close()
        try:
            if self.server is not None:
                self.server.stop()
        finally:
            self.stack.close()

    # Postgres

    def rows(self, statement, *values):
        with self.db.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def one(self, statement, *values):
        return self.rows(statement, *values)[0][0]

    # The XMPP server

    @contextlib.contextmanager
    def administrator(self):
        """See harness/administrator.py; registrard is ready again afterwards."""
        with administrator(self.stack, self.link) as one:
            self.server.wait_not_ready()
            yield one
        self.server.wait_ready()

    def client(self, account, wait=True):
        return self.clients.connect(account.jid, account.jid_password, wait)

    def shown(self, account):
        """What the server has in its roster, by JID: subscription, name, groups; None when it does not take its password."""
        client = self.client(account, wait=False)
        try:
            client.wait(lambda: client.online or client.refused, what="an answer to the password")
            return client.wait_fetched_roster() if client.online else None
        finally:
            client.close()

    def roster(self, account):
        """The same of an account that has a JID."""
        shown = self.shown(account)
        assert shown is not None, f"{account.name}: the server does not take the password"
        return shown

    def exists(self, account):
        return self.shown(account) is not None

    def save(self, name):
        """What the server has on its disk."""
        saved = self._saved(name)
        shutil.rmtree(saved, ignore_errors=True)
        self.stack.down(self.stack.xmpp)
        self.server.wait_not_ready()
        subprocess.run(["cp", "-a", str(self._home()), str(saved)], check=True)
        self.stack.start(self.stack.xmpp)

    def load(self, name):
        """It is killed, and has again what it had then."""
        self.stack.kill(self.stack.xmpp)
        self.server.wait_not_ready()
        shutil.rmtree(self._home())
        subprocess.run(["cp", "-a", str(self._saved(name)), str(self._home())], check=True)
        self.stack.start(self.stack.xmpp)

    def _home(self):
        return self.stack.var / self.stack.xmpp

    def _saved(self, name):
        return self.stack.var / f"saved-{name}"
