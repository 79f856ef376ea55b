"""docs/commands.md against the commands: the table of commands with their fields, the defaults of the settings."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
SETTINGS = (ROOT / "component/settings.def").read_text(encoding="utf-8")
SOURCES = {path.name: path.read_text(encoding="utf-8") for path in sorted((ROOT / "component/commands").glob("*.c"))}
CODE = "\n".join(SOURCES.values())


def kinds():
    """Node to the source file it is in and the name of its decoder, in the order of the files."""
    found = {}
    for name, source in SOURCES.items():
        for body in re.findall(r"const struct command_kind command_\w+ = \{(.*?)\};", source, re.S):
            node = re.search(r'\.node = "(\w+)"', body)[1]
            found[node] = (name, re.search(r"\.decode = (\w+)", body)[1])
    return found


def test_every_command_is_offered_and_described_with_its_fields():
    table = re.search(r"kinds\[\] = \{(.*?)\};", CODE, re.S)[1]
    assert set(re.findall(r"&command_(\w+)", table)) == set(kinds())
    described = {node: set(re.findall(r"`([\w-]+)`", form)) for node, form in re.findall(r"^\| `(\w+)` \| ([^|]*)\| [^|]+\|$", PAGE, re.M)}
    read = {}
    for node, (name, decode) in kinds().items():
        body = re.search(rf"^static enum err {decode}\([^;]*?\)\n\{{\n.*?\n\}}", SOURCES[name], re.M | re.S)[0]
        read[node] = set(re.findall(r'command_(?:value|local)\((?:config, )?request, "(\w+)"', body))
    assert described == read


def test_fields_that_are_shown_are_those_that_are_read():
    shown = set(re.findall(r'\.name = "(\w+)",\s*\.type = "(?:list|text)-single",\s*\.label = "[^"]+"(?!, \.value)', CODE))
    read = set(re.findall(r'command_(?:value|local)\((?:config, )?request, "(\w+)"', CODE))
    assert read <= shown | {"code"}


def test_defaults_are_the_settings_own():
    defaults = {f"{group}.{key}": value for group, key, value in re.findall(r'^SETTING\((\w+), (\w+), \w+, "([^"]*)"', SETTINGS, re.M)}
    described = dict(re.findall(r"^\| `(\w+\.\w+)` \| (\S+) \|", PAGE, re.M))
    for name, value in described.items():
        assert defaults[name] == value, name
    assert {name for name in defaults if name.startswith("commands.")} == set(described) | set(re.findall(r"`(commands\.register_\w+)`", PAGE))
    for limit, text in (("PART_OF_ONE", r"1/(\d+) of them, or \d, of one account"), ("OF_ONE_LEAST", r"of them, or (\d), of one account"),
                        ("COMMAND_ROWS_MAX", r"hold (\d+) entries")):
        value = re.search(rf"\b{limit} = (\d+)", CODE + (ROOT / "component/commands/command_kind.h").read_text(encoding="utf-8"))[1]
        assert re.search(text, PAGE)[1] == value
