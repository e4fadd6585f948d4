"""The C++ around a CXXRTL model: a loop that feeds beats and collects every stream's."""

from __future__ import annotations

from typing import Any

_TEMPLATE = """
#include <stdexcept>
// A broken design must not take the process with it: the runtime's asserts become exceptions.
#define CXXRTL_ASSERT(x) do { if (!(x)) throw std::logic_error(#x); } while (0)
#include "network.cpp"
#include <vector>

namespace {
typedef std::vector<uint32_t> beats_t;
const uint64_t ANY = ~uint64_t(0);
const size_t FILLS = 8;  // the most that one run waits until nothing more moves
const int STREAMS = @STREAMS@;  // what leaves, trace_0, trace_1, ..
const int COLUMNS = @COLUMNS@;  // of what leaves: data, flags; of every trace: its ports

struct Model {
    cxxrtl_design::p_@TOP@ top;
    beats_t beats[COLUMNS];
    std::vector<uint64_t> in_cycles, out_cycles;
    std::vector<uint64_t> full;  // beats in and out, and of every trace, when nothing more moved
    uint64_t count[STREAMS], cycles;
    bool ordered;  // one evaluation settles everything: no combinational feedback
    cxxrtl::debug_items items;

    void forget() {
        for (auto &column : beats) column.clear();
        for (auto &n : count) n = 0;
        in_cycles.clear(); out_cycles.clear(); full.clear();
    }
};

template <class V> void keep(beats_t &to, const V &value) {
    to.insert(to.end(), value.data, value.data + V::chunks);
}

struct Random {  // xorshift32
    uint32_t state;
    uint32_t next() {
        state ^= state << 13; state ^= state >> 17; state ^= state << 5;
        return state;
    }
    bool bursts;
    bool stall(uint32_t percent) {
        if (percent > 100) {  // on and off, 256 cycles each in the mean
            if (next() >> 8 & 255) return bursts;
            return bursts = !bursts;
        }
        return percent != 0 && next() % 100 < percent;
    }
};
}  // namespace

extern "C" {
void *sx_new() {
    Model *m = new Model;
    m->ordered = m->top.eval(nullptr);
    m->top.debug_info(&m->items, nullptr, "");
    return m;
}

int sx_ordered(void *h) { return static_cast<Model *>(h)->ordered; }

void sx_free(void *h) { delete static_cast<Model *>(h); }

// Choose what the design is, where it has an input for that.
void sx_select(void *h, uint32_t number) {
    Model &m = *static_cast<Model *>(h);
    (void)m; (void)number;
@SELECT@
}

// Return a memory's rows, 32-bit chunks, or null.
uint32_t *sx_memory(void *h, const char *name, uint64_t *width, uint64_t *depth) {
    auto &table = static_cast<Model *>(h)->items.table;
    auto found = table.find(name);
    if (found == table.end() || found->second[0].type != cxxrtl::debug_item::MEMORY) return nullptr;
    *width = found->second[0].width;
    *depth = found->second[0].depth;
    return found->second[0].curr;
}

// Drive n input beats after a reset; stop when every stream has its beats and nothing more comes.
// Of a trace that may give any number of beats (~0) it is waited longer until nothing more comes.
// Flags of a beat: 1 first, 2 last, 4 a reset of one cycle before it. Returns 0, 1 for no transfer
// during `idle` cycles, 2 for a violated assertion, 3 for too many, 4 for a beat taken in reset, 5
// for an output beat that changes while it waits. What is not offered is noise. An output stall of
// 102 per cent waits until nothing more moves inside, while there is input: the beats that have
// come by then are kept. Then few more are offered, and all is taken until nothing moves again.
// After FILLS times it does not stall.
int sx_run(void *h, const uint32_t *in, const uint8_t *flags, uint64_t n, const uint64_t *want,
           uint64_t idle, uint32_t seed, uint32_t stall_in, uint32_t stall_out) try {
    Model &m = *static_cast<Model *>(h);
    auto &top = m.top;
    m.forget(); m.cycles = 0;
    Random in_random{seed * 2654435761u | 1u, false}, out_random{seed * 40503u | 1u, true};
    auto clock = [&] {
        top.p_clk.template set<bool>(true); top.step();
        top.p_clk.template set<bool>(false);  // settles with the inputs of the next cycle
    };
    const auto chunks = decltype(top.p_i__data)::chunks, bits = decltype(top.p_i__data)::bits;
    Random noise{seed * 69069u | 1u, false};
    auto draw = [&] {
        for (size_t c = 0; c < chunks; c++) top.p_i__data.data[c] = noise.next();
        if (bits % 32) top.p_i__data.data[chunks - 1] &= (1u << bits % 32) - 1;
        uint32_t marks = noise.next();
        top.p_i__first.template set<bool>(marks >> 8 & 1);
        top.p_i__last.template set<bool>(marks >> 9 & 1);
    };
    bool taken = false, waits = false;
    beats_t held;
    auto reset = [&](int cycles) {  // a beat is offered in it, which must not be taken
        draw();
        top.p_i__valid.template set<bool>(true);@NO_WORD@
        top.p_@O@__ready.template set<bool>(noise.next() >> 8 & 1);
        top.p_clk.template set<bool>(false);
        top.p_rst.template set<bool>(true);
        top.step();
        while (cycles--) { taken |= top.p_i__ready.template get<bool>(); clock(); }
        top.p_rst.template set<bool>(false);
        top.p_i__valid.template set<bool>(false);
        waits = false;
    };
    reset(2);
    uint64_t sent = 0, quiet = 0, resets = 0;
    for (uint64_t k = 0; k < n; k++) resets += flags[k] >> 2 & 1;
    bool offered = false, draining = false;
    uint64_t still = 0, more = 0;
    for (;;) {
        if (taken) return 4;
        bool complete = sent == n, any = false;
        for (int s = 0; s < STREAMS; s++) {
            any = any || want[s] == ANY;
            complete = complete && (want[s] == ANY || m.count[s] == want[s]);
        }
        if (complete && quiet > (any ? idle / 8 : 64)) return 0;
        // At any time: a device that goes on for ever would never end. Until the last reset, which
        // forgets what came before it, more may come than is wanted after it.
        for (int s = 0; s < STREAMS; s++)
            if (want[s] != ANY && m.count[s] > (resets ? 8 * want[s] + 1000 : want[s])) return 3;
        if (quiet > idle) return 1;
        // a beat once offered stays: valid is never withdrawn, but by a reset
        if (!offered) {
            offered = sent < n && (!draining || more) && !in_random.stall(stall_in);
            if (offered) still = 0;
            if (offered && flags[sent] & 4) { reset(1); resets--; m.cycles++; m.forget(); }
        }
        top.p_i__valid.template set<bool>(offered);
        if (offered) {
            for (size_t c = 0; c < chunks; c++) top.p_i__data.data[c] = in[sent * chunks + c];
            top.p_i__first.template set<bool>(flags[sent] & 1);
            top.p_i__last.template set<bool>(flags[sent] >> 1 & 1);
        } else {
            draw();
        }
        bool fill = stall_out == 102 && m.full.size() < FILLS * (1 + STREAMS);
        bool ready = stall_out == 102 ? !fill || draining || sent == n
                                      : !out_random.stall(stall_out);
        top.p_@O@__ready.template set<bool>(ready);
        if (m.ordered) {  // what is combinational, and what registers take at the edge, at once
            top.prev_p_clk.template set<bool>(false);
            top.p_clk.template set<bool>(true);
            top.eval(nullptr);
        } else {
            top.step();
        }
        bool valid = top.p_@O@__valid.template get<bool>();
        still++;
        draining = draining && still <= idle / 8;
        if (fill && offered && valid && still > idle / 8) {
            m.full.push_back(m.in_cycles.size()); m.full.push_back(m.out_cycles.size());
            for (int s = 1; s < STREAMS; s++) m.full.push_back(m.count[s]);
            draining = true;
            still = 0;
            more = noise.next() >> 8 & 7;  // now within a block, now at its end
        }
        // What waits for us does not count: a burst of stalls may last longer than a sample.
        quiet += (offered || sent == n) && (ready || !valid);
        if (offered && top.p_i__ready.template get<bool>()) {
            m.in_cycles.push_back(m.cycles); sent++; offered = false; quiet = still = 0;
            if (draining && more) more--;
        }
        if (valid || waits) {  // what is kept is compared with what waited, and is kept if taken
            size_t before = m.beats[0].size(), marks = m.beats[1].size();
            if (valid) {
@LEAVES@
            }
            beats_t now(m.beats[0].begin() + before, m.beats[0].end());
            now.insert(now.end(), m.beats[1].begin() + marks, m.beats[1].end());
            if (waits && now != held) return 5;
            held = now;
            if (!ready) { m.beats[0].resize(before); m.beats[1].resize(marks); }
        }
        waits = valid && !ready;
        if (ready && valid) {
            m.out_cycles.push_back(m.cycles); m.count[0]++; quiet = still = 0;
        }
@TRACES@
        if (m.ordered) top.commit(); else clock();
        m.cycles++;
    }
} catch (const std::exception &) { return 2; }
@LOAD@
// What was collected of a column, 32-bit chunks.
const uint32_t *sx_beats(void *h, int column, uint64_t *count) {
    Model &m = *static_cast<Model *>(h);
    *count = m.beats[column].size();
    return m.beats[column].data();
}

uint32_t sx_error(void *h) {
    return static_cast<Model *>(h)->top.p_error.template get<uint32_t>();
}

const uint64_t *sx_cycles(void *h, int out, uint64_t *count) {
    Model &m = *static_cast<Model *>(h);
    auto &cycles = out ? m.out_cycles : m.in_cycles;
    *count = cycles.size();
    return cycles.data();
}

const uint64_t *sx_full(void *h, uint64_t *count) {
    Model &m = *static_cast<Model *>(h);
    *count = m.full.size();
    return m.full.data();
}

uint64_t sx_total(void *h) { return static_cast<Model *>(h)->cycles; }
}
"""

