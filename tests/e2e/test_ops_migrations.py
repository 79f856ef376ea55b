"""Migrations by `--migrate` and at start: numbered, checksummed, transactional, one at a time; a newer schema does
not stop an older registrard."""

import concurrent.futures
import contextlib
import signal
import subprocess

import pytest

from harness.calls import DEVICE
from harness.d003 import wait_until
from harness.databases import WAITING, Databases


@pytest.fixture
def databases(stack):
    one = Databases(stack)
    yield one
    one.close()


@pytest.fixture
def empty(databases):
    """A database without a schema: its name."""
    return databases.new()


@pytest.fixture
def migrate(server, databases):
    return lambda name: server.command("--migrate", changed=databases.settings(name))


def versions(databases, name):
    return databases.run(name, "select version, checksum from schema_versions order by version")


def tables(databases, name):
    rows = databases.run(name, "select tablename from pg_tables where schemaname = 'public'")
    return {row[0] for row in rows}


def test_by_hand_and_once(migrate, databases, empty, server):
    done = migrate(empty)
    assert done.returncode == 0 and "event=migrated version=1" in done.stderr, done
    first = versions(databases, empty)
    assert [number for number, _ in first] == list(range(1, len(first) + 1))
    assert {"accounts", "bindings", "outbox"} <= tables(databases, empty)
    done = migrate(empty)
    assert done.returncode == 0 and "event=migrated" not in done.stderr
    assert versions(databases, empty) == first
    server.restart({**databases.settings(empty), "REGISTRARD_SERVER_MIGRATE": "false"})


def test_at_start_when_allowed(server, databases, empty, calls):
    server.restart({**databases.settings(empty), "REGISTRARD_SERVER_MIGRATE": "true"})
    assert versions(databases, empty)
    calls.new_account(DEVICE)


def test_several_at_once(migrate, databases, empty):
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        done = list(pool.map(migrate, [empty] * 6))
    assert [one.returncode for one in done] == [0] * 6, done
    assert sum("event=migrated version=1" in one.stderr for one in done) == 1
    assert len(versions(databases, empty)) == len({number for number, _ in versions(databases, empty)})


def test_one_that_was_changed_after_it_ran(migrate, databases, empty, server, expected_errors):
    assert migrate(empty).returncode == 0
    databases.run(empty, "update schema_versions set checksum = repeat('0', 64) where version = 1")
    done = migrate(empty)
    assert done.returncode == 7 and "event=migration_changed version=1" in done.stderr
    expected_errors += ["event=migration_changed", "event=start_failed"]
    for allowed in ("true", "false"):
        done = server.command(changed={**databases.settings(empty), "REGISTRARD_SERVER_MIGRATE": allowed,
                                       "REGISTRARD_OPS_PORT": "0"})
        assert done.returncode == 7 and "event=migration_changed" in done.stderr, done


def test_a_newer_schema_is_accepted(migrate, databases, empty, server, calls):
    """Each version runs on the schema before and after its own migration."""
    assert migrate(empty).returncode == 0
    databases.run(empty, "insert into schema_versions (version, checksum) values (9999, 'of the future')")
    assert migrate(empty).returncode == 0
    server.restart(databases.settings(empty))
    calls.new_account(DEVICE)


@contextlib.contextmanager
def held_up(databases, name):
    """While it lasts, a migration of this database waits inside its transaction. What is yielded says whether one does."""
    databases.run(name, "drop schema public cascade; create schema public")
    databases.run(name, "create table schema_lock (one boolean primary key check (one)); "
                        "insert into schema_lock values (true)")
    holder = databases.connect(name)
    holder.autocommit = False
    with holder.cursor() as cursor:
        cursor.execute("select one from schema_lock for update")
    try:
        yield lambda: databases.run(name, WAITING)
    finally:
        holder.rollback()
        holder.close()


def test_killed_in_the_middle(migrate, server, databases, empty):
    """Nothing of it is left; the next one does it all."""
    assert migrate(empty).returncode == 0
    with held_up(databases, empty) as waits, subprocess.Popen(
            [str(server.binary), "--migrate"], env=server.environment(databases.settings(empty)),
            cwd=server.stack.var, stderr=subprocess.DEVNULL, **server.stack.as_user()) as process:
        wait_until(waits, what="the migration waiting")
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert "accounts" not in tables(databases, empty)
    assert migrate(empty).returncode == 0
    assert "accounts" in tables(databases, empty)


def test_readiness_asks_nothing_of_a_schema_that_is_not_there(migrate, server, databases, empty):
    assert migrate(empty).returncode == 0
    server.stop()
    mark = server.log.mark()
    with held_up(databases, empty) as waits:
        server.start({**databases.settings(empty), "REGISTRARD_SERVER_MIGRATE": "true"}, wait=False)
        wait_until(waits, what="the migration waiting")
        status, text = server.get_ops("/readyz")
        assert status == 503 and "starting" in text, text
    server.wait_ready()
    assert "event=postgres_refused" not in server.log.text(mark)


def test_without_postgres(migrate, stack, empty):
    stack.kill("postgres")
    done = migrate(empty)
    stack.start("postgres")
    assert done.returncode == 7 and "event=migration_failed" in done.stderr, done
