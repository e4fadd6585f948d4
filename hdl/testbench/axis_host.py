"""Accesses of the wrapper's registers: what a host writes and reads, and what must come of it."""

import random

from answers import StreamError


class Access:
    """A write or a read, and what came of it."""

    def __init__(self, name, address, data=None, strobes=15):
        self.name, self.address, self.data, self.strobes = name, address, data, strobes
        self.response = self.value = self.want = self.cycle = None


class Host:
    """Queues accesses; whoever drives the pins calls ``responds`` as their responses come."""

    def __init__(self, device):
        self.device, self.rng = device, random.Random(5)
        self.queue = {"in": [], "aw": [], "w": [], "ar": []}
        self.waiting = {"b": [], "r": []}  # accesses whose response is to come
        self.accesses = 0

    async def step(self):
        """Let one cycle pass; of who drives the pins."""
        raise NotImplementedError

    def responds(self, access, response):
        """Check a response against the table of registers and, of a read, the model."""
        self.accesses += 1
        access.response = response
        word = self.device.registers.get(access.name)
        if access.data is not None:
            right = word is not None and "w" in word["access"] and access.strobes == 15
        else:
            right = word is not None and word["access"] != "w"
        loads = access.name.startswith("load_") and right  # refused where a word waits still
        if response != (0 if right else 2) and not loads:
            raise StreamError(f"{access.name}: response {response}, in cycle {self.cycle}")
        if access.data is None:
            want, known = access.want
            if (access.value ^ want) & known & 0xFFFFFFFF:
                raise StreamError(
                    f"{access.name} is {access.value:#x} in cycle {access.cycle}, not {want:#x}"
                )

    def write(self, name, data, strobes=15, address=None):
        """Queue a write of a register, or of an address that is none."""
        access = Access(name, self.device.at.get(name, address), data, strobes)
        self.queue["aw"].append(access)
        self.queue["w"].append(access)
        self.waiting["b"].append(access)
        return access

    def read(self, name, address=None):
        """Queue a read."""
        access = Access(name, self.device.at.get(name, address))
        self.queue["ar"].append(access)
        return access

    def meddle(self):
        """Queue an access that changes nothing, or only what the model follows."""
        rng, device = self.rng, self.device
        if len(self.queue["ar"]) + len(self.waiting["b"]) > 4:
            return
        free = [a for a in range(0, 1 << device.axis["registers"]["address_bits"], 4)
                if a not in device.at.values()]  # fmt: skip
        kind = rng.random()
        if kind < 0.3:  # before a write clears what nobody has seen
            self.read("errors")
        elif kind < 0.6:
            self.read(rng.choice(list(device.registers)))
        elif kind < 0.7:
            self.read("nothing", rng.choice(free))
        elif kind < 0.75:
            self.write("errors", rng.getrandbits(32))
        elif kind < 0.9:
            self.write(rng.choice(list(device.registers)), rng.getrandbits(32), rng.randrange(15))
        else:
            readable = [n for n, word in device.registers.items() if "w" not in word["access"]]
            self.write(rng.choice(readable), rng.getrandbits(32))

    async def until(self, done, limit, what):
        """Step until something holds."""
        for _ in range(limit):
            if done():
                return
            await self.step()
        raise StreamError(f"{what} takes more than {limit} cycles: the device hangs")

    async def done(self, access):
        """Step until an access has its response; return the value of a read."""
        await self.until(lambda: access.response is not None, 20_000, access.name)
        return access.value

    async def load(self, words):
        """Write words through the registers; return whether the device finds them good."""
        names = ["load_first", *["load_next"] * (len(words) - 2), "load_last"]
        for at, (name, word) in enumerate(zip(names, words, strict=True)):
            access = self.write(name, word)
            await self.done(access)
            if access.response:
                raise StreamError(f"word {at} is refused")
            if at == 0:
                await self.polled(lambda status: status & 16, "a first word")
        status = await self.polled(lambda status: not status & 8, "a load")
        return bool(status & 4)

    async def polled(self, done, what):
        """Read STATUS until something holds of it."""
        for _ in range(20_000):
            status = await self.done(self.read("status"))
            if done(status):
                return status
        raise StreamError(f"{what} does not come to its end")
