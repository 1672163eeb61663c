"""The page "Reproductions": recorded results of recipes, read from `recipes/results`.

```{recorded-iwae}      the one-layer IWAE beside Table 1 of its paper, one row for each record
```{recorded-mnist}     the first chapter's model on MNIST
"""

import json
from pathlib import Path

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
        lines += ["| " + " | ".join(map(str, self.row(record))) + " |" for record in records]
        made = [f"- `{record['recipe']}`: {made_on(record)}" for record in records]
        return self.blocks("\n".join([*lines, "", *made]))

    def order(self, record: dict) -> int:
        return 0

    def row(self, record: dict) -> list:
        raise NotImplementedError


def made_on(record: dict) -> str:
    """Hardware, time, commit and seed, in words."""
    machine, training = record["machine"], record["training"]
    threads = "one thread" if machine["threads"] == 1 else f"{machine['threads']} threads"
    where = machine["gpu"] or f"{machine['cpu']}, {threads}"
    minutes = training["seconds"] / 60
    return (
        f"{where}, {minutes:.0f} min of training, commit `{machine['commit'][:10]}`, "
        f"seed {training['seed']}, torch {machine['torch']}."
    )


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


def register(app: Sphinx) -> None:
    app.add_directive("recorded-iwae", RecordedIWAE)
    app.add_directive("recorded-mnist", RecordedMNIST)
