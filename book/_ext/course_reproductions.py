"""The page "Reproductions": recorded results of recipes, read from `recipes/results`.

```{recorded-iwae}      the one-layer IWAE beside Table 1 of its paper, one row for each record
```{recorded-mnist}     the first chapter's model on MNIST
```{recorded-families} a model for each β on digits, mean and standard deviation over the seeds
```{recorded-disentanglement}  five methods on sprites, the same
```{recorded-flow-posteriors}  three posteriors for one VAE on MNIST, the same
```{recorded-flow-images}      bits per dimension of flows on MNIST, one row for each record
"""

import json
from pathlib import Path
from statistics import mean, stdev

from course_directives import CourseDirective
from docutils import nodes
from sphinx.application import Sphinx


class Recorded(CourseDirective):
    """A table of the records that match `pattern`: one row each, and how each was made."""

    has_content = False
    pattern = ""
    columns: tuple[str, ...] = ()

    def build(self) -> list[nodes.Node]:
        folder = Path(self.env.srcdir) / "recipes" / "results"
        self.env.note_dependency(str(folder))
        records = []
        for file in folder.glob(self.pattern):
            self.env.note_dependency(str(file))
            records.append(json.loads(file.read_text(encoding="utf-8")))
        if not records:
            raise ValueError(f"there is no {self.pattern} in recipes/results")
        records.sort(key=self.order)
        lines = ["| " + " | ".join(self.columns) + " |", "|" + "---|" * len(self.columns)]
        rows = [row for record in records for row in self.rows(record)]
        lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
        made = [f"- `{record['recipe']}`: {self.made(record)}" for record in records]
        made = list(dict.fromkeys(made))
        return self.blocks("\n".join([*lines, "", *made]))

    def order(self, record: dict) -> int:
        return 0

    def rows(self, record: dict) -> list[list]:
        return [self.row(record)]

    def row(self, record: dict) -> list:
        raise NotImplementedError

    def made(self, record: dict) -> str:
        training = record["training"]
        return made_on(record["machine"], training["seconds"], f"seed {training['seed']}")


def made_on(machine: dict, seconds: float | None, seeds: str) -> str:
    """Hardware, time (where it was measured), commit and seeds, in words."""
    threads = "one thread" if machine["threads"] == 1 else f"{machine['threads']} threads"
    where = machine["gpu"] or f"{machine['cpu']}, {threads}"
    time = "" if seconds is None else f"{seconds / 60:.0f} min of training, "
    return f"{where}, {time}commit `{machine['commit'][:10]}`, {seeds}, torch {machine['torch']}."


class RecordedIWAE(Recorded):
    pattern = "iwae-k*.json"
    columns = ("$K$", "epochs", "NLL, nats", "paper, 3,280 epochs", "active units", "paper")

    def order(self, record: dict) -> int:
        return draws(record)

    def row(self, record: dict) -> list:
        test, paper = record["test"], record["paper"]
        error = test["standard_error_over_images"]
        return [
            draws(record),
            record["training"]["epochs"],
            f"{test['negative_log_likelihood_nats']:.2f} ± {error:.2f}",
            f"{paper['negative_log_likelihood_nats']:.2f}",
            test["active_units"],
            paper["active_units"],
        ]


def draws(record: dict) -> int:
    """K, from the command."""
    words = record["recipe"].split()
    return int(words[words.index("--k") + 1])


class RecordedMNIST(Recorded):
    pattern = "mnist-mlp.json"
    columns = ("epochs", "ELBO, nats", "rate", "distortion", "log-likelihood of the first 1,000")

    def row(self, record: dict) -> list:
        test = record["test"]
        values = [test[f"{name}_nats"] for name in ("elbo", "rate", "distortion")]
        values.append(test["log_likelihood_nats_of_the_first_1000"])
        return [record["training"]["epochs"], *(f"{value:.2f}" for value in values)]


class RecordedFamilies(Recorded):
    pattern = "families-digits.json"
    columns = ("β", "rate, nats", "distortion, nats", "minus the slope to the next, over β")

    def rows(self, record: dict) -> list[list]:
        curves = record["family_train"]
        slopes = [*record["mean_slope_over_beta_train"], None]
        return [
            [
                f"{beta:.3g}",
                spread([curve["rate"][k] for curve in curves], ".2f"),
                spread([curve["distortion"][k] for curve in curves], ".2f"),
                "" if slopes[k] is None else f"{slopes[k]:.2f}",
            ]
            for k, beta in enumerate(record["betas"])
        ]

    def made(self, record: dict) -> str:
        seeds = f"seeds {', '.join(map(str, record['seeds']))}"
        return made_on(record["machine"], record["training"]["seconds"], seeds)


