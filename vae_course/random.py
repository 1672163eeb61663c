"""One way to seed: a context manager that gives the random state back as it was."""

from contextlib import contextmanager

import torch


@contextmanager
def seeded(seed: int):
    """Run the block from a fixed random state, on the CPU and on every accelerator at hand.

    `Distribution.rsample` takes no generator, so the global state is set and restored:

        with seeded(0):
            z = q.rsample()
    """
    devices = range(torch.cuda.device_count()) if torch.cuda.is_available() else []
    mps_state = torch.mps.get_rng_state() if torch.backends.mps.is_available() else None
    with torch.random.fork_rng(devices=list(devices)):
        torch.manual_seed(seed)
        try:
            yield
        finally:
            if mps_state is not None:
                torch.mps.set_rng_state(mps_state)
