"""The trained flows of the widget `FlowWarp`: each kind of layer on each target.

    python -m recipes.flow_warp

Each flow is trained by KL(q ‖ p) on its own samples, the target brought in slowly. Writes
vae_course/weights/flow-warp.safetensors (float16: what the browser computes with) and a JSON record
beside it. `--steps 20 --folder /tmp/weights` tries it out.
"""

import argparse
import json
import os
import platform
import subprocess
import time
from pathlib import Path

import torch
from safetensors.torch import save_file

from recipes.widget_models import round_weights
from vae_course.flows import Flow
from vae_course.random import seeded
from vae_course.widgets.flow_warp import KINDS, TARGETS, WEIGHTS

BATCH = 512
LEARNING_RATE = {"planar": 5e-3, "coupling": 2e-3}


def train(flow: Flow, target, steps: int, lr: float) -> None:
    """Lower KL(q ‖ p) from samples of q; log p counts more and more in the first half."""
    optimiser = torch.optim.Adam(flow.parameters(), lr=lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for step in range(steps):
        weight = min(1.0, 0.05 + 2 * step / steps)
        z, log_q = flow.rsample_and_log_prob((BATCH,))
        loss = (log_q - weight * target.log_prob(z)).mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(flow.parameters(), 5.0)
        optimiser.step()
        schedule.step()


@torch.no_grad()
def divergence(flow: Flow, target, count: int = 200_000) -> tuple[float, float]:
    """KL(q ‖ p) in nats, and the standard error of this estimate, from samples of q."""
    z, log_q = flow.rsample_and_log_prob((count,))
    terms = (log_q - target.log_prob(z)).double()
    return terms.mean().item(), terms.std().item() / count**0.5


def one_flow(target: str, kind: str, steps: int, seed: int) -> tuple[Flow, dict]:
    density = TARGETS[target]()
    with seeded(seed):
        flow = KINDS[kind]()
        train(flow, density, steps, LEARNING_RATE[kind])
        round_weights(flow)
        kl, error = divergence(flow, density)
    numbers = sum(parameter.numel() for parameter in flow.parameters())
    found = {"target": target, "kind": kind, "layers": len(flow.transform.transforms)}
    found |= {"numbers": numbers, "kl": round(kl, 4), "kl_standard_error": round(error, 4)}
    print(found, flush=True)
    return flow, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=WEIGHTS.parent)
    arguments = parser.parse_args()
    start, weights, found = time.perf_counter(), {}, []
    for target in TARGETS:
        for kind in KINDS:
            flow, one = one_flow(target, kind, arguments.steps, arguments.seed)
            found.append(one)
            for key, value in flow.state_dict().items():
                weights[f"{target}.{kind}.{key}"] = value.half().contiguous()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    save_file(weights, arguments.folder / WEIGHTS.name)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    record = {
        "name": WEIGHTS.stem,
        "recipe": f"python -m recipes.flow_warp --steps {arguments.steps} --seed {arguments.seed}",
        "commit": commit.stdout.strip(),
        "hardware": f"cpu, {torch.get_num_threads()} thread(s) of {os.cpu_count()}, "
        f"{platform.machine()}",
        "torch": torch.__version__,
        "steps": arguments.steps,
        "seed": arguments.seed,
        "seconds": round(time.perf_counter() - start, 1),
        "flows": found,
    }
    path = arguments.folder / f"{WEIGHTS.stem}.json"
    path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