class RecordedDisentanglement(Recorded):
    pattern = "disentanglement-*.json"
    columns = (
        "method", "MIG", "MIG, latents rotated", "FactorVAE score", "total correlation, nats",
        "rate, nats", "ELBO, nats", "active units",
    )  # fmt: skip
    names = {
        "ae": "autoencoder",
        "vae": "VAE",
        "beta-vae": "β-VAE, β = 4",
        "beta-tcvae": "β-TCVAE, total correlation × 6",
        "factor-vae": "FactorVAE, γ = 10",
    }

    def order(self, record: dict) -> int:
        return list(self.names).index(record["method"])

    def row(self, record: dict) -> list:
        runs = record["runs"]
        cells = [
            spread([run["scores"]["mig"] for run in runs], ".2f"),
            spread([run["scores_rotated"]["mig"] for run in runs], ".2f"),
            spread([run["scores"]["factor_vae_score"] for run in runs], ".2f"),
        ]
        if "rate" in runs[0]:
            correlations = [run["decomposition"]["total_correlation"][0] for run in runs]
            cells.append(spread(correlations, ".2f"))
            cells += [spread([run[name] for run in runs], ".1f") for name in ("rate", "elbo")]
        else:
            cells += ["none"] * 3
        active = spread([run["active_units"] for run in runs], ".1f")
        return [self.names[record["method"]], *cells, active]

    def made(self, record: dict) -> str:
        runs = record["runs"]
        trained = [run["training"] for run in runs]
        seeds = ", ".join(str(run["seed"]) for run in runs)
        seeds = f"seeds {seeds}, {trained[0]['steps']:,} steps"
        return made_on(record["machine"], sum(run["seconds"] for run in trained), seeds)


class RecordedFlowPosteriors(Recorded):
    pattern = "flow-posteriors.json"
    columns = ("posterior", "bound, nats", "gain of each seed", "log-likelihood, nats")
    names = {
        "diagonal": "diagonal Gaussian",
        "planar": "and 10 planar layers",
        "iaf": "and 4 inverse autoregressive steps",
    }

    def rows(self, record: dict) -> list[list]:
        return [self.of(record, posterior) for posterior in record["mean_over_seeds"]]

    def of(self, record: dict, posterior: str) -> list:
        tests = [run["test"] for run in record["runs"] if run["posterior"] == posterior]
        gains = record["mean_over_seeds"][posterior]["gain_of_each_seed_nats"]
        return [
            self.names[posterior],
            spread([test["bound_nats"] for test in tests], ".2f"),
            ", ".join(f"{gain:+.2f}" for gain in gains).replace("-", "−") if any(gains) else "",
            spread([test["log_likelihood_nats"] for test in tests], ".2f"),
        ]

    def made(self, record: dict) -> str:
        training = record["training"]
        seeds = f"seeds {', '.join(map(str, record['seeds']))}, {training['steps']:,} steps each"
        return made_on(record["machine"], training["seconds"], seeds)


class RecordedFlowImages(Recorded):
    pattern = "flow-mnist*.json"
    columns = ("model", "epochs", "bits per dimension", "published, of larger models")

    def row(self, record: dict) -> list:
        test, published = record["test"], record["published"]
        error = test["standard_error_over_images"]
        others = [f"{name} {bits}" for name, bits in published.items() if name != "source"]
        return [
            record["model"],
            record["training"]["epochs"],
            f"{test['bits_per_dimension']:.3f} ± {error:.3f}",
            ", ".join(others),
        ]


def spread(values: list[float], form: str) -> str:
    """Mean ± standard deviation."""
    return f"{mean(values):{form}} ± {stdev(values):{form}}".replace("-", "−")


def register(app: Sphinx) -> None:
    app.add_directive("recorded-families", RecordedFamilies)
    app.add_directive("recorded-disentanglement", RecordedDisentanglement)
    app.add_directive("recorded-flow-images", RecordedFlowImages)
    app.add_directive("recorded-flow-posteriors", RecordedFlowPosteriors)
    app.add_directive("recorded-iwae", RecordedIWAE)
    app.add_directive("recorded-mnist", RecordedMNIST)
