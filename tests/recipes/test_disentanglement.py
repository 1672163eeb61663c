"""The recipe on sprites: it compares like with like, goes on where it stopped, keeps the median."""

import json

import pytest
import torch
from safetensors.torch import load_file

from recipes import disentanglement as recipe
from vae_course.data import load
from vae_course.networks import parameter_count
from vae_course.pretrained import MODELS


@pytest.fixture
def small(monkeypatch, tmp_path):
    """A hundred pictures, three steps; everything is written into a folder of the test."""
    for name, value in [("TRAIN", 100), ("TEST", 300), ("BATCH_SIZE", 20), ("WARMUP", 1)]:
        monkeypatch.setattr(recipe, name, value)
    gap = recipe.mutual_information_gap  # the other scores take seconds
    monkeypatch.setattr(recipe, "scores", lambda codes, factors: {"mig": gap(codes, factors)})

    def run(command: str, *options: str) -> None:
        folders = [f"--{name}={tmp_path / name}" for name in ("checkpoints", "results", "weights")]
        arguments = ["disentanglement", command, "--steps=3", *folders, *options]
        monkeypatch.setattr("sys.argv", arguments)
        recipe.main()

    run.folder = tmp_path
    return run


def test_all_methods_start_from_the_same_weights():
    models = {method: recipe.build(method, 3) for method in recipe.METHODS}
    wanted = models["vae"].state_dict()
    for method in ("beta-vae", "beta-tcvae", "factor-vae"):
        found = models[method].state_dict()
        assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    other = recipe.build("vae", 4).state_dict()
    assert not torch.equal(other["encoder.head.weight"], wanted["encoder.head.weight"])
    # The autoencoder has the same layers, but no log-variance: d outputs less of 512 and a bias.
    less = parameter_count(models["vae"]) - parameter_count(models["ae"])
    assert less == recipe.LATENT_DIM * (512 + 1)
    for name in recipe.KEPT:
        assert parameter_count(MODELS[name]()) == parameter_count(models["vae"])


def test_rotations():
    for seed in range(3):
        turn = recipe.rotation(6, seed).double()
        assert torch.allclose(turn @ turn.T, torch.eye(6).double(), atol=1e-5)
        assert torch.linalg.det(turn).item() == pytest.approx(1, abs=1e-5)
    assert not torch.allclose(recipe.rotation(6, 0), recipe.rotation(6, 1))


def test_factors_themselves_score_best_and_rotated_ones_do_not():
    test = load("sprites", "test", count=1500)
    factors = torch.stack([test.factors[name] for name in recipe.FACTORS], 1)
    codes = factors.float()
    codes = (codes - codes.mean(0)) / codes.std(0)
    found = recipe.scores(codes, factors)
    rotated = recipe.scores(codes @ recipe.rotation(5, 0), factors)
    assert found["mig"] > 0.8 and found["dci_disentanglement"] > 0.9
    for name in ("mig", "dci_disentanglement", "dci_completeness", "modularity"):
        assert rotated[name] < 0.8 * found[name]


def test_from_training_to_the_kept_models(small, capsys):
    seeds = ("--seeds", "0", "1", "2")
    small("train", "--methods", "vae", *seeds[:2])
    first = capsys.readouterr().out
    assert first.count("seed 0") == 1
    small("train", *seeds)
    second = capsys.readouterr().out
    # What was there is not trained again.
    lines = [line.partition(":")[0] for line in second.splitlines()]
    assert "beta-vae seed 0" in lines and "vae seed 1" in lines
    assert "vae seed 0" not in lines
    small("measure", *seeds)
    results = {
        method: json.loads((small.folder / f"results/disentanglement-{method}.json").read_text())
        for method in recipe.METHODS
    }
    for method, record in results.items():
        assert [run["seed"] for run in record["runs"]] == [0, 1, 2]
        assert {"cpu", "commit", "threads"} <= set(record["machine"])
        assert all(run["scores"] != run["scores_rotated"] for run in record["runs"])
        for run in record["runs"]:
            assert run["training"]["steps"] == 3
            assert run["scores"].keys() == run["scores_rotated"].keys()
            if method != "ae":
                parts = run["decomposition"]
                total = sum(
                    parts[name][0]
                    for name in ("information", "total_correlation", "dimension_wise")
                )
                assert total == pytest.approx(parts["sum"][0], abs=1e-3)
                assert abs(parts["sum"][0] - parts["rate"]) < 6 * parts["sum"][1] + 1e-3
                assert parts["information"][0] <= parts["information_is_at_most"] + 1e-3
    small("keep", *seeds)
    migs = {run["scores"]["mig"]: run["seed"] for run in results["vae"]["runs"]}
    median = migs[sorted(migs)[len(migs) // 2]]
    record = json.loads((small.folder / "weights/sprites-vae.json").read_text())
    assert record["seed"] == median
    weights = load_file(small.folder / "weights/sprites-vae.safetensors")
    trained = load_file(
        small.folder / f"checkpoints/disentanglement-vae-3-seed{median}.safetensors"
    )
    assert all(torch.equal(weights[name], value.half()) for name, value in trained.items())
    table = json.loads((small.folder / "weights/runs/sprites-disentanglement.json").read_text())
    assert [(row["method"], row["seed"]) for row in table] == [
        (method, seed) for method in recipe.METHODS for seed in (0, 1, 2)
    ]