_NO_WORD = """
        top.p_w__valid.template set<bool>(false);"""
_LOAD = """
// Send n words after a reset; flags: 1 first, 2 last. Returns 0, 1 for a word that was not taken
// for `idle` cycles, 2 for a violated assertion.
int sx_load(void *h, const uint32_t *words, const uint8_t *flags, uint64_t n, uint64_t idle,
            uint32_t seed, uint32_t stall) try {
    auto &top = static_cast<Model *>(h)->top;
    Random random{seed * 2654435761u | 1u};
    auto clock = [&] {
        top.p_clk.template set<bool>(true); top.step();
        top.p_clk.template set<bool>(false); top.step();
    };
    top.p_i__valid.template set<bool>(false);
    top.p_w__valid.template set<bool>(false);
    top.p_clk.template set<bool>(false);
    top.p_rst.template set<bool>(true);
    top.step(); clock(); clock();
    top.p_rst.template set<bool>(false);
    uint64_t sent = 0, quiet = 0;
    bool offered = false;
    while (sent < n) {
        if (quiet++ > idle) return 1;
        offered = offered || !random.stall(stall);
        top.p_w__valid.template set<bool>(offered);
        top.p_w__data.template set<uint32_t>(words[sent]);
        top.p_w__first.template set<bool>(flags[sent] & 1);
        top.p_w__last.template set<bool>(flags[sent] >> 1 & 1);
        top.step();
        if (offered && top.p_w__ready.template get<bool>()) { sent++; offered = false; quiet = 0; }
        clock();
    }
    top.p_w__valid.template set<bool>(false);
    top.step();
    return 0;
} catch (const std::exception &) { return 2; }

uint32_t sx_good(void *h) {
    return static_cast<Model *>(h)->top.p_w__good.template get<uint32_t>();
}

uint32_t sx_crc(void *h) {
    return static_cast<Model *>(h)->top.p_w__crc.template get<uint32_t>();
}
"""

