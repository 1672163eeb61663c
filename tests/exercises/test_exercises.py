"""The reference passes, every mutant fails and is explained, and wrong answers are told why."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from vae_course import exercises
from vae_course.exercises.engine import Outcome, changed, define, run, same

IDS = [exercise.id for exercise in exercises.all()]
MUTANTS = [(exercise.id, k) for exercise in exercises.all() for k in range(len(exercise.mutants))]
BOOK = Path(__file__).parents[2] / "book"


@pytest.fixture(params=IDS)
def exercise(request):
    return exercises.get(request.param)


def reference(id):
    return exercises.get(id).solution


# The objects ----------------------------------------------------------------------------------


def test_every_exercise_is_complete(exercise):
    assert len(exercise.mutants) >= 3 and len(exercise.hints) >= 2
    assert exercise.visible and exercise.hidden
    assert exercise.prompt.strip() and exercise.minutes > 0 and exercise.points > 0
    for mutant in exercise.mutants:
        assert len(mutant.explanation) > 50  # a sentence, not a label


@pytest.mark.parametrize("seed", range(5))
def test_the_reference_passes_every_case_whatever_the_hidden_inputs(exercise, seed):
    result = exercise.check(exercise.solution, seed=seed)
    assert result and result.status == "right"
    assert len(result.passed) == len(exercise.visible) + len(exercise.hidden)


@pytest.mark.parametrize(("id", "k"), MUTANTS)
@pytest.mark.parametrize("seed", [0, 1])
def test_every_mutant_fails_and_is_explained(id, k, seed):
    exercise = exercises.get(id)
    mutant = exercise.mutants[k]
    result = exercise.check(define(mutant.source, exercise.function), seed=seed)
    assert result.status == "wrong" and not result
    assert result.explanation == mutant.explanation
    assert mutant.explanation in result._repr_mimebundle_()["text/markdown"]


def test_mutants_are_told_apart(exercise):
    outcomes = [
        [run(define(m.source, exercise.function), case, 0) for case, _ in exercise.cases]
        for m in exercise.mutants
    ]
    for i in range(len(outcomes)):
        for j in range(i):
            pairs = zip(outcomes[i], outcomes[j], strict=True)
            assert not all(same(a, b, exercise.tolerance) for a, b in pairs), (i, j)


def test_most_mutants_fail_a_case_that_the_learner_can_see(exercise):
    visible = {case.name for case in exercise.visible}
    hidden_only = []
    for mutant in exercise.mutants:
        result = exercise.check(define(mutant.source, exercise.function))
        if not visible & {name for name, _ in result.failures}:
            hidden_only.append(mutant)
    # the one exception needs extreme logits
    assert len(hidden_only) == (exercise.id == "vae.bernoulli_elbo")


def test_a_hidden_case_shows_no_numbers():
    exercise = exercises.get("vae.bernoulli_elbo")
    clamped = changed(exercise.reference, ("bce(logits, x,", "bce(logits.clamp(-50, 50), x,"))
    result = exercise.check(define(clamped, exercise.function))
    assert result.failures == [("logits of ±100", "the values are wrong.")]


def test_the_reference_agrees_with_torch():
    from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

    generator = torch.Generator().manual_seed(3)
    mean, log_var = torch.randn(2, 6, 4, generator=generator, dtype=torch.float64)
    logits = torch.randn(6, 1, 5, 5, generator=generator, dtype=torch.float64)
    x = torch.randint(2, (6, 1, 5, 5), generator=generator).double()
    q = Independent(Normal(mean, (0.5 * log_var).exp()), 1)
    rate = kl_divergence(q, Independent(Normal(0 * mean, 1 + 0 * mean), 1))
    log_likelihood = Independent(Bernoulli(logits=logits), 3).log_prob(x)
    torch.testing.assert_close(reference("vae.gaussian_kl")(mean, log_var), rate)
    elbo = reference("vae.bernoulli_elbo")(logits, x, mean, log_var)
    torch.testing.assert_close(elbo, log_likelihood - rate)


@pytest.mark.parametrize("t", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_the_reference_runs_on_the_sphere_at_constant_speed(t):
    generator = torch.Generator().manual_seed(4)
    a, b = torch.randn(2, 50, 10, generator=generator, dtype=torch.float64)
    a, b = 3 * a / a.norm(dim=-1, keepdim=True), 3 * b / b.norm(dim=-1, keepdim=True)
    point = reference("vae.interpolation")(a, b, t)
    torch.testing.assert_close(point.norm(dim=-1), torch.full((50,), 3.0, dtype=torch.float64))
    whole = torch.arccos((a * b).sum(-1) / 9)
    torch.testing.assert_close(torch.arccos(((a * point).sum(-1) / 9).clamp(-1, 1)), t * whole)


# What a learner is told -----------------------------------------------------------------------


def test_an_unattempted_stub_says_so_and_raises_nothing(exercise):
    result = exercises.check(exercise.id, define(exercise.stub, exercise.function))
    assert result.status == "unattempted" and not result
    assert "not attempted yet" in repr(result)
    assert "not attempted yet" in result._repr_mimebundle_()["text/markdown"]


def kl(mean, log_var):
    return 0.5 * (mean**2 + log_var.exp() - 1 - log_var).sum(-1)


def in_place(mean, log_var):
    with torch.no_grad():
        mean.mul_(2)
    return kl(mean, log_var)


class Unbackpropagable(torch.autograd.Function):
    @staticmethod
    def forward(ctx, mean):
        return mean.clone()

    @staticmethod
    def backward(ctx, gradient):
        raise RuntimeError("no way back")


def raises(mean, log_var):
    return mean @ log_var  # (B, d) @ (B, d)


TOLD = {
    "returned a value of type `float`": lambda mean, log_var: 1.0,
    "returned None. Is there a `return`?": lambda mean, log_var: None,
    "returned a value of type `ndarray`": lambda mean, log_var: kl(
        mean.detach(), log_var.detach()
    ).numpy(),
    r"has shape \(2, 1\); it needs \(2,\)": lambda mean, log_var: kl(mean, log_var)[:, None],
    "has dtype torch.float64": lambda mean, log_var: kl(mean, log_var).double(),
    "has dtype torch.float32": lambda mean, log_var: kl(mean, log_var).float(),
    "not finite": lambda mean, log_var: kl(mean, log_var) / 0,
    "missing 1 required positional argument": lambda mean, log_var, other: mean,
    "raised KeyError: 'q'": lambda mean, log_var: {}["q"],
    r"raised RuntimeError: .*\(in `return mean @ log_var": raises,
    "raised RuntimeError: no way back": lambda mean, log_var: kl(
        Unbackpropagable.apply(mean), log_var
    ),
    "draws random numbers": lambda mean, log_var: kl(mean, log_var) + torch.randn(len(mean)),
    "changes its argument `mean` in place": in_place,
    "no gradient reaches `log_var`": lambda mean, log_var: kl(mean, log_var.detach()),
    "gradient with respect to `mean` is wrong": lambda mean, log_var: kl(
        mean.detach() + 2 * (mean - mean.detach()), log_var
    ),
    r"value at \[0\] is 7; it needs to be 0": lambda mean, log_var: kl(mean, log_var) * 0 + 7,
}


@pytest.mark.parametrize("wanted", TOLD)
def test_a_wrong_answer_is_told_plainly(wanted):
    result = exercises.check("vae.gaussian_kl", TOLD[wanted])
    assert result.status == "wrong"
    text = result._repr_mimebundle_()["text/markdown"]
    assert re.search(wanted, text, re.S), text
    assert result.explanation is None  # no mutant does this: no invented explanation


def test_a_right_answer_in_other_words_passes_and_says_what_passed():
    def answer(mean, log_var):
        variance = torch.exp(log_var)
        return torch.stack([(m @ m + v.sum() - len(m) - v.log().sum()) / 2 for m, v in
                            zip(mean, variance, strict=True)])  # fmt: skip

    result = exercises.check("vae.gaussian_kl", answer)
    assert result
    for case in ["the prior itself costs nothing", "float64"]:
        assert case in repr(result)


@pytest.mark.parametrize("answer", [3, None, "kl", torch.zeros(2)])
def test_something_that_is_no_function_is_told(answer):
    result = exercises.check("vae.gaussian_kl", answer)
    assert result.status == "wrong" and "needs the function `gaussian_kl` itself" in result.problem
    assert "not right yet" in repr(result)


def test_a_learners_own_not_implemented_error_is_no_stub():
    def answer(mean, log_var):
        raise NotImplementedError("this dtype")

    result = exercises.check("vae.gaussian_kl", answer)
    assert result.status == "wrong" and "this dtype" in repr(result)


def test_an_error_is_explained_only_if_it_is_the_mutants_own():
    a, b = Outcome(error=RuntimeError("one")), Outcome(error=RuntimeError("two"))
    assert same(a, a, 0.0) and not same(a, b, 0.0)


def test_checking_leaves_the_random_state_alone():
    torch.manual_seed(0)
    wanted = torch.rand(1)
    torch.manual_seed(0)
    exercises.check("vae.reparameterised_sample", lambda mean, log_var, eps: torch.randn(3))
    assert torch.equal(torch.rand(1), wanted)


# Hints, solutions, pages ----------------------------------------------------------------------


def test_hints_come_one_after_the_other(exercise):
    exercise.hinted[0] = 0
    total = len(exercise.hints)
    for n in range(1, total + 1):
        assert f"Hint {n} of {total}" in repr(exercises.hint(exercise.id))
    assert f"Hint {total} of {total}" in repr(exercises.hint(exercise.id))  # stays at the last
    assert exercise.hints[0] in repr(exercises.hint(exercise.id, 1))
    for n in (0, total + 1):
        with pytest.raises(ValueError, match=f"n is {n}, needs to be 1 to {total}"):
            exercises.hint(exercise.id, n)


def test_the_solution_is_folded_in_a_notebook_and_plain_in_a_terminal(exercise):
    note = exercises.solution(exercise.id)
    assert repr(note) == exercise.reference.strip()
    html = note._repr_mimebundle_()["text/html"]
    assert html.startswith("<details><summary>") and "<details open" not in html
    assert "&quot;" in html or '"' not in exercise.reference


def test_the_page_shows_prompt_hints_and_folded_solution(exercise):
    page = exercise.to_markdown()
    assert exercise.prompt.strip() in page and f"{exercise.minutes} minutes" in page
    assert page.count("<details>") == page.count("</details>") == len(exercise.hints) + 1
    assert f"```python\n{exercise.reference.strip()}\n```" in page
    for mutant in exercise.mutants:
        assert mutant.explanation not in page


def test_unknown_ids_list_the_known_ones():
    for call in (exercises.hint, exercises.solution, lambda id: exercises.check(id, kl)):
        with pytest.raises(
            ValueError, match=r"id is 'vae\.kl', needs to be one of vae\.gaussian_kl"
        ):
            call("vae.kl")


def test_edits_must_apply():
    with pytest.raises(ValueError, match="has 0 times 'b'"):
        changed("a", ("b", "c"))


# Stubs in notebooks ---------------------------------------------------------------------------


def notebook(*sources):
    return {"cells": [{"cell_type": "code", "source": source} for source in sources]}


def test_the_stubs_in_the_book_are_those_of_the_exercises():
    problems = []
    for path in sorted(BOOK.rglob("*.ipynb")):
        if "_build" not in path.parts and ".ipynb_checkpoints" not in path.parts:
            found = exercises.stub_problems(json.loads(path.read_text(encoding="utf-8")))
            problems += [f"{path.name}: {problem}" for problem in found]
    assert problems == []


def test_a_right_notebook_has_no_stub_problems(exercise):
    cells = "import torch", exercise.stub_cell, exercise.check_cell
    assert exercises.stub_problems(notebook(*cells)) == []
    as_lines = [source.splitlines(keepends=True) for source in cells]  # as on disk
    assert exercises.stub_problems(notebook(*as_lines)) == []


def test_planted_stub_problems_are_found(exercise):
    stub, check = exercise.stub_cell, exercise.check_cell
    planted = {
        "is not the exercise's stub": [
            (stub + " ", check),
            (stub.replace("write", "put"), check),
            (exercise.reference.strip(), check),
            (check,),
            (stub, "1 + 1", check),
        ],
        "its check cell should be": [(stub, check + "\nprint(1)")],
        "defined, but never checked": [(stub,), (stub, "# " + check)],
        "there is no such exercise": [(stub, 'exercises.check("vae.other", f)')],
    }
    for problem, notebooks in planted.items():
        for cells in notebooks:
            assert any(problem in p for p in exercises.stub_problems(notebook(*cells))), cells


def test_a_stub_cell_runs_by_itself(exercise):
    namespace = {}
    exec(exercise.stub_cell, namespace)
    assert callable(namespace[exercise.function])


def test_exercises_need_nothing_but_torch():
    heavy = ["sympy", "matplotlib", "sklearn", "anywidget", "ipywidgets", "IPython"]
    code = (
        "import sys\n"
        "import vae_course; assert 'vae_course.exercises' not in sys.modules\n"
        "from vae_course import exercises; exercises.solution('vae.gaussian_kl')\n"
        "for id in [e.id for e in exercises.all()]:\n"
        "    assert exercises.check(id, exercises.get(id).solution)\n"
        # torch._dynamo may bring sympy in by itself; our files may not name any of these
        "import pathlib, vae_course.exercises.engine as e\n"
        "text = ''.join(p.read_text() for p in pathlib.Path(e.__file__).parent.glob('*.py'))\n"
        f"bad = [m for m in {heavy!r} if f'import {{m}}' in text or f'from {{m}}' in text]\n"
        f"bad += [m for m in {heavy[1:]!r} if m in sys.modules]\n"
        "assert not bad, bad\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
