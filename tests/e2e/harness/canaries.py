"""Values to be found nowhere: each is random, so that where it turns up it came from the test."""

import re

# A code's six digits could be part of a time.
TIME = re.compile(r"\bts=\S+")


class Canaries:
    """Each value with what it is."""

    def __init__(self):
        self.known = {}
        self.codes = set()

    def add(self, what, value):
        self.known[value] = what
        return value

    def add_code(self, value):
        """Few digits: looked for as a number of its own, and in registrard's log and metrics alone."""
        self.codes.add(value)
        return value

    def found_in(self, text):
        return [what for value, what in self.known.items() if value in text]

    def codes_in(self, text):
        text = TIME.sub("", text)
        return [value for value in self.codes if re.search(rf"(?<![\w.]){value}(?![\w.])", text)]


def keep_configuration(canaries, settings):
    """The secrets that registrard is configured with."""
    for name in ("REGISTRARD_KEYS_SEAL_FILE", "REGISTRARD_XMPP_SECRET_FILE"):
        if name in settings:
            with open(settings[name], encoding="utf-8") as file:
                canaries.add(name, file.read().strip().split(":")[-1])
    if "REGISTRARD_XMPP_SECRET" in settings:
        canaries.add("the component's secret", settings["REGISTRARD_XMPP_SECRET"])
    return canaries