_TRACE = """        if (top.p_trace__@K@__valid.template get<bool>()) {
@KEEP@
            m.count[@S@]++; quiet = still = 0;
        }"""


_BEAT = """            keep(m.beats[0], top.p_o__data);
            m.beats[1].push_back(top.p_o__first.template get<uint32_t>() |
                                 top.p_o__last.template get<uint32_t>() << 1);"""
_ANSWER = """            keep(m.beats[0], top.p_c__class);
            keep(m.beats[0], top.p_c__score);
            m.beats[1].push_back(@FIRED@);"""


def _leaves(output: dict[str, Any]) -> str:
    """Return what keeps a beat of what leaves: data and flags, or class, score and fired."""
    if output["values"] != "classes":
        return _BEAT
    fired = "top.p_c__fired.template get<uint32_t>()" if "fired" in output["ports"] else "0"
    return _ANSWER.replace("@FIRED@", fired)


def harness(manifest: dict[str, Any], select: str | None = None) -> str:
    """Return the C++ source that includes ``network.cpp`` and drives it.

    Args:
        select: name of an input that is set once, by ``sx_select``.
    """
    traces, column = [], 2
    for k, population in enumerate(manifest["populations"]):
        keep = []
        for port in population["ports"]:
            if port != "valid":
                keep.append(f"            keep(m.beats[{column}], top.p_trace__{k}__{port});")
                column += 1
        text = _TRACE.replace("@K@", str(k)).replace("@S@", str(k + 1))
        traces.append(text.replace("@KEEP@", "\n".join(keep)))
    text = _TEMPLATE.replace("@TOP@", str(manifest["top"]).replace("_", "__"))
    loads = "loading" in manifest
    text = text.replace("@LOAD@", _LOAD if loads else "")
    text = text.replace("@NO_WORD@", _NO_WORD if loads else "")
    output = manifest["output"]
    text = text.replace("@LEAVES@", _leaves(output)).replace("@O@", str(output["stream"]))
    chosen = f"    m.top.p_{select}.template set<uint32_t>(number);" if select else ""
    text = text.replace("@SELECT@", chosen)
    text = text.replace("@STREAMS@", str(len(manifest["populations"]) + 1))
    return text.replace("@COLUMNS@", str(column)).replace("@TRACES@", "\n".join(traces))
