"""A torch model's layers, found by running it.

Every torch function that touches a value that depends on the input is seen, and either becomes a
layer or stops the import.

Parameters are constants here, however they were computed: what reaches ``F.linear`` *is* the
weight, be it ``sign(w) * alpha``, a parametrisation or a plain parameter. Neurons are leaves:
their importer says what they compute, and nothing inside them is looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..value import Unsupported
from .recorder import Recorder, tensors_in
from .seen import Leaf, Seen


def trace(
    model: Any, leaves: dict[str, Leaf], feed: Callable[[Callable], Any], recorder: Recorder
) -> list[Seen]:
    """Run a model once and return what its outputs are.

    Args:
        model: a private copy; its modules' ``forward`` is wrapped and stays so.
        leaves: the neurons, by module path.
        feed: calls the function that it is given with input tensors and the Seen of each, and
            returns the outputs of the model.
        recorder: of this run.

    Raises
    ------
        Unsupported: a function, an option or a connection that no layer can hold.
    """
    import torch
    from torch.overrides import TorchFunctionMode

    class Watch(TorchFunctionMode):
        """Sees every torch function outside the neurons."""

        def __torch_function__(
            self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
        ) -> Any:
            """Pass one call on to the recorder."""
            if recorder.asleep:
                return func(*args, **(kwargs or {}))
            return recorder.call(func, args, kwargs or {})

    inside = tuple(leaves)
    for path, module in model.named_modules():
        if any(path.startswith(f"{leaf}.") for leaf in inside):
            continue
        if not type(module).__module__.startswith("torch."):
            recorder.own.add(path)
        _wrap(module, path, leaves.get(path), recorder)
    with torch.no_grad(), Watch():
        outputs = feed(recorder.keep)
    outputs_seen = []
    for output in outputs:
        seen = next((s for s in map(recorder.find, tensors_in(output)) if s is not None), None)
        if seen is None:
            raise Unsupported("the model's output does not depend on its input as far as seen")
        outputs_seen.append(seen)
    return outputs_seen


def _wrap(module: Any, path: str, leaf: Leaf | None, recorder: Recorder) -> None:
    forward, kind = module.forward, type(module).__name__

    def watched(*args: Any, **kwargs: Any) -> Any:
        if leaf is None:
            recorder.stack.append((path, kind))
            try:
                return forward(*args, **kwargs)
            finally:
                recorder.stack.pop()
        recorder.asleep += 1
        try:
            out = forward(*args, **kwargs)
        finally:
            recorder.asleep -= 1
        recorder.stack.append((path, kind))
        recorder.asleep += 1
        recorder.leaf(path, kind, leaf, args, kwargs, out)
        recorder.asleep -= 1
        recorder.stack.pop()
        return out

    module.forward = watched
