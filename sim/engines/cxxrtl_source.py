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
const int STREAMS = @STREAMS@;  // o, trace_0, trace_1, ..

struct Model {
    cxxrtl_design::p_@TOP@ top;
    beats_t beats[STREAMS];
    std::vector<uint64_t> in_cycles, out_cycles;
    uint64_t count[STREAMS], cycles;
    cxxrtl::debug_items items;
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
    m->top.debug_info(&m->items, nullptr, "");
    return m;
}

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
// Returns 0, 1 for no transfer during `idle` cycles, 2 for a violated assertion, 3 for too many.
int sx_run(void *h, const uint32_t *in, uint64_t n, const uint64_t *want, uint64_t idle,
           uint32_t seed, uint32_t stall_in, uint32_t stall_out) try {
    Model &m = *static_cast<Model *>(h);
    auto &top = m.top;
    for (int s = 0; s < STREAMS; s++) { m.beats[s].clear(); m.count[s] = 0; }
    m.in_cycles.clear(); m.out_cycles.clear(); m.cycles = 0;
    Random in_random{seed * 2654435761u | 1u}, out_random{seed * 40503u | 1u};
    auto clock = [&] {
        top.p_clk.template set<bool>(true); top.step();
        top.p_clk.template set<bool>(false);  // settles with the inputs of the next cycle
    };
    top.p_i____valid.template set<bool>(false);
    top.p_o____ready.template set<bool>(false);
    top.p_clk.template set<bool>(false);
    top.p_rst.template set<bool>(true);
    top.step(); clock(); clock();
    top.p_rst.template set<bool>(false);
    uint64_t sent = 0, quiet = 0;
    bool offered = false;
    const auto chunks = decltype(top.p_i____payload)::chunks;
    for (;;) {
        bool complete = sent == n;
        for (int s = 0; s < STREAMS; s++) {
            complete = complete && m.count[s] == want[s];
            if (m.count[s] > want[s]) return 3;
        }
        if (complete && quiet > 64) return 0;
        if (quiet > idle) return 1;
        // a beat once offered stays: valid is never withdrawn
        if (!offered) offered = sent < n && !in_random.stall(stall_in);
        top.p_i____valid.template set<bool>(offered);
        if (offered) for (size_t c = 0; c < chunks; c++)
            top.p_i____payload.data[c] = in[sent * chunks + c];
        bool ready = !out_random.stall(stall_out);
        top.p_o____ready.template set<bool>(ready);
        top.step();
        quiet++;
        if (offered && top.p_i____ready.template get<bool>()) {
            m.in_cycles.push_back(m.cycles); sent++; offered = false; quiet = 0;
        }
        if (ready && top.p_o____valid.template get<bool>()) {
            keep(m.beats[0], top.p_o____payload);
            m.out_cycles.push_back(m.cycles); m.count[0]++; quiet = 0;
        }
@TRACES@
        clock();
        m.cycles++;
    }
} catch (const std::exception &) { return 2; }

const uint32_t *sx_beats(void *h, int stream, uint64_t *count) {
    Model &m = *static_cast<Model *>(h);
    *count = m.count[stream];
    return m.beats[stream].data();
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

_TRACE = """        if (top.p_trace__@K@____valid.template get<bool>()) {
            keep(m.beats[@S@], top.p_trace__@K@____payload); m.count[@S@]++; quiet = 0;
        }"""


def harness(manifest: dict[str, Any]) -> str:
    """Return the C++ source that includes ``network.cpp`` and drives it."""
    count = len(manifest["populations"])
    traces = "\n".join(
        _TRACE.replace("@K@", str(k)).replace("@S@", str(k + 1)) for k in range(count)
    )
    text = _TEMPLATE.replace("@TOP@", str(manifest["top"]).replace("_", "__"))
    return text.replace("@STREAMS@", str(count + 1)).replace("@TRACES@", traces)
