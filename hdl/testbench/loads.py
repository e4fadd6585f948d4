"""Networks that are written into the device: its port for words, and words as they may go wrong."""

from device import StreamError


def corrupted(rng, device):
    """Return words that are not the image's, and a word for what was done to them."""
    words, kept = list(device.image), device.kept
    at, other = rng.randrange(len(kept)), rng.randrange(len(kept))
    kind = rng.choice(("bit", "dropped", "doubled", "crc"))
    if kind == "bit":
        words[at] ^= 1 << rng.randrange(kept[at])
    elif kind == "dropped":
        del words[at]
    elif kind == "doubled":
        words.insert(at, words[other])
    else:
        words[-1] ^= 1 << rng.randrange(32)
    return words, kind


async def load(bench, words, stall):
    """Send words, the first and the last marked; return whether the device finds them good.

    Raises StreamError where it takes a sample meanwhile, or does not take a word.
    """
    device, dut = bench.device, bench.dut
    port = {part: device.port(dut, device.loads, part) for part in bench.WORD}
    sent, quiet = 0, 0
    limit = device.silence + 16 * len(device.image)
    offered, begun, waits = False, False, 0
    while sent < len(words):
        offered = offered or not stall()
        port["valid"].value = int(offered)
        port["data"].value = words[sent] if offered else bench.rng.getrandbits(32)
        port["first"].value = int(sent == 0) if offered else bench.rng.getrandbits(1)
        port["last"].value = int(sent == len(words) - 1) if offered else bench.rng.getrandbits(1)
        waits += offered
        begun = begun or waits > 2
        if begun:  # a beat that is offered must wait: it is none of the samples
            bench.into["valid"].value = bench.rng.getrandbits(1)
        await bench.half
        if begun and bench.bit(bench.into["ready"], f"{device.enter}_ready"):
            raise StreamError(f"the input is ready while a network is written, word {sent}")
        taken = offered and bench.bit(port["ready"], f"{device.loads}_ready")
        await bench.tick()
        sent, offered, quiet = (sent + 1, False, 0) if taken else (sent, offered, quiet + 1)
        begun = begun and sent < len(words)
        if quiet > limit:
            raise StreamError(f"word {sent} of {len(words)} is not taken for {quiet} cycles")
    port["valid"].value = 0
    bench.into["valid"].value = 0
    await bench.half
    crc = bench.bit(port["crc"], f"{device.loads}_crc")
    good = bool(bench.bit(port["good"], f"{device.loads}_good"))
    if good and crc != words[-1]:
        raise StreamError(f"the CRC of what was read back is {crc:08x}, not {words[-1]:08x}")
    return good


async def refuses(bench, cycles=40):
    """Check that no sample is taken."""
    for _ in range(cycles):
        bench.into["valid"].value = 1
        await bench.half
        if bench.bit(bench.into["ready"], f"{bench.device.enter}_ready"):
            raise StreamError("a sample is taken, though the network in the device is not good")
        await bench.tick()
    bench.into["valid"].value = 0
