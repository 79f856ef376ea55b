"""What the development profile writes to files: codes by SMS, answers of pictures. Read once, as they grow."""

import json
import threading
import time


class Mailbox:
    """A file of JSON lines, looked up by one of their members."""

    def __init__(self, path, key, value):
        self.path = path
        self.key, self.value = key, value
        self.at = 0
        self.found = {}  # key to values, oldest first
        self.lock = threading.Lock()

    def all(self, key):
        with self.lock:
            self._read()
            return list(self.found.get(key, ()))

    def wait(self, key, known=0, timeout=5):
        """The newest value, once there are more than `known`; None when none came."""
        deadline = time.monotonic() + timeout
        while len(values := self.all(key)) <= known:
            if time.monotonic() > deadline:
                return None
            time.sleep(0.01)
        return values[-1]

    def _read(self):
        try:
            with open(self.path, "rb") as file:
                file.seek(self.at)
                data = file.read()
        except FileNotFoundError:
            return
        whole = data.rfind(b"\n") + 1
        self.at += whole
        for line in data[:whole].splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue  # a line that a kill cut short
            self.found.setdefault(entry[self.key], []).append(entry[self.value])
