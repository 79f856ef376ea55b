"""Databases of a test's own in the stack's Postgres."""

import contextlib

import psycopg2


class Databases:
    def __init__(self, stack):
        self.stack = stack
        self.names = []

    @contextlib.contextmanager
    def _as_owner_of_all(self):
        connection = psycopg2.connect(self.stack.postgres_dsn("postgres"))
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()

    def new(self):
        """The name of an empty database that belongs to registrard."""
        name = f"own_{len(self.names)}"
        with self._as_owner_of_all() as cursor:
            cursor.execute(f"create database {name} owner registrard")
        self.names.append(name)
        return name

    def renew(self, name):
        """It is as empty again as a new one."""
        with self._as_owner_of_all() as cursor:
            cursor.execute(f"drop database {name} with (force)")
            cursor.execute(f"create database {name} owner registrard")

    def settings(self, name):
        """What makes a registrard use it."""
        return {"REGISTRARD_POSTGRES_URL": f"host={self.stack.settings['STACK_SOCKETS']} dbname={name} user=registrard"}

    def connect(self, name):
        connection = psycopg2.connect(self.stack.postgres_dsn().replace("dbname=registrard", f"dbname={name}"))
        connection.autocommit = True
        return connection

    def run(self, name, statement):
        """Its rows, if it has any."""
        connection = self.connect(name)
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else None
        finally:
            connection.close()

    def close(self):
        with self._as_owner_of_all() as cursor:
            for name in self.names:
                cursor.execute(f"drop database {name} with (force)")
