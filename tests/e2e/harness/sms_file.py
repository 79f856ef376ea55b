"""What the development provider was given to send: var/sms.jsonl."""

import json
import time

from harness.log import whole_lines


class SmsFile:
    def __init__(self, var):
        self.path = var / "sms.jsonl"

    def all(self, phone):
        """All that went to a phone (11 digits), oldest first."""
        return [entry for entry in map(json.loads, whole_lines(self.path).splitlines()) if entry["to"] == "+86" + phone]

    def code(self, phone, timeout=5):
        deadline = time.monotonic() + timeout
        while not (sent := self.all(phone)):
            assert time.monotonic() < deadline, f"no code for {phone}"
            time.sleep(0.01)
        return sent[-1]["code"]


def wrong(code):
    """Another code of the same length."""
    return f"{(int(code) + 1) % 10 ** len(code):0{len(code)}d}"
