"""Run connected Lava Processes and end cleanly, whatever happens."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np


def play(process: Any, timesteps: int, select_tag: str | None = None) -> None:
    """Run a network of Processes for some timesteps; the runtime is stopped in any case.

    Args:
        process: any Process of the network.
        select_tag: of the models, such as "fixed_pt" for Lava's own.
    """
    from lava.magma.core.run_conditions import RunSteps
    from lava.magma.core.run_configs import Loihi2SimCfg

    config = Loihi2SimCfg(select_tag=select_tag) if select_tag else Loihi2SimCfg()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            process.run(condition=RunSteps(num_steps=timesteps), run_cfg=config)
        finally:
            if process.runtime is not None:
                process.stop()


def quiet() -> None:
    """Keep Lava's log to errors."""
    logging.getLogger("lava").setLevel(logging.ERROR)


def collected(path: Path) -> np.ndarray:
    """Return what a Sink wrote.

    Raises
    ------
        RuntimeError: it wrote nothing: the run ended early.
    """
    if not path.exists():
        raise RuntimeError("Lava ended before its last timestep; nothing was collected")
    return np.load(path, allow_pickle=False)
