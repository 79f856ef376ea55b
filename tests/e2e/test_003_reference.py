"""The examples of docs/api-003.md and of the README, run as they stand, answer what they say."""

import json
import pathlib
import re
import shlex
import subprocess

from harness.d003 import signature

ROOT = pathlib.Path(__file__).resolve().parents[2]
REFERENCE = (ROOT / "docs/api-003.md").read_text(encoding="utf-8")
MARK = "---- the next example ----"


def examples():
    """Pairs of a script and its answer; None for a script that only prepares."""
    blocks = re.findall(r"```(sh|json)\n(.*?)```", REFERENCE, re.S)
    pairs = []
    for language, text in blocks:
        if language == "sh":
            pairs.append([text, None])
        else:
            pairs[-1][1] = json.loads(text)
    return pairs


def run(scripts, server, stack, tmp_path):
    """One bash for all of them, as somebody who pastes them; what each printed."""
    given = f"api={shlex.quote(server.https)} var={shlex.quote(str(stack.var))} tcp={server.ports['tcp']}\n"
    text = given + f"\necho; echo '{MARK}'\n".join(scripts)
    done = subprocess.run(
        ["bash", "-u"], input=text, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return [printed.strip() for printed in done.stdout.split(MARK)]


def shape(value):
    """What of an answer must be as shown: everything but what is random in it."""
    if isinstance(value, dict):
        return {
            name: "…" if name in ("jid", "jid_pwd", "access_token") and part else shape(part)
            for name, part in value.items()
        }
    if isinstance(value, list):
        return [shape(part) for part in value]
    return value


def test_the_examples_answer_what_they_say(server, stack, tmp_path):
    pairs = examples()
    assert len([answer for _, answer in pairs if answer]) >= 9
    printed = run([script for script, _ in pairs], server, stack, tmp_path)
    for (script, answer), text in zip(pairs, printed, strict=True):
        if answer is None:
            assert text == ""
            continue
        got = json.loads(text)
        assert shape(got) == shape(answer), script
        assert list(got) == list(answer), script  # in that order


def test_every_call_has_an_example():
    scripts = "".join(script for script, _ in examples())
    for path in re.findall(r"^### `(/\w+)`", REFERENCE, re.M):
        assert path in scripts, path


def test_the_signatures_recipe_is_right():
    (recipe,) = re.findall(r"```python\n(.*?)```", REFERENCE, re.S)
    given = {}
    exec(recipe, given)  # pylint: disable=exec-used
    parameters = {"user_name": "lamp 1", "a!": "汉字&=", "nonce": "~-._", "B": ""}
    assert given["param_sign"]("secret", "/login", parameters) == signature("secret", "/login", parameters)


def test_the_first_registration_of_the_readme(server, stack, tmp_path):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"```sh\n(api=.*?)```", text, re.S)
    for line, ours in (
        ("api=https://localhost:8443", f"api={server.https}"),
        ("var/captcha.jsonl", f"{stack.var}/captcha.jsonl"),
        ("/dev/tcp/127.0.0.1/8081", f"/dev/tcp/127.0.0.1/{server.ports['tcp']}"),
    ):
        assert line in script
        script = script.replace(line, ours)
    (printed,) = run(
        [script.replace("13900001234", "13900005678").replace("lamp-1", "lamp-2")], server, stack, tmp_path
    )
    replies = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    assert len(replies) == 7
    assert all(reply["result"] == 0 for reply in replies), printed
