"""Who may include what: the table of docs/architecture.md, kept true over the #include lines.

A request goes one way through the layers, so a layer sees only what lies below it, and a library is seen by the one
layer that is there to hide it.
"""

import re

from sources import files, lines

# folder -> the project's folders it may include
LAYERS = {
    "component/base": {"component/base"},
    "component/cache": {"component/cache", "component/base"},
    "sql": {"sql", "component/base"},
    "xmpp": {"xmpp", "component/base"},
    "xmpp/servers": {"xmpp/servers", "xmpp", "component/base"},
    "component/sms": {"component/sms", "component/base"},
    "component/service": {"component/service", "component/sms", "component/cache", "sql", "xmpp", "component/base"},
    "component/jobs": {
        "component/jobs", "component/service", "component/sms", "component/cache", "sql", "xmpp", "component/base",
    },
    "component/ctl": {
        "component/ctl", "component/jobs", "component/service", "component/cache", "sql", "component/base",
    },
    "component/commands": {"component/commands", "component/service", "xmpp", "component/base"},
    "http": {"http", "component/service", "component/base"},
    "http/dialects": {"http/dialects", "http", "component/service", "component/base"},
}
# The composition root wires everything.
ROOT_FOLDER = "component"

# library -> the folders that may include it
LIBRARIES = {
    r"hiredis/": {"component/cache"},
    r"gd\w*\.h": {"component/cache"},
    r"libpq-fe\.h": {"sql"},
    r"strophe\.h": {"xmpp", "xmpp/servers"},
    r"expat\.h": {"xmpp"},
    r"microhttpd\.h": {"http"},
    r"gnutls/": {"http"},
    r"jansson\.h": {"http", "http/dialects", "component/sms", "xmpp/servers"},
    r"argon2\.h": {"component/service"},
    r"qrencode\.h": {"component/service"},
    r"png\.h": {"component/service"},
    r"curl/": {"component/sms", "component/jobs", "xmpp"},
    r"ini\.h": {"component"},
    r"openssl/": {"component/base", "xmpp", "http", "component"},
}
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')


def includes():
    """(file, its folder, quote, what it includes) for every #include of the program."""
    for path in files(".c", ".h", folders=("component", "sql", "xmpp", "http")):
        for line in lines(path):
            if match := INCLUDE.match(line):
                yield path, str(path.parent), match[1], match[2]


def folder_of(included):
    return included.rsplit("/", 1)[0] if "/" in included else ""


def test_every_folder_is_in_the_table():
    unknown = {folder for _, folder, _, _ in includes()} - set(LAYERS) - {ROOT_FOLDER}
    assert not unknown


def test_layers_include_only_what_lies_below():
    wrong = [
        f"{path}: {included}"
        for path, folder, quote, included in includes()
        if quote == '"' and folder in LAYERS and folder_of(included) not in LAYERS[folder]
    ]
    assert not wrong, "\n".join(wrong)


def test_project_headers_are_named_from_the_root():
    """So that the table above sees them."""
    wrong = [
        f"{path}: {included}"
        for path, _, quote, included in includes()
        if quote == '"' and not included.startswith(("component/", "sql/", "xmpp/", "http/"))
    ]
    assert not wrong, "\n".join(wrong)


def test_libraries_stay_in_their_layer():
    wrong = [
        f"{path}: {included}"
        for path, folder, quote, included in includes()
        for pattern, allowed in LIBRARIES.items()
        if quote == "<" and re.match(pattern, included) and folder not in allowed
    ]
    assert not wrong, "\n".join(wrong)


def test_the_composition_root_is_included_by_nobody():
    wrong = [
        f"{path}: {included}"
        for path, folder, quote, included in includes()
        if quote == '"' and folder_of(included) == ROOT_FOLDER and folder != ROOT_FOLDER
    ]
    assert not wrong, "\n".join(wrong)
