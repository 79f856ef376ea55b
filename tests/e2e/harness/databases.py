"""Databases of a test's own in the stack's Postgres, and connections to any."""

import contextlib

import psycopg2

from harness.d003 import wait_until


def connected(dsn):
    """Each statement is a transaction."""
    connection = psycopg2.connect(dsn)
    connection.autocommit = True
    return connection


def run_on(dsn, statement):
    """Its rows, if it has any."""
    with contextlib.closing(connected(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else None


# Whether somebody waits for a lock in this database.
WAITING = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


@contextlib.contextmanager
def changing(stack, statement, *arguments):
    """A transaction that has run the statement; the block is given the means to commit it once somebody waits for it."""
    with contextlib.closing(psycopg2.connect(stack.postgres_dsn())) as other, other.cursor() as cursor:
        cursor.execute(statement, arguments)

        def commit():
            wait_until(lambda: run_on(stack.postgres_dsn(), WAITING), what="who waits behind the change")
            other.commit()

        yield commit


class Databases:
    def __init__(self, stack):
        self.stack = stack
        self.names = []

    def _as_owner_of_all(self, statement):
        run_on(self.stack.postgres_dsn("postgres"), statement)

    def new(self):
        """The name of an empty database that belongs to registrard."""
        name = f"own_{len(self.names)}"
        self._as_owner_of_all(f"create database {name} owner registrard")
        self.names.append(name)
        return name

    def renew(self, name):
        """It is as empty again as a new one."""
        self._as_owner_of_all(f"drop database {name} with (force)")
        self._as_owner_of_all(f"create database {name} owner registrard")

    def settings(self, name):
        """What makes a registrard use it."""
        return {"REGISTRARD_POSTGRES_URL": f"host={self.stack.settings['STACK_SOCKETS']} dbname={name} user=registrard"}

    def _dsn(self, name):
        return self.stack.postgres_dsn().replace("dbname=registrard", f"dbname={name}")

    def connect(self, name):
        return connected(self._dsn(name))

    def run(self, name, statement):
        """Its rows, if it has any."""
        return run_on(self._dsn(name), statement)

    def close(self):
        for name in self.names:
            self._as_owner_of_all(f"drop database {name} with (force)")
