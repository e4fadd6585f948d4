"""How a person reads the keys of our JSON; what is not in the table is read as it is written."""

from __future__ import annotations

from typing import Any

LABELS = {
    "accuracy": "accuracy, integer network",
    "accuracy_if_tied": "accuracy, ties counted as correct",
    "accuracy_trained_float32": "accuracy, trained (float32, torch)",
    "accuracy_trained_float64": "accuracy, trained (float64)",
    "below_threshold": "membranes one step below",
    "bytes": "Verilog (bytes)",
    "compared": "neuron-values compared with the reference",
    "crc": "CRC-32",
    "cycles_per_sample": "cycles per sample",
    "divergence": "first divergence",
    "parallelism": "PE x SIMD per connection",
    "held_out_accuracy": "held-out accuracy",
    "latency": "latency of a sample (cycles)",
    "membrane_bits": "membranes (bits)",
    "parameter_bits": "parameters (bits)",
    "rom_bits": "weight ROM (bits)",
    "size_bytes": "size, as the papers count (bytes)",
    "silent_samples": "samples in which no class fired",
    "spikes_differing_from_float64": "spikes that differ from float64",
    "state_bits": "membranes and delays (bits)",
    "threshold_hits": "membranes exactly at their threshold",
    "verilog": "Verilog",
    "weight_bits": "weights (bits)",
    "words": "words of 32 bits, without their CRC",
}
#: What serves programs only, or is said in lines of its own.
UNSAID = ("format", "trained_sha256", "network_sha256", "inputs_sha256", "epochs_sha256", "cost")


def label(key: str) -> str:
    """Return a key in words."""
    return LABELS.get(key, key.replace("_", " "))


def readable(facts: dict[str, Any]) -> dict[str, Any]:
    """Return facts under labels, without what there is not and what serves programs only."""
    said = {k: v for k, v in facts.items() if v is not None and k not in UNSAID}
    return {label(key): value for key, value in said.items()}
