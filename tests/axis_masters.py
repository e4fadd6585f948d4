"""The AXI wrapper of a folder, driven by cocotbext-axi: what its makers read the standard as.

    python tests/axis_masters.py FOLDER      # that ``spikexact verilog`` wrote; needs Icarus

Needs ``pip install cocotbext-axi``, which no set-up of ours installs and no test uses: it brings
scapy, which is under the GPL.

The folder's own testbench drives the pins by itself; here both streams and the registers are those
of somebody else's masters. Weights are loaded, samples go through with pauses on both sides, what
leaves is compared with the vectors, and the counters are read.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

if __name__ != "__main__":  # in the simulator
    FOLDER = Path(os.environ["AXIS_FOLDER"])
    sys.path.insert(0, str(FOLDER))

    import cocotb
    from axis_model import Wrapped
    from cocotb.clock import Clock
    from cocotb.triggers import ClockCycles
    from cocotbext.axi import (
        AxiLiteBus,
        AxiLiteMaster,
        AxiStreamBus,
        AxiStreamFrame,
        AxiStreamSink,
        AxiStreamSource,
    )

    def paused(seed: int, odds: float):
        """Yield whether to pause, for ever."""
        rng = random.Random(seed)
        while True:
            yield rng.random() < odds

    async def loaded(device: Wrapped, lite: AxiLiteMaster) -> None:
        """Write the network of the folder into a design that is loadable."""
        at, words = device.at, device.image
        await lite.write_dword(at["load_first"], words[0])
        while not await lite.read_dword(at["status"]) & 16:
            pass
        for word in words[1:-1]:
            await lite.write_dword(at["load_next"], word)
        await lite.write_dword(at["load_last"], words[-1])
        while await lite.read_dword(at["status"]) & 8:
            pass
        assert await lite.read_dword(at["status"]) & 4
        assert await lite.read_dword(at["weights"]) == words[-1]

    @cocotb.test(timeout_time=10, timeout_unit="ms")
    async def masters(dut):
        """Every sample is right, and counted."""
        device = Wrapped(FOLDER)
        cocotb.start_soon(Clock(dut.aclk, 10, unit="ns").start())
        dut.aresetn.value = 0
        wires = (dut.aclk, dut.aresetn, False)
        source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), *wires)
        sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), *wires)
        lite = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), *wires)
        source.set_pause_generator(paused(1, 0.3))
        sink.set_pause_generator(paused(2, 0.4))
        await ClockCycles(dut.aclk, 4)
        dut.aresetn.value = 1
        await ClockCycles(dut.aclk, 4)
        if device.loads:
            await loaded(device, lite)
        size, wide = device.axis["input"]["bytes"], device.axis["output"]["bytes"]
        for sample in range(device.samples):
            sent = device.transfers(device.beats(sample)[0])
            data = b"".join(t[0].to_bytes(size, "little") for t in sent)
            user = [int(t[1]) for t in sent for _ in range(size)]
            await source.send(AxiStreamFrame(data, tuser=user))
        left = []
        for _ in range(device.samples):
            frame = await sink.recv(compact=False)
            data, count = bytes(frame.tdata), len(frame.tdata) // wide
            for k in range(count):
                part = int.from_bytes(data[k * wide : (k + 1) * wide], "little")
                left.append((part, int(frame.tuser[k * wide]), int(k == count - 1)))
        runs = [device.whole(sample) for sample in range(device.samples)]
        compared, wrong, told = device.compared(runs, left)
        assert compared and not wrong, told[0]
        read = [await lite.read_dword(device.at[n]) for n in ("samples_in", "samples_out")]
        assert read == [device.samples] * 2 and not await lite.read_dword(device.at["errors"])
        dut._log.info("%d samples, %d values compared, 0 mismatches", device.samples, compared)


def main(folder: Path) -> int:
    """Build and run; return 0 if it passed."""
    from cocotb_tools.check_results import get_results
    from cocotb_tools.runner import get_runner

    os.environ["AXIS_FOLDER"] = str(folder)
    os.environ.pop("PYTEST_CURRENT_TEST", None)
    build = folder / "sim_build" / "masters"
    runner = get_runner("icarus")
    runner.build(
        sources=[folder / "network.v", folder / "network_axis.v"], hdl_toplevel="network_axis",
        build_dir=build, build_args=["-g2005"], timescale=("1ns", "1ps"), always=True,
    )  # fmt: skip
    try:
        results = runner.test(
            test_module="axis_masters", hdl_toplevel="network_axis", hdl_toplevel_lang="verilog",
            build_dir=build, test_dir=build, extra_env={"COCOTB_ANSI_OUTPUT": "0"},
        )  # fmt: skip
    except SystemExit:
        return 1
    return int(get_results(results) != (1, 0))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    sys.exit(main(Path(sys.argv[1]).resolve()))
