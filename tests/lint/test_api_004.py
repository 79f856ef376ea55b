"""docs/api-004.md against the tables it describes: routes, members, messages, defaults."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
REFERENCE = (ROOT / "docs/api-004.md").read_text(encoding="utf-8")
DIALECT = (ROOT / "http/dialects/d004.c").read_text(encoding="utf-8")
SETTINGS = (ROOT / "component/settings.def").read_text(encoding="utf-8")
WORDS = {"render_step_1": "step_1_words", "render_step_2": "step_2_words", "render_step_3": "step_3_words",
         "render_step_4": "step_4_words", "render_login": "login_words"}


def calls():
    """Path to the text of its section."""
    parts = re.split(r"^### `(/\S+)`$", REFERENCE.split("## Settings")[0], flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def routes():
    """Path to methods, decoder and renderer, in the table's words."""
    table = re.search(r"struct route routes\[\] = \{(.*?)\};", DIALECT, re.S).group(1)
    return {row[0]: row[1:] for row in re.findall(r'\{"([^"]+)", (\w+), \w+, &\w+, (\w+), (\w+)\}', table)}


def test_every_call_is_described_with_its_method():
    assert len(routes()) == 5
    assert {path: "METHOD_" + text.strip().split(".")[0] for path, text in calls().items()} == {
        path: row[0] for path, row in routes().items()}


def test_every_message_of_every_call_is_described():
    for path, (_, _, render) in routes().items():
        table = re.search(rf"{WORDS[render]}\[\] = \{{(.*?)\}};", DIALECT, re.S).group(1)
        own = {("1" if err == "OK" else "0", message) for err, message in re.findall(r'\{(\w+), "([^"]+)"\}', table)}
        described = set(re.findall(r"^\| ([01]) \| ([^|*]+) \|", calls()[path], re.M))
        assert described == own, path


def test_every_member_is_described_where_it_is_read():
    for path, (_, decode, _) in routes().items():
        body = re.search(rf"enum err {decode}\(.*?\n\}}", DIALECT, re.S).group(0)
        read = set(re.findall(r'text\(request, "(\w+)"\)', body)) | {"phone_number"}
        read |= {"validate_number"} if "code_of(" in body else set()
        for name in read:
            assert f"`{name}`" in calls()[path], (path, name)


def test_defaults_are_the_settings_own():
    defaults = {f"{group}.{key}": value for group, key, value in re.findall(r'^SETTING\((\w+), (\w+), \w+, "([^"]*)"', SETTINGS, re.M)}
    for page in ("api-004.md", "logins.md"):
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        described = dict(re.findall(r"^\| `(\w+\.\w+)` \| (\S+) \|", text, re.M))
        assert len(described) >= 4
        for name, value in described.items():
            assert defaults[name] == value, name
    assert {name for name in defaults if name.startswith("d004.")} <= set(re.findall(r"`(d004\.\w+)`", REFERENCE))
