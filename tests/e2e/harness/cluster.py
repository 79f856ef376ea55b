"""Postgres clusters of a test's own, beside the stack's: a primary and what is copied from it."""

import shutil
import signal
import subprocess

import psycopg2

from harness.d003 import wait_until
from harness.databases import connected, run_on

PROGRAMS = "/usr/lib/postgresql/15/bin"


class Cluster:
    """In the stack's directory, reached by a socket of its own, by the servers' user and whoever runs the tests."""

    def __init__(self, stack, name):
        self.stack = stack
        self.name = name
        self.data = stack.var / name
        self.sockets = stack.var / f"{name}.sockets"
        self.sockets.mkdir(mode=0o700)
        shutil.chown(self.sockets, stack.user, stack.user)
        self.process = None

    def _run(self, program, *arguments):
        done = subprocess.run([f"{PROGRAMS}/{program}", *arguments], cwd=self.stack.var, capture_output=True, text=True,
                              timeout=60, check=False, **self.stack.as_user())
        assert done.returncode == 0, f"{program}: {done.stderr}"

    def make(self, *settings):
        """Runs, with an empty database of registrard's; `settings` are lines of its configuration."""
        self._run("initdb", "-D", str(self.data), "-U", "postgres", "-A", "peer", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        users = {self.stack.user, "root"}
        self._write("pg_ident.conf", "".join(f"own {one} {role}\n" for one in users for role in ("postgres", "registrard")))
        self._write("pg_hba.conf", "local all all peer map=own\nlocal replication all peer map=own\n")
        self.configure(*settings)
        self.start()
        self.run("create role registrard login")
        self.run("create database registrard owner registrard")
        return self

    def _write(self, file, text):
        (self.data / file).write_text(text, encoding="ascii")
        shutil.chown(self.data / file, self.stack.user, self.stack.user)

    def configure(self, *settings):
        """Before a start."""
        with open(self.data / "postgresql.auto.conf", "a", encoding="ascii") as file:
            file.writelines(f"{one}\n" for one in settings)

    def start(self):
        with open(self.stack.var / "log" / f"{self.name}.log", "ab") as log:
            self.process = subprocess.Popen(  # pylint: disable=consider-using-with
                [f"{PROGRAMS}/postgres", "-D", str(self.data), "-k", str(self.sockets), "-c", "listen_addresses=",
                 "-c", "fsync=off"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **self.stack.as_user())
        wait_until(self._answers, 30, f"{self.name} to answer")

    def _answers(self):
        assert self.process.poll() is None, f"{self.name} ended; see its log"
        try:
            self.run("select 1")
        except psycopg2.OperationalError:
            return False
        return True

    def kill(self):
        """SIGKILL; its children end when they see that it is gone."""
        self.process.kill()
        self.process.wait(10)

    def stop(self):
        """An orderly end that waits for nobody, if it runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(30)

    def discard(self):
        self.stop()
        for folder in (self.data, self.sockets):
            shutil.rmtree(folder, ignore_errors=True)

    def dsn(self, user="registrard"):
        return f"host={self.sockets} dbname={'registrard' if user == 'registrard' else 'postgres'} user={user}"

    def connect(self):
        return connected(self.dsn())

    def run(self, statement, user="postgres"):
        """Its rows, if it has any."""
        return run_on(self.dsn(user), statement)

    def copy(self, name, *options):
        """A base backup, as a cluster of its own that does not run yet."""
        one = Cluster(self.stack, name)
        self._run("pg_basebackup", "-h", str(self.sockets), "-U", "postgres", "-D", str(one.data), "-c", "fast", "--no-sync",
                  *options)
        return one

    def standby(self, name):
        """Runs, and has all that was committed."""
        one = self.copy(name, "-R", "-X", "stream")
        one.start()
        self.wait_replayed()
        return one

    def wait_replayed(self):
        """The standby has what is committed so far."""
        here = self.run("select pg_current_wal_lsn()")[0][0]
        wait_until(lambda: self.run(f"select 1 from pg_stat_replication where replay_lsn >= '{here}'"), 20, "the standby")

    def promote(self):
        assert self.run("select pg_promote(true, 30)") == [(True,)]
