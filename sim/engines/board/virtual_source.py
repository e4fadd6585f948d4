"""The C++ around a CXXRTL model of a board: time passes, bytes go in, bytes come out."""

from __future__ import annotations

_TEMPLATE = """
#include <stdexcept>
#define CXXRTL_ASSERT(x) do { if (!(x)) throw std::logic_error(#x); } while (0)
#include "network.cpp"
#include <deque>
#include <vector>

namespace {
struct Board {
    cxxrtl_design::p_@TOP@ top;
    std::deque<uint8_t> in;    // on their way to the board
    std::vector<uint8_t> out;  // that have come of it
    uint64_t cycles = 0, in_from = 0, out_from = 0;  // when the line is free, each way
@STATE@};

bool gives(Board &b, uint64_t gap, bool &took) {
    auto &top = b.top;
@TURN@}
}

extern "C" {
void *sx_new() {
    Board *b = new Board;
    b->top.step();
    return b;
}
void sx_free(void *h) { delete static_cast<Board *>(h); }
uint64_t sx_cycles(void *h) { return static_cast<Board *>(h)->cycles; }

void sx_write(void *h, const uint8_t *data, uint64_t n) {
    auto &in = static_cast<Board *>(h)->in;
    in.insert(in.end(), data, data + n);
}

// Forget what is on its way to the board, and what has come of it.
void sx_drain(void *h) {
    static_cast<Board *>(h)->in.clear();
    static_cast<Board *>(h)->out.clear();
}

// A reset of the board, as by a button.
void sx_reset(void *h) {
    Board &b = *static_cast<Board *>(h);
    auto &top = b.top;
    top.p_rst.template set<bool>(true);
    for (int k = 0; k < 2; k++) {
        top.p_clk.template set<bool>(true); top.step();
        top.p_clk.template set<bool>(false); top.step();
    }
    top.p_rst.template set<bool>(false);
    top.step();
    b.cycles += 2;
}

// Let cycles pass; `gap` of them a byte, each way. Ends early where bytes have
// come and none more for `still` cycles. Returns the bytes that wait to be taken, -1 for a violated
// assertion.
int64_t sx_pass(void *h, uint64_t cycles, uint64_t gap, uint64_t still) try {
    Board &b = *static_cast<Board *>(h);
    auto &top = b.top;
    const uint64_t end = b.cycles + cycles;
    uint64_t quiet = 0;
    while (b.cycles < end && (b.out.empty() || quiet < still)) {
        bool took = false;
        top.p_clk.template set<bool>(false);
        bool gave = gives(b, gap, took);
        if (gave) { b.in.pop_front(); b.in_from = b.cycles + gap; }
        quiet = took ? 0 : quiet + 1;
        top.p_clk.template set<bool>(true);
        top.step();
        b.cycles++;
    }
    return int64_t(b.out.size());
} catch (const std::exception &) { return -1; }

void sx_take(void *h, uint8_t *to) {
    auto &out = static_cast<Board *>(h)->out;
    std::copy(out.begin(), out.end(), to);
    out.clear();
}
}
"""


#: Bytes go by the streams' handshakes.
_BYTES = """
    bool give = !b.in.empty() && b.cycles >= b.in_from;
    bool take = b.cycles >= b.out_from;
    top.p_rx__valid.template set<bool>(give);
    if (give) top.p_rx__payload.template set<uint8_t>(b.in.front());
    top.p_tx__ready.template set<bool>(take);
    top.step();
    took = take && top.p_tx__valid.template get<bool>();
    if (took) {
        b.out.push_back(top.p_tx__payload.template get<uint8_t>());
        b.out_from = b.cycles + gap;
    }
    return give && top.p_rx__ready.template get<bool>();
"""
#: Bits go on wires, by a UART of this side's own: @CLOCK@ cycles take @BAUD@ bits.
_STATE = """
    bool sends = false, hears = false;
    uint64_t began = 0, heard = 0;  // the cycle of the start bit, each way
    uint64_t bits = 0, byte = 0;    // of the byte that comes: how many of it, and they
"""
_WIRES = """
    bool gave = false;
    (void)gap;
    if (b.sends && (b.cycles - b.began) * @BAUD@ >= 10 * @CLOCK@) { b.sends = false; gave = true; }
    // The byte stays at the front until its stop bit is over; a drain may have taken it away.
    bool more = b.in.size() > (gave ? 1u : 0u);
    if (!b.sends && more) { b.sends = true; b.began = b.cycles; }
    bool level = true;
    if (b.sends && more) {
        uint64_t bit = (b.cycles - b.began) * @BAUD@ / @CLOCK@;
        uint8_t now = b.in[gave ? 1 : 0];
        level = bit == 0 ? false : bit > 8 ? true : now >> (bit - 1) & 1;
    }
    top.p_rx__pin.template set<bool>(level);
    top.step();
    bool pin = top.p_tx__pin.template get<bool>();
    if (!b.hears && !pin) { b.hears = true; b.heard = b.cycles; b.bits = b.byte = 0; }
    if (b.hears && (b.cycles - b.heard) * 2 * @BAUD@ >= (2 * b.bits + 1) * @CLOCK@) {
        if (b.bits >= 1 && b.bits <= 8) b.byte |= uint64_t(pin) << (b.bits - 1);
        if (b.bits++ == 9) {
            b.hears = false;
            if (pin) { b.out.push_back(uint8_t(b.byte)); took = true; }
        }
    }
    return gave && !b.in.empty();
"""


def harness(top: str, clock: int = 0, baud: int = 0) -> str:
    """Return the C++ source that includes ``network.cpp``.

    Args:
        top: name of the module. clock, baud: of wires; 0: the top has streams of bytes.
    """
    text = _TEMPLATE.replace("@STATE@", _STATE if baud else "")
    text = text.replace("@TURN@", _WIRES if baud else _BYTES)
    text = text.replace("@CLOCK@", f"{clock}ull").replace("@BAUD@", f"{baud}ull")
    return text.replace("@TOP@", top.replace("_", "__"))
