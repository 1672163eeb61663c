r"""Planar flows for posteriors that are known by quadrature, for the widget PosteriorFlows.

    python -m recipes.posterior_flows                   all: about five minutes on one calm core
    python -m recipes.posterior_flows --steps 50 --starts 3 --folder /tmp/runs    tries it out

Each member, a posterior and a number of layers K, is trained from several random starts at once,
to make the ELBO large. One more start is the best flow of the K before, with new layers that at
first do nothing: more layers can then not be worse. The ELBO of a step is a sum over a grid of
noise that is moved by a random part of its spacing: without bias, and with far less noise than a
sample. A layer that is sharper than the grid would hide from a grid that stands still.

Kept are the start with the largest exact ELBO and the random start in the middle, so that a reader
can see both, and the ELBOs of all random starts. Writes
vae_course/weights/runs/posterior-flows.json.
"""

import argparse
import json
import math
import os
import platform
import subprocess
import time
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import elu

import vae_course
from vae_course.flows.planar_radial import FLATTEST
from vae_course.random import seeded
from vae_course.widgets.posterior_flows import LAYERS, POSTERIORS, posterior_model

RUNS = Path(vae_course.__file__).parent / "weights" / "runs"
SPACING, REACH = 0.04, 6.0  # of the widget's grid of noise
LARGEST_ERROR = 3e-4  # nats: a member whose ELBO that grid misses by more is not kept


def grid(spacing: float, reach: float, like: Tensor, offset=0.0) -> tuple[Tensor, Tensor]:
    """Points ε `(N, 2)` and their weights under N(0, I) `(N,)`, which sum to one."""
    count = round(reach / spacing)
    axis = spacing * torch.arange(-count, count + 1, dtype=like.dtype)
    points = torch.cartesian_prod(axis, axis) + offset
    return points, torch.softmax(-0.5 * points.square().sum(-1), 0)


