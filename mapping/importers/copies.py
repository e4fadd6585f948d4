"""A private copy of a torch model: on the CPU, in evaluation mode, free of graphs and hooks.

Straight after training a model holds membranes and outputs that hang on autograd's graph, which
torch refuses to copy; snnTorch and SpikingJelly detach or reset them, and so does the copy. The
caller's model, its state, mode, device and hooks stay as they are.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from types import FunctionType
from typing import Any

from ..value import Unsupported

_HOOKS = ("_forward_hooks", "_forward_pre_hooks")
_BACKWARD = ("_backward_hooks", "_backward_pre_hooks", "_state_dict_hooks")


def private(model: Any) -> tuple[Any, list[str]]:
    """Copy a model.

    Returns
    -------
        The copy, and a line for each function hook that it leaves out: what the user watches with
        must not be told of runs that are not the user's.

    Raises
    ------
        Unsupported: it holds something that cannot be copied; module and attribute are named.
    """
    while type(model).__name__ in ("DataParallel", "DistributedDataParallel", "OptimizedModule"):
        model = model.module if hasattr(model, "module") else model._orig_mod
    try:
        made = _detached(model)
    except Exception as error:  # whatever a module holds: a lock, a file, a generator
        raise Unsupported(f"the model cannot be copied: {_culprit(model, error)}") from None
    return made.eval().cpu(), _unhooked(made)


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
            except Exception as found:
                why = str(found).strip().partition("\n")[0][:200]
                return f"{name!r} of module {path!r} ({type(module).__name__}): {why}"
    return why


def _unhooked(model: Any) -> list[str]:
    """Take off backward hooks, and hooks that are functions; objects, as pruning's, were copied."""
    found = []
    for path, module in model.named_modules():
        for kind in _BACKWARD:
            getattr(module, kind, {}).clear()
        for kind in _HOOKS:
            hooks: dict[int, Callable] = getattr(module, kind)
            for key, hook in list(hooks.items()):
                plain = getattr(hook, "func", hook)  # of a functools.partial
                if isinstance(plain, FunctionType):
                    del hooks[key]
                    found.append(
                        f"module {path!r} ({type(module).__name__}): its hook {plain.__name__!r} "
                        "was not run; what a hook changes is not read"
                    )
    return found
