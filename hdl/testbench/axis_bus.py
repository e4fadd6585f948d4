"""A cycle at a time through the wrapper: samples in, transfers out, and registers meanwhile.

The clock is driven here, as in driver.py. Every cycle the rules of AXI are checked and the model
follows, so that a read knows the value of the very cycle in which its address was taken.
"""

from answers import StreamError
from axis_host import Host
from axis_model import Model
from axis_rules import Handshake, Lite, independent
from cocotb.triggers import Timer
from driver import HALF_NS

#: A cycle in which all that comes in is changed for a moment, one in so many.
LOOKS = 7
INS = {
    "s_axis": ("tvalid", "tdata", "tlast", "tuser"),
    "m_axis": ("tready",),
    "s_axil": ("awvalid", "awaddr", "awprot", "wvalid", "wdata", "wstrb", "bready", "arvalid",
               "araddr", "arprot", "rready"),
}  # fmt: skip
OUTS = {
    "s_axis": ("tready",),
    "m_axis": ("tvalid", "tdata", "tlast", "tuser"),
    "s_axil": ("awready", "wready", "bvalid", "bresp", "arready", "rvalid", "rdata", "rresp"),
}


class Bus(Host):
    """Drives the wrapper; ``left`` are the transfers that have left since the last ``forget``."""

    def __init__(self, device, dut, stall, traffic=0.0):
        """stall: a function a channel, made by its name. traffic: odds of an access a cycle."""
        super().__init__(device)
        self.traffic = traffic
        self.half, self.moment = Timer(HALF_NS, "ns"), Timer(1, "ns")
        self.pin = {
            f"{stream}_{part}": getattr(dut, f"{stream}_{part}")
            for ports in (INS, OUTS)
            for stream, parts in ports.items()
            for part in parts
        }
        self.width = {name: len(handle) for name, handle in self.pin.items()}
        self.outs = [f"{stream}_{part}" for stream, parts in OUTS.items() for part in parts]
        # TREADY of the input may well look at what comes: a stream's receiver is free to.
        self.free = [name for name in self.outs if name != "s_axis_tready"]
        self.clock, self.reset_n = dut.aclk, dut.aresetn
        self.stall = {name: stall(name) for name in ("in", "out", "aw", "w", "b", "ar", "r")}
        self.rules = {name: Handshake(name) for name in ("s_axis", "m_axis")}
        self.lite, self.model, self.cycle = Lite(), Model(device), 0
        self.offered = dict.fromkeys(self.queue)
        self.left = []
        self.answered = False  # a response to a write has been offered and not taken
        self.drive = {name: 0 for name in self.pin if name not in self.outs}
        self.clock.value = 0
        self.reset_n.value = 0

    # What is put on the pins.

    def noise(self, name):
        return self.rng.getrandbits(self.width[name])

    def offer(self, channel, valid, payload):
        """Offer what is next of a queue; where nothing is, all but valid is noise."""
        if self.offered[channel] is None and self.queue[channel] and not self.stall[channel]():
            self.offered[channel] = self.queue[channel].pop(0)
        item = self.offered[channel]
        self.drive[valid] = int(item is not None)
        for name, value in payload(item).items() if item is not None else ():
            self.drive[name] = int(value)
        return item is None

    def drives(self):
        """Decide all that goes in for the next cycle."""
        quiet = self.offer("in", "s_axis_tvalid", lambda t: {
            "s_axis_tdata": t[0], "s_axis_tuser": t[1], "s_axis_tlast": t[2]})  # fmt: skip
        if quiet:
            for part in ("tdata", "tuser", "tlast"):
                self.drive[f"s_axis_{part}"] = self.noise(f"s_axis_{part}")
        if self.offer("aw", "s_axil_awvalid", lambda a: {"s_axil_awaddr": a.address}):
            self.drive["s_axil_awaddr"] = self.noise("s_axil_awaddr")
        if self.offer("w", "s_axil_wvalid", lambda a: {
            "s_axil_wdata": a.data, "s_axil_wstrb": a.strobes}):  # fmt: skip
            self.drive["s_axil_wdata"] = self.noise("s_axil_wdata")
            self.drive["s_axil_wstrb"] = self.noise("s_axil_wstrb")
        if self.offer("ar", "s_axil_arvalid", lambda a: {"s_axil_araddr": a.address}):
            self.drive["s_axil_araddr"] = self.noise("s_axil_araddr")
        self.drive["m_axis_tready"] = int(not self.stall["out"]())
        self.drive["s_axil_bready"] = int(not self.stall["b"]())
        self.drive["s_axil_rready"] = int(not self.stall["r"]())

    def put(self, values):
        for name, value in values.items():
            self.pin[name].value = value

    def seen(self, names):
        return {name: self.bit(name) for name in names}

    def bit(self, name):
        try:
            return int(self.pin[name].value)
        except ValueError:
            raise StreamError(f"{name} is {self.pin[name].value} in cycle {self.cycle}") from None

    # A cycle.

    async def tick(self):
        self.clock.value = 1
        await self.half
        self.clock.value = 0
        self.cycle += 1

    async def step(self):
        """Let one cycle pass, checked."""
        if self.traffic and self.rng.random() < self.traffic:
            self.meddle()
        self.drives()
        self.put(self.drive)
        await self.half
        now = self.seen(self.outs)
        if self.cycle % LOOKS == 0:
            self.put({name: self.noise(name) for name in self.drive})
            await self.moment
            independent(self.cycle, {n: now[n] for n in self.free}, self.seen(self.free))
            self.put(self.drive)
            await self.moment
        now |= self.drive
        self.look(now)
        await self.tick()

    def look(self, now):
        """Check the rules, follow the model, and take what is handed over by this edge."""
        channels = {
            "aw": self.trio(now, "aw", now["s_axil_awaddr"]),
            "w": self.trio(now, "w", (now["s_axil_wdata"], now["s_axil_wstrb"])),
            "b": self.trio(now, "b", now["s_axil_bresp"]),
            "ar": self.trio(now, "ar", now["s_axil_araddr"]),
            "r": self.trio(now, "r", (now["s_axil_rdata"], now["s_axil_rresp"])),
        }
        taken = self.lite.see(self.cycle, channels)
        soft = False
        if now["s_axil_bvalid"] and not self.answered:
            access = self.waiting["b"][0]
            if now["s_axil_bresp"] == 0:
                self.model.written(access.name, access.data)
                soft = access.name == "control" and access.data & 1
        self.answered = bool(now["s_axil_bvalid"]) and "b" not in taken
        if "ar" in taken:
            access, self.offered["ar"] = self.offered["ar"], None
            access.want = self.model.shown(access.name, now["m_axis_tvalid"])
            access.cycle = self.cycle
            self.waiting["r"].append(access)
        for channel in taken & {"aw", "w"}:
            self.offered[channel] = None
        if "b" in taken:
            self.responds(self.waiting["b"].pop(0), now["s_axil_bresp"])
        if "r" in taken:
            access = self.waiting["r"].pop(0)
            access.value = now["s_axil_rdata"]
            self.responds(access, now["s_axil_rresp"])
        self.streams(now)
        if soft:
            self.model.restart()

    @staticmethod
    def trio(now, name, payload):
        return now[f"s_axil_{name}valid"], now[f"s_axil_{name}ready"], payload

    def streams(self, now):
        into = [now[f"s_axis_{part}"] for part in ("tdata", "tuser", "tlast")]
        valid, ready = now["s_axis_tvalid"], now["s_axis_tready"]
        entered = None
        if self.rules["s_axis"].see(self.cycle, valid, ready, into):
            entered, self.offered["in"] = self.offered["in"], None
        out = tuple(now[f"m_axis_{part}"] for part in ("tdata", "tuser", "tlast"))
        leaves, takes = now["m_axis_tvalid"], now["m_axis_tready"]
        gone = self.rules["m_axis"].see(self.cycle, leaves, takes, out)
        if gone:
            self.left.append(out)
        self.model.passes(entered, gone and out[2], valid and not ready, leaves and not takes)

    async def reset(self, cycles=2):
        """Hold aresetn low; whatever waits goes."""
        self.queue = {name: [] for name in self.queue}
        self.waiting = {"b": [], "r": []}
        self.offered = dict.fromkeys(self.queue)
        self.drive = dict.fromkeys(self.drive, 0)
        self.reset_n.value = 0
        self.put(self.drive)
        for cycle in range(cycles):
            await self.half
            if cycle:
                self.asleep()
            await self.tick()
        self.reset_n.value = 1
        self.model, self.answered, self.left = Model(self.device), False, []

    def asleep(self):
        """Check that reset holds every valid, and takes nothing."""
        now = self.seen(self.outs)
        for name in ("s_axis_tready", "m_axis_tvalid", "s_axil_bvalid", "s_axil_rvalid"):
            if now[name]:
                raise StreamError(f"{name} during reset, in cycle {self.cycle}")
        self.lite = Lite()
        self.rules = {name: Handshake(name) for name in self.rules}
