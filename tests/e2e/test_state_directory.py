"""VAR, the state directory of the development environment: which ones are taken, and that root's hand, which gives them to
the servers' user, cannot be led elsewhere."""

import os
import pathlib
import subprocess
import tempfile

import pytest

LIB = pathlib.Path(__file__).resolve().parents[2] / "examples/dev/lib.sh"


@pytest.fixture
def place():
    """A directory that everybody reaches, and only we write to."""
    with tempfile.TemporaryDirectory(prefix="registrard-place-", dir="/tmp") as name:
        os.chmod(name, 0o755)
        yield pathlib.Path(name)


def open_var(var, meanwhile=""):
    """var_open, with shell functions that stand in for what somebody else does meanwhile."""
    script = f'set -euo pipefail; . "$1"; {meanwhile}\nvar_open "$2"'
    return subprocess.run(["bash", "-c", script, "bash", str(LIB), str(var)], capture_output=True, text=True, timeout=20,
                          check=False)


def assert_refused(done, reason):
    assert done.returncode == 1, done
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: ") and reason in lines[0], done.stderr


def is_furnished(var):
    return (var / ".registrard").exists() and (var / "secrets").is_dir() and var.stat().st_mode & 0o777 == 0o700


def test_a_new_one_is_made_and_taken_again(place):
    for _ in range(2):
        done = open_var(place / "a/b/var")
        assert done.returncode == 0, done.stderr
        assert is_furnished(place / "a/b/var")


def test_an_empty_one_is_taken(place):
    (place / "var").mkdir(0o755)
    assert open_var(place / "var").returncode == 0
    assert is_furnished(place / "var")


def test_what_holds_something_else_is_not(place):
    (place / "file").write_text("mine")
    assert_refused(open_var(place), "holds something else")


def test_where_everybody_may_replace_it_it_is_refused(place):
    place.chmod(0o777)
    for var in (place / "var", place / "a/b/var"):
        assert_refused(open_var(var), "every user may replace it")
    assert not list(place.iterdir())
    (place / "var").mkdir()
    assert_refused(open_var(place / "var"), "every user may replace it")
    assert (place / "var").stat().st_uid == os.geteuid()
    place.chmod(0o1777)  # as /tmp is
    assert open_var(place / "var").returncode == 0


@pytest.fixture
def target(place):
    """An empty directory of ours: what an attacker would like to be given."""
    path = place / "target"
    path.mkdir()
    path.chmod(0o755)
    yield path
    found = path.stat()
    assert (found.st_uid, found.st_mode & 0o7777) == (os.geteuid(), 0o755)
    assert not list(path.iterdir())


SWAP = 'swap() {{ mv "$VAR" "$VAR.old" && ln -s "{}" "$VAR"; }};'


@pytest.mark.parametrize("moment", [
    'cd() { swap; builtin cd "$@"; }',
    'ls() { [ "$PWD" = "$VAR" ] || swap; command ls "$@"; }',
])
def test_one_that_is_replaced_before_it_is_entered(place, target, moment):
    done = open_var(place / "var", SWAP.format(target) + moment)
    assert_refused(done, "was replaced")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives it away")
def test_one_that_is_replaced_afterwards(place, target):
    """What is given away is what was looked at, wherever it lies now; the link is found not to be the servers' user's."""
    done = open_var(place / "var", SWAP.format(target) + 'chmod() { swap; command chmod "$@"; }')
    assert_refused(done, "cannot reach")
    given = (place / "var.old").stat()
    assert given.st_uid != 0 and given.st_mode & 0o777 == 0o700


@pytest.fixture
def taken(place):
    """One that is the servers' user's, who may write anything there."""
    assert open_var(place / "var").returncode == 0
    return place / "var"


def settings_of(var, then):
    script = 'set -euo pipefail; here=$1; . "$1/lib.sh"; var_open "$2"; services=(prosody); '
    return subprocess.run(["bash", "-c", script + "STACK=$(bash \"$here/stack.sh\" settings \"$VAR\" prosody); " + then, "bash",
                           str(LIB.parent), str(var)], capture_output=True, text=True, timeout=20, check=False)


def test_what_it_says_of_its_servers_is_not_run(place, taken):
    """Neither as a command nor as what each later program loads."""
    sign = place / "sign"
    (taken / "ports").write_text(f"component=1\ncomponent=LD_PRELOAD=/x.so\ncomponent=REGISTRARD_A[$(touch {sign})]=1\n")
    done = settings_of(taken, 'REGISTRARD_POSTGRES_URL=x; adopt_settings; printf "%s\n" "${LD_PRELOAD:-none}"')
    assert (done.returncode, done.stdout) == (0, "none\n"), done
    assert not sign.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="for others there is nothing that the servers' user may not read")
@pytest.mark.parametrize("name", ["ports", "secrets/component"])
def test_a_link_in_it_is_not_followed_by_root(place, taken, name):
    secret = place / "secret"
    secret.write_text("component=12345\n")  # as good as any
    secret.chmod(0o600)
    (taken / name).unlink(missing_ok=True)
    (taken / name).symlink_to(secret)
    script = ('set -euo pipefail; here=$1; for part in lib process prosody; do . "$here/$part.sh"; done; var_open "$2"; '
              'port_answers() { return 1; }; process_start() { :; }; sockets_open; echo "$SOCKETS"; prosody_start; '
              'port_keep client; cat "$VAR/ports" "$VAR/prosody/prosody.cfg.lua"')
    done = subprocess.run(["bash", "-c", script, "bash", str(LIB.parent), str(taken)], capture_output=True, text=True,
                          timeout=20, check=False)
    assert "12345" not in done.stdout, done