def layers_of(p: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """w, u and b, with u moved along w as in `Planar`, so that each layer can be inverted."""
    w, u = p["w"], p["u"]
    along = (w * u).sum(-1, keepdim=True)
    move = elu(along, FLATTEST) - along
    return w, u + move * w / w.square().sum(-1, keepdim=True), p["b"]


def transform(p: dict[str, Tensor], epsilon: Tensor) -> tuple[Tensor, Tensor]:
    """Noise `(N, 2)` through each start's flow: z `(starts, N, 2)` and log |det|, `(starts, N)`."""
    (s1, s2), below = p["log_scale"].exp().T[..., None], p["below"][:, None]
    e1, e2 = epsilon.T
    z = p["mean"][:, None] + torch.stack([s1 * e1, below * e1 + s2 * e2], -1)
    log_det = p["log_scale"].sum(-1, keepdim=True)
    for w, u, b in zip(*(one.unbind(1) for one in layers_of(p)), strict=True):
        bend = torch.tanh((z @ w[..., None]).squeeze(-1) + b[:, None])
        z = z + u[:, None] * bend[..., None]
        slope = (w * u).sum(-1, keepdim=True)
        log_det = log_det + (1 + slope * (1 - bend * bend)).log()
    return z, log_det


def elbo(p: dict[str, Tensor], model, x: Tensor, points: Tensor, weights: Tensor) -> Tensor:
    """E[log p(x, z) - log q(z)] over a grid of noise, for each start: `(starts,)`, nats."""
    z, log_det = transform(p, points)
    log_q = -0.5 * points.square().sum(-1) - math.log(2 * math.pi) - log_det
    return (model.log_joint(z[..., None, :], x).squeeze(-1) - log_q) @ weights


def first_values(layers: int, starts: int, before: dict[str, Tensor] | None) -> dict[str, Tensor]:
    """Random starts, and as the last one a flow with fewer layers, if there is one."""
    p = {
        "mean": 0.5 * torch.randn(starts, 2),
        "log_scale": torch.full((starts, 2), -0.3),
        "below": torch.zeros(starts),
        "w": torch.randn(starts, layers, 2),
        "u": 0.5 * torch.randn(starts, layers, 2),
        "b": torch.randn(starts, layers),
    }
    if before is None:
        return p
    w, old = torch.randn(layers, 2), before["w"].shape[0]
    last = {"w": w, "u": torch.zeros(layers, 2), "b": torch.randn(layers)}
    for name, value in last.items():
        value[:old] = before[name]
    return {name: torch.cat([p[name], (before | last)[name][None]]) for name in p}


def train(model, x: Tensor, p: dict[str, Tensor], steps: int) -> dict[str, Tensor]:
    """Adam from all starts at once; each has a gradient, and its clip, of its own."""
    starts = len(p["mean"])
    free = [one.requires_grad_() for one in p.values() if one.numel()]
    optimizer = torch.optim.Adam(free, lr=0.02)
    spacing = 0.35
    for step in range(steps):
        rise, fall = min(1.0, (step + 1) / 50), 0.5 * (1 + math.cos(math.pi * step / steps))
        optimizer.param_groups[0]["lr"] = 0.02 * rise * fall
        points, weights = grid(spacing, 4.2, x, (torch.rand(2) - 0.5) * spacing)
        optimizer.zero_grad()
        (-elbo(p, model, x, points, weights)).sum().backward()
        norms = sum(one.grad.square().reshape(starts, -1).sum(1) for one in free).sqrt()
        for one in free:
            one.grad *= (5 / norms.clamp(min=5)).reshape(-1, *[1] * (one.ndim - 1))
        optimizer.step()
    return {name: one.detach() for name, one in p.items()}


def rounded(p: dict[str, Tensor], start: int) -> dict[str, list]:
    """A start as the widget gets it: numbers of six digits, u as it is used."""
    w, u, b = layers_of(p)
    s1, s2 = p["log_scale"][start].exp().tolist()
    numbers = {
        "mean": p["mean"][start].tolist(),
        "scale": [s1, p["below"][start].item(), s2],  # A, the lower triangle row by row
        "layers": torch.cat([w[start], u[start], b[start, :, None]], -1).tolist(),  # w₁ w₂ u₁ u₂ b
    }
    return json.loads(json.dumps(numbers), parse_float=lambda text: float(f"{float(text):.6g}"))


@torch.no_grad()
def exact_elbos(p: dict[str, Tensor], model, x: Tensor, spacing: float, reach: float) -> Tensor:
    """One start at a time, so that a fine grid fits into the memory: `(starts,)`."""
    points, weights = grid(spacing, reach, x)
    found = []
    for start in range(len(p["mean"])):
        one = {name: value[start : start + 1].to(x.dtype) for name, value in p.items()}
        found.append(elbo(one, model, x, points, weights))
    return torch.cat(found)


def members_of(name: str, starts: int, steps: int, seed: int) -> list[dict]:
    """The best and the middle random start of a posterior, for each number of layers."""
    exact, x = posterior_model(name)
    model, _ = posterior_model(name)
    found, before = [], None
    for layers in LAYERS:
        with seeded(seed):
            p = train(model.float(), x.float(), first_values(layers, starts, before), steps)
        elbos = exact_elbos(p, exact, x, 0.02, 7.0)
        error = (exact_elbos(p, exact, x, SPACING, REACH) - elbos).abs()
        order = [i for i in elbos.argsort(descending=True).tolist() if error[i] < LARGEST_ERROR]
        at_random = [i for i in order if i < starts]
        random_elbos = sorted(elbos[:starts].tolist(), reverse=True)
        print(name, layers, [round(one, 4) for one in elbos[order].tolist()], flush=True)
        for start, i in (("best", order[0]), ("typical", at_random[len(at_random) // 2])):
            member = {"posterior": name, "depth": layers, "start": start, **rounded(p, i)}
            member |= {"elbo": round(elbos[i].item(), 5), "error": float(f"{error[i]:.1e}")}
            found.append(member | {"elbos": [round(one, 4) for one in random_elbos]})
        before = {key: value[order[0]] for key, value in p.items()}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--starts", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=RUNS)
    a = parser.parse_args()
    begin = time.perf_counter()
    members = [one for name in POSTERIORS for one in members_of(name, a.starts, a.steps, a.seed)]
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    record = {
        "recipe": f"python -m recipes.posterior_flows --steps {a.steps} --starts {a.starts} "
        f"--seed {a.seed}",
        "commit": commit.stdout.strip(),
        "hardware": f"cpu, {torch.get_num_threads()} thread(s) of {os.cpu_count()}, "
        f"{platform.machine()}",
        "torch": torch.__version__,
        "seconds": round(time.perf_counter() - begin, 1),
        "starts": a.starts,
        "members": members,
    }
    a.folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({key: value})[1:-1] for key, value in record.items()]
    lines[-1] = '"members": [\n' + ",\n".join(json.dumps(one) for one in members) + "]"
    text = "{" + ",\n".join(lines) + "}\n"  # a line for each member
    (a.folder / "posterior-flows.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
