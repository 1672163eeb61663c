"""The tables of recorded results say what the records say, and the records keep their promise."""

import json
import re

from tests.site.conftest import ROOT

RECORDS = ROOT / "recipes" / "results"


def iwae(k: int) -> dict:
    return json.loads((RECORDS / f"iwae-k{k}.json").read_text(encoding="utf8"))


def test_more_draws_gave_the_better_likelihood_after_the_same_epochs():
    one, five = iwae(1), iwae(5)
    assert one["training"]["epochs"] == five["training"]["epochs"] >= 100
    nats = [record["test"]["negative_log_likelihood_nats"] for record in (one, five)]
    assert nats[0] - nats[1] > 0.5
    assert one["test"]["active_units"] < five["test"]["active_units"]


def test_every_record_says_how_it_was_made():
    for file in RECORDS.glob("*.json"):
        record = json.loads(file.read_text(encoding="utf8"))
        assert record["recipe"].startswith("python -m recipes."), file.name
        assert {"cpu", "threads", "commit", "torch"} <= set(record["machine"]), file.name
        runs = [record] if "training" in record else record["runs"]  # these of one seed each
        for run in runs:
            assert {"seconds"} <= set(run["training"]), file.name
            assert {"epochs", "steps"} & set(run["training"]), file.name
            assert {"seed", "seeds"} & {*run["training"], *run}, file.name


def test_the_page_shows_the_records(site_folder):
    page = (site_folder / "book/reference/reproductions.html").read_text(encoding="utf8")
    text = " ".join(re.sub(r"<[^>]+>", "", page).split())
    for file in RECORDS.glob("iwae-k*.json"):
        record = json.loads(file.read_text(encoding="utf8"))
        assert record["recipe"] in text
        assert f"{record['test']['negative_log_likelihood_nats']:.2f} ±" in text
        assert record["machine"]["commit"][:10] in text


def test_the_page_shows_the_spread_over_seeds(site_folder):
    page = (site_folder / "book/reference/reproductions.html").read_text(encoding="utf8")
    text = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    for file in RECORDS.glob("disentanglement-*.json"):
        runs = json.loads(file.read_text(encoding="utf8"))["runs"]
        assert len(runs) >= 5
        gaps = [run["scores"]["mig"] for run in runs]
        middle = sum(gaps) / len(gaps)
        spread = (sum((gap - middle) ** 2 for gap in gaps) / (len(gaps) - 1)) ** 0.5
        assert f"{middle:.2f} ± {spread:.2f}" in text, file.name


def test_the_slopes_of_the_families_are_what_was_asked_for():
    """Minus the slope over β, mean of five seeds: within [0.9, 1.2] for β in [0.5, 3.5]."""
    record = json.loads((RECORDS / "families-digits.json").read_text(encoding="utf8"))
    assert len(record["seeds"]) >= 5
    betas, curves = record["betas"], record["family_train"]
    inside = [k for k in range(len(betas) - 1) if 0.5 <= betas[k] and betas[k + 1] <= 3.5]
    assert len(inside) >= 8
    for k in inside:
        slopes = []
        for curve in curves:
            rates, distortions = curve["rate"][k : k + 2], curve["distortion"][k : k + 2]
            slope = (distortions[1] - distortions[0]) / (rates[1] - rates[0])
            slopes.append(-slope / (betas[k] * betas[k + 1]) ** 0.5)
        assert 0.9 <= sum(slopes) / len(slopes) <= 1.2
