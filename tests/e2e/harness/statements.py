"""What registrard asks of Postgres, from the server's own log: for tests that count."""

import collections
import re

import psycopg2

EXECUTED = re.compile(r"LOG:  (?:execute (\w+)(?:/\w+)?|statement): (.*)")


class Statements:
    """`with Statements(stack) as said:` — afterwards said.counted is a Counter of statements, by the names that sql/ gives
    them (what has no name by its text)."""

    def __init__(self, stack):
        self.stack = stack
        self.path = stack.var / "log/postgres.log"
        self.counted = collections.Counter()

    def _log(self, what):
        connection = psycopg2.connect(self.stack.postgres_dsn("postgres"))
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"alter system set log_statement = '{what}'")
            cursor.execute("select pg_reload_conf()")
        connection.close()
        with psycopg2.connect(self.stack.postgres_dsn("postgres")) as fresh, fresh.cursor() as cursor:
            cursor.execute("show log_statement")  # sessions that are there take it over before their next statement
            assert cursor.fetchone()[0] == what

    def __enter__(self):
        self._log("all")
        self.begun = self.path.stat().st_size
        return self

    def __exit__(self, *_):
        with open(self.path, encoding="utf-8", errors="replace") as log:
            log.seek(self.begun)
            for line in log:
                if found := EXECUTED.search(line):
                    self.counted[found[1] or found[2].strip()] += 1
        self._log("none")
