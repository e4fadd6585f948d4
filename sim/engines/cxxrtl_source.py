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
const int STREAMS = @STREAMS@;  // what leaves, trace_0, trace_1, ..
const int COLUMNS = @COLUMNS@;  // of what leaves: data, flags; of every trace: its ports

struct Model {
    cxxrtl_design::p_@TOP@ top;
    beats_t beats[COLUMNS];
    std::vector<uint64_t> in_cycles, out_cycles;
    uint64_t count[STREAMS], cycles;
    bool ordered;  // one evaluation settles everything: no combinational feedback
    cxxrtl::debug_items items;

    void forget() {
        for (auto &column : beats) column.clear();
        for (auto &n : count) n = 0;
        in_cycles.clear(); out_cycles.clear();
    }
};

template <class V> void keep(beats_t &to, const V &value) {
    to.insert(to.end(), value.data, value.data + V::chunks);
}

struct Random {  // xorshift32
    uint32_t state;
    bool stall(uint32_t percent) {
        if (percent == 0) return false;
        state ^= state << 13; state ^= state >> 17; state ^= state << 5;
        return state % 100 < percent;
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
// during `idle` cycles, 2 for a violated assertion, 3 for too many.
int sx_run(void *h, const uint32_t *in, const uint8_t *flags, uint64_t n, const uint64_t *want,
           uint64_t idle, uint32_t seed, uint32_t stall_in, uint32_t stall_out) try {
    Model &m = *static_cast<Model *>(h);
    auto &top = m.top;
    m.forget(); m.cycles = 0;
    Random in_random{seed * 2654435761u | 1u}, out_random{seed * 40503u | 1u};
    auto clock = [&] {
        top.p_clk.template set<bool>(true); top.step();
        top.p_clk.template set<bool>(false);  // settles with the inputs of the next cycle
    };
    auto reset = [&](int cycles) {
        top.p_i__valid.template set<bool>(false);
        top.p_@O@__ready.template set<bool>(false);
        top.p_clk.template set<bool>(false);
        top.p_rst.template set<bool>(true);
        top.step();
        while (cycles--) clock();
        top.p_rst.template set<bool>(false);
    };
    reset(2);
    uint64_t sent = 0, quiet = 0;
    bool offered = false;
    const auto chunks = decltype(top.p_i__data)::chunks;
    for (;;) {
        bool complete = sent == n, any = false;
        for (int s = 0; s < STREAMS; s++) {
            any = any || want[s] == ANY;
            complete = complete && (want[s] == ANY || m.count[s] == want[s]);
        }
        if (complete && quiet > (any ? idle / 8 : 64)) return 0;
        if (sent == n) for (int s = 0; s < STREAMS; s++) if (m.count[s] > want[s]) return 3;
        if (quiet > idle) return 1;
        // a beat once offered stays: valid is never withdrawn, but by a reset
        if (!offered) {
            offered = sent < n && !in_random.stall(stall_in);
            if (offered && flags[sent] & 4) { reset(1); m.cycles++; m.forget(); }
        }
        top.p_i__valid.template set<bool>(offered);
        if (offered) {
            for (size_t c = 0; c < chunks; c++) top.p_i__data.data[c] = in[sent * chunks + c];
            top.p_i__first.template set<bool>(flags[sent] & 1);
            top.p_i__last.template set<bool>(flags[sent] >> 1 & 1);
        }
        bool ready = !out_random.stall(stall_out);
        top.p_@O@__ready.template set<bool>(ready);
        if (m.ordered) {  // what is combinational, and what registers take at the edge, at once
            top.prev_p_clk.template set<bool>(false);
            top.p_clk.template set<bool>(true);
            top.eval(nullptr);
        } else {
            top.step();
        }
        quiet++;
        if (offered && top.p_i__ready.template get<bool>()) {
            m.in_cycles.push_back(m.cycles); sent++; offered = false; quiet = 0;
        }
        if (ready && top.p_@O@__valid.template get<bool>()) {
@LEAVES@
            m.out_cycles.push_back(m.cycles); m.count[0]++; quiet = 0;
        }
@TRACES@
        if (m.ordered) top.commit(); else clock();
        m.cycles++;
    }
} catch (const std::exception &) { return 2; }

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

uint64_t sx_total(void *h) { return static_cast<Model *>(h)->cycles; }
}
"""

_TRACE = """        if (top.p_trace__@K@__valid.template get<bool>()) {
@KEEP@
            m.count[@S@]++; quiet = 0;
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


def harness(manifest: dict[str, Any]) -> str:
    """Return the C++ source that includes ``network.cpp`` and drives it."""
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
    output = manifest["output"]
    text = text.replace("@LEAVES@", _leaves(output)).replace("@O@", str(output["stream"]))
    text = text.replace("@STREAMS@", str(len(manifest["populations"]) + 1))
    return text.replace("@COLUMNS@", str(column)).replace("@TRACES@", "\n".join(traces))
