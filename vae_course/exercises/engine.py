"""Exercises that say why an answer is wrong.

An exercise is a function to write. Its answer is run on cases beside the reference solution: type,
shape, dtype, values and gradients must agree. A wrong answer is then compared with the exercise's
mutants, plausible mistakes each with an explanation: the mutant that gives the same results on
every case is the mistake that was made.
"""

import copy
import linecache
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from vae_course.exercises.result import Result
from vae_course.random import seeded

NOT_YET = "write your answer here"  # what a stub raises, as a NotImplementedError


@dataclass(frozen=True)
class Case:
    """Inputs to try an answer on. `inputs` draws them from a generator, by the argument's name.

    Gradients of the answer with respect to `gradients` are compared as well.
    """

    name: str
    inputs: Callable[[torch.Generator], dict[str, Tensor | float]]
    gradients: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mutant:
    """A plausible wrong answer, as source, and what a tutor would say about it."""

    source: str
    explanation: str


def changed(source: str, *edits: tuple[str, str]) -> str:
    """`source` with pieces replaced; each old piece must be there exactly once."""
    for old, new in edits:
        if source.count(old) != 1:
            raise ValueError(f"source has {source.count(old)} times {old!r}, needs it once")
        source = source.replace(old, new)
    return source


@dataclass(frozen=True, eq=False)
class Exercise:
    """A function to write. `stub` and `reference` are source; both define `function`."""

    id: str
    chapter: str
    title: str
    prompt: str  # Markdown
    function: str
    difficulty: int  # 1 to 5
    minutes: int
    points: int
    stub: str
    reference: str
    hints: list[str]
    visible: list[Case]
    hidden: list[Case]
    mutants: list[Mutant]
    tolerance: float = 1e-5  # relative and absolute, times 1 + |expected|
    hinted: list[int] = field(default_factory=lambda: [0])  # how many hints were given

    def __post_init__(self):
        if not 1 <= self.difficulty <= 5:
            raise ValueError(f"difficulty is {self.difficulty}, needs to be 1 to 5")

    @property
    def stub_cell(self) -> str:
        """What the notebook's cell for the answer holds, character by character."""
        return self.stub.strip()

    @property
    def check_cell(self) -> str:
        return f'check("{self.id}", {self.function})'

    @cached_property
    def solution(self) -> Callable:
        return define(self.reference, self.function)

    def check(self, answer, seed: int = 0) -> Result:
        """Run an answer on all cases. `seed` draws the inputs of the hidden ones."""
        if not callable(answer):
            got = "the result of a call" if isinstance(answer, Tensor) else type(answer).__name__
            problem = f"`check` needs the function `{self.function}` itself; it was given {got}."
            return Result(self, "wrong", problem)
        passed, failures, outcomes = [], [], []
        for case, is_hidden in self.cases:
            expected = run(self.solution, case, seed)
            outcome = run(answer, case, seed)
            if isinstance(outcome.error, NotImplementedError) and NOT_YET in str(outcome.error):
                return Result(self, "unattempted")
            outcomes.append(outcome)
            problem = difference(outcome, expected, self.tolerance, tell=not is_hidden)
            if problem is None:
                passed.append(case.name)
            else:
                failures.append((case.name, problem))
        if not failures:
            return Result(self, "right", passed=passed)
        return Result(self, "wrong", failures[0][1], passed, failures, self.explain(outcomes, seed))

    def explain(self, outcomes: list["Outcome"], seed: int = 0) -> str | None:
        """The explanation of the mutant that behaves as the answer did on every case, if any."""
        for mutant in self.mutants:
            function = define(mutant.source, self.function)
            pairs = zip(outcomes, self.cases, strict=True)
            if all(same(o, run(function, case, seed), self.tolerance) for o, (case, _) in pairs):
                return mutant.explanation
        return None

    @property
    def cases(self) -> list[tuple[Case, bool]]:
        """All cases, each with whether it is hidden."""
        return [(case, False) for case in self.visible] + [(case, True) for case in self.hidden]

    def to_markdown(self) -> str:
        """The exercise for a page: prompt, and hints and solution folded."""
        dots = "●" * self.difficulty + "○" * (5 - self.difficulty)
        facts = f"Difficulty {dots} ({self.difficulty} of 5) · {self.minutes} minutes"
        facts += f" · {self.points} points"
        hints = [fold(f"Hint {k}", hint) for k, hint in enumerate(self.hints, 1)]
        solution = fold("Solution", f"```python\n{self.reference.strip()}\n```")
        return "\n\n".join([f"**{self.title}**", facts, self.prompt.strip(), *hints, solution])


def fold(title: str, markdown: str) -> str:
    """Markdown that the reader opens, with or without JavaScript."""
    return f"<details>\n<summary>{title}</summary>\n\n{markdown.strip()}\n\n</details>"


def define(source: str, function: str) -> Callable:
    """Run source that we wrote ourselves and return the function that it defines."""
    name = f"<exercise {function} {abs(hash(source))}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    namespace: dict = {"torch": torch}
    exec(compile(source, name, "exec"), namespace)
    return namespace[function]


