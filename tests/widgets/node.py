"""Runs the widgets' JavaScript in Node, from Python."""

import json
import subprocess

import torch
from torch import Tensor, nn

from tools.npm import node
from vae_course.widgets.base import FOLDER, export_network


def run_module(file: str, code: str, data, timeout: float = 60):
    """Run `code` with everything that `file` exports in `js`; it returns what JSON can hold."""
    script = f"""
        import {{ readFileSync }} from "node:fs";
        const js = await import({json.dumps((FOLDER / file).as_uri())});
        const data = JSON.parse(readFileSync(0, "utf8"));
        const result = await (async () => {{ {code} }})();
        process.stdout.write(JSON.stringify(result));
    """
    finished = subprocess.run(
        [str(node()), "--no-warnings", "--input-type=module", "--eval", script],
        input=json.dumps(data),
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    if finished.returncode:
        raise RuntimeError(finished.stderr.strip())
    return json.loads(finished.stdout)


def rounded_to_float16(network: nn.Module) -> nn.Module:
    """The network with its weights as the browser gets them (in place)."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(parameter.half().to(parameter.dtype))
    return network


def forward_in_node(network: nn.Module, inputs: Tensor) -> Tensor:
    """Outputs `(N, …)` of the exported network, computed by nn.js, flat for each input."""
    spec, weights = export_network(network, tuple(inputs.shape[1:]))
    code = """
        const network = js.loadNetwork(data.spec, data.weights);
        return data.inputs.map((x) => [...network.forward(new Float32Array(x))]);
    """
    data = {"spec": spec, "weights": weights, "inputs": inputs.flatten(1).tolist()}
    return torch.tensor(run_module("nn.js", code, data))
