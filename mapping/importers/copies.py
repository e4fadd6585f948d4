"""A private copy of a torch model: on the CPU, in evaluation mode, free of graphs and hooks.

Straight after training a model holds membranes and outputs that hang on autograd's graph, which
torch refuses to copy; snnTorch and SpikingJelly detach or reset them, and so does the copy. The
caller's model, its state, mode and device stay as they are.
"""

from __future__ import annotations

import copy
from types import FunctionType
from typing import Any

from ..value import Unsupported

_HOOKS = ("_forward_hooks", "_forward_pre_hooks")
_BACKWARD = ("_backward_hooks", "_backward_pre_hooks", "_state_dict_hooks")


def private(model: Any) -> Any:
    """Copy a model.

    Raises
    ------
        Unsupported: it holds something that cannot be copied, or a hook that is a function, which
            may change what passes and must not be told of runs that are not the user's; module
            and attribute or hook are named.
    """
    while type(model).__name__ in ("DataParallel", "DistributedDataParallel", "OptimizedModule"):
        model = model.module if hasattr(model, "module") else model._orig_mod
    try:
        made = _detached(model)
    except Exception as error:  # whatever a module holds: a lock, a file, a generator
        raise Unsupported(f"the model cannot be copied: {_culprit(model, error)}") from None
    _unhooked(made)
    return made.eval().cpu()


def _detached(value: Any) -> Any:
    """Return a deep copy in which tensors hang on no graph."""
    import torch
    from torch.overrides import TorchFunctionMode

    class Detach(TorchFunctionMode):
        """Sees the copy of every tensor, however deep in attributes it lies."""

        def __torch_function__(
            self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
        ) -> Any:
            if func is torch.Tensor.__deepcopy__ and not args[0].is_leaf:
                tensor, memo = args
                if id(tensor) not in memo:
                    memo[id(tensor)] = tensor.detach().clone()
                return memo[id(tensor)]
            return func(*args, **(kwargs or {}))

    with Detach():
        return copy.deepcopy(value)


def _culprit(model: Any, error: Exception) -> str:
    why = str(error).strip().partition("\n")[0][:200]
    for path, module in model.named_modules():
        for name, value in vars(module).items():
            if name == "_modules":
                continue
            try:
                _detached(value)
            except Exception as fault:
                why = str(fault).strip().partition("\n")[0][:200]
                return f"{name!r} of module {path!r} ({type(module).__name__}): {why}"
    return why


def _unhooked(model: Any) -> None:
    """Take off backward hooks; refuse functions; objects, as pruning's, were copied and stay."""
    for path, module in model.named_modules():
        for kind in _BACKWARD:
            getattr(module, kind, {}).clear()
        for kind in _HOOKS:
            for hook in getattr(module, kind).values():
                plain = getattr(hook, "func", hook)  # of a functools.partial
                if isinstance(plain, FunctionType):
                    raise Unsupported(
                        f"module {path!r} ({type(module).__name__}) has the hook "
                        f"{plain.__name__!r}, which may change what passes: take it off before the "
                        "import (what register_forward_hook returned has .remove())"
                    )
