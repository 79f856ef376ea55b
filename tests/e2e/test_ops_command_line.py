"""registrard's command line as an operator uses it: --check-config, --dump-config, --example-config, and what refuses
to start."""

import pytest

ALL_IN_ORDER = "The configuration is in order.\n"


@pytest.fixture
def write(stack):
    """A configuration file that registrard's user can read."""

    def make(text):
        path = stack.var / "own.conf"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o644)
        return str(path)

    yield make
    (stack.var / "own.conf").unlink(missing_ok=True)


def mistakes(done):
    assert done.returncode == 1, done
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_check_config_says_that_all_is_in_order(server, write):
    done = server.command("--check-config")
    assert (done.returncode, done.stdout, done.stderr) == (0, ALL_IN_ORDER, "")
    path = write("# nothing but a comment\n[log]\nlevel = warn\n")
    assert server.command("--config", path, "--check-config").stdout == ALL_IN_ORDER


def test_check_config_names_file_line_and_key_of_each_mistake(server, write):
    path = write("[http]\nport = 70000\n\n[xmpp]\nhots = localhost\n[nonsense]\nkey = 1\n[tokens]\nlifetime = 30\n")
    named = [line.split(": ")[:2] for line in mistakes(
        server.command("--config", path, "--check-config", changed={"REGISTRARD_HTTP_PORT": None}))]
    assert named == [
        [f"{path}:5", "[xmpp] hots"], [f"{path}:6", "unknown section nonsense"], [f"{path}:2", "[http] port"],
        [f"{path}:9", "[tokens] lifetime"]]


def test_the_same_mistakes_keep_it_from_starting(server, write):
    path = write("[http]\nbody_timeout = soon\n")
    for arguments in (["--config", path], ["--config", path, "--migrate"], ["--config", path, "--dump-config"]):
        assert mistakes(server.command(*arguments))[0].startswith(f"{path}:2: [http] body_timeout: ")


def test_unknown_variables_are_refused(server):
    unknown = {"REGISTRARD_HTTP_PROT": "1", "REGISTRARD_NONSENSE": "x"}
    lines = mistakes(server.command("--check-config", changed=unknown))
    assert sorted(lines) == ["environment: REGISTRARD_HTTP_PROT: unknown variable",
                             "environment: REGISTRARD_NONSENSE: unknown variable"]


def test_the_environment_stands_above_the_file(server, write):
    path = write("[log]\nlevel = error\n")
    assert "\nlevel = debug\n" in server.command(
        "--config", path, "--dump-config", changed={"REGISTRARD_LOG_LEVEL": "debug"}).stdout
    assert "\nlevel = error\n" in server.command("--config", path, "--dump-config").stdout


def test_production_refuses_what_is_for_development(server, stack):
    """The very settings that the development environment runs with."""
    production = {"REGISTRARD_SERVER_PROFILE": "production", "REGISTRARD_XMPP_SECRET_FILE": None,
                  "REGISTRARD_XMPP_SECRET": "development-canary"}
    lines = mistakes(server.command("--check-config", changed=production))
    for name in ("SERVER_STATE_DIR", "XMPP_SECRET", "KEYS_SEAL", "PASSWORD_MEMORY", "PASSWORD_PASSES"):
        assert any(line.startswith(f"environment: REGISTRARD_{name}") for line in lines), lines
    assert "canary" not in "".join(lines)
    assert (stack.var / "secrets/seal").read_text(encoding="ascii").strip() not in "".join(lines)
    assert mistakes(server.command(changed=production)) == lines  # and it does not start either


def test_a_dump_shows_no_secret(server):
    changed = {"REGISTRARD_D003_APP_SECRETS": "app:canary-of-an-application",
               "REGISTRARD_XMPP_API_SECRET": "canary-of-the-api"}
    done = server.command("--dump-config", changed=changed)
    assert done.returncode == 0 and "canary" not in done.stdout + done.stderr
    assert "app_secrets = (set)" in done.stdout


def test_the_printed_example_can_be_used(server, write):
    example = server.command("--example-config").stdout
    assert "[xmpp]" in example
    assert server.command("--config", write(example), "--check-config").stdout == ALL_IN_ORDER


def test_usage(server):
    assert server.command("--help").stdout.startswith("usage: registrard")
    assert server.command("--version").stdout.startswith("registrard ")
    for wrong in (["--nonsense"], ["more"], ["--migrate", "--check-config"], ["--config"]):
        done = server.command(*wrong)
        assert done.returncode == 2 and "usage: registrard" in done.stderr, done