@dataclass(frozen=True)
class Outcome:
    """What came of one call: a value or an error, and gradients by the argument's name."""

    value: object = None
    error: BaseException | None = None
    gradients: dict[str, Tensor | None] | None = None
    overwritten: tuple[str, ...] = ()
    random: bool = False


def run(function: Callable, case: Case, seed: int) -> Outcome:
    """Call a function on a case, twice: the same inputs must give the same answer."""
    drawn = case.inputs(torch.Generator().manual_seed(seed))
    first, second = call(function, case, drawn, seed=0), call(function, case, drawn, seed=1)
    if first.error is None and not same_value(first.value, second.value, 0.0):
        return Outcome(first.value, None, first.gradients, first.overwritten, random=True)
    return first


def call(function: Callable, case: Case, drawn: dict, seed: int) -> Outcome:
    inputs = copy.deepcopy(drawn)
    for name in case.gradients:
        inputs[name].requires_grad_()
    try:
        with seeded(seed):
            value = function(**inputs)
        gradients = gradients_of(value, case, inputs)
    except Exception as error:
        return Outcome(error=error)
    touched = [
        name
        for name, given in inputs.items()
        if isinstance(given, Tensor) and not torch.equal(given.detach(), drawn[name])
    ]
    return Outcome(value, None, gradients, tuple(touched))


def gradients_of(value, case: Case, inputs: dict) -> dict[str, Tensor | None] | None:
    if not case.gradients or not isinstance(value, Tensor) or not value.is_floating_point():
        return None
    if not value.requires_grad:
        return dict.fromkeys(case.gradients)
    # different weights for the entries, so that gradients that are mixed up do not cancel
    weights = torch.linspace(0.5, 1.5, value.numel(), dtype=value.dtype).reshape(value.shape)
    wanted = [inputs[name] for name in case.gradients]
    found = torch.autograd.grad((value * weights).sum(), wanted, allow_unused=True)
    return dict(zip(case.gradients, found, strict=True))


def difference(got: Outcome, expected: Outcome, tolerance: float, tell: bool) -> str | None:
    """What is wrong with an outcome, in a sentence; None if nothing is. `tell` shows numbers."""
    value, wanted = got.value, expected.value
    if got.error is not None:
        return f"it raised {type(got.error).__name__}: {got.error}{where(got.error)}"
    if value is None:
        return "it returned None. Is there a `return`?"
    if not isinstance(value, Tensor):
        return f"it returned a value of type `{type(value).__name__}`; a tensor is needed."
    if value.shape != wanted.shape:
        return f"the result has shape {tuple(value.shape)}; it needs {tuple(wanted.shape)}."
    if value.dtype != wanted.dtype:
        return (
            f"the result has dtype {value.dtype}; the inputs have {wanted.dtype}, "
            "and the result needs the same."
        )
    if got.overwritten:
        return f"it changes its argument `{got.overwritten[0]}` in place. Compute a new tensor."
    if got.random:
        return "two calls with the same arguments gave different results: it draws random numbers."
    if not torch.isfinite(value[torch.isfinite(wanted)]).all():
        return "the result has entries that are not finite (nan or inf)."
    if not near(value, wanted, tolerance):
        if not tell:
            return "the values are wrong."
        gap = (value - wanted).abs() / (1 + wanted.abs())
        gap[value == wanted] = 0  # infinite in both
        worst = tuple(int(k) for k in torch.unravel_index(gap.argmax(), gap.shape))
        place = f" at {list(worst)}" if worst else ""
        return f"the value{place} is {value[worst]:.6g}; it needs to be {wanted[worst]:.6g}."
    for name, gradient in (expected.gradients or {}).items():
        found = (got.gradients or {}).get(name)
        if found is None:
            return f"no gradient reaches `{name}`: the values are right, but nothing can be learnt."
        if not near(found, gradient, tolerance):
            return f"the values are right, but the gradient with respect to `{name}` is wrong."
    return None


def near(a: Tensor, b: Tensor, tolerance: float) -> bool:
    return torch.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True)


def same_value(a, b, tolerance: float) -> bool:
    if not isinstance(a, Tensor) or not isinstance(b, Tensor):
        return type(a) is type(b)
    return a.shape == b.shape and a.dtype == b.dtype and near(a, b, tolerance)


def same(a: Outcome, b: Outcome, tolerance: float) -> bool:
    """Whether two outcomes are the same behaviour: values, errors, gradients."""
    if a.error is not None or b.error is not None:
        return type(a.error) is type(b.error) and str(a.error) == str(b.error)
    if not same_value(a.value, b.value, tolerance) or a.random != b.random:
        return False
    if (a.gradients is None) != (b.gradients is None):
        return False
    for name, x in (a.gradients or {}).items():
        y = b.gradients[name]
        if (x is None) != (y is None) or (x is not None and not near(x, y, tolerance)):
            return False
    return True


def where(error: BaseException) -> str:
    """The line of the answer in which an error came up."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename != __file__]
    return f" (in `{frames[0].line}`)" if frames and frames[0].line else ""
