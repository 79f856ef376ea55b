"""The way to the XMPP server, with a proxy in it that makes it fail: the component's link and, of ejabberd, its HTTP API
beside it. What a test does to the link is done to both, as a server that is away is away on both."""

from harness.proxy import FaultProxy


def settings(component, api=None):
    """Those of a registrard that finds the server at these addresses."""
    found = {"REGISTRARD_XMPP_HOST": component[0], "REGISTRARD_XMPP_PORT": str(component[1])}
    if api:
        found["REGISTRARD_XMPP_API_URL"] = f"http://{api[0]}:{api[1]}/api/v0"
    return found


def direct(stack):
    """Without a proxy."""
    return settings(stack.component_address, stack.api_address)


class Link:
    def __init__(self, stack, proxy=FaultProxy):
        self.component = proxy(stack.component_address)
        self.api = proxy(stack.api_address) if stack.api_address else None
        self.proxies = [self.component] + ([self.api] if self.api else [])
        self.settings = settings(self.component.address, self.api.address if self.api else None)

    @property
    def accepted(self):
        """Links so far."""
        return self.component.accepted

    @property
    def sent(self):
        """Bytes from registrard so far, whether they came through or not."""
        return sum(one.sent for one in self.proxies)

    def cut(self):
        for one in self.proxies:
            one.cut()

    def refuse(self):
        for one in self.proxies:
            one.refuse()

    def stall(self):
        for one in self.proxies:
            one.stall()

    def delay(self, seconds):
        for one in self.proxies:
            one.delay(seconds)

    def heal(self):
        for one in self.proxies:
            one.heal()

    def close(self):
        for one in self.proxies:
            one.close()
