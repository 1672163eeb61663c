"""What a learner is told about an answer, in a notebook and in a terminal."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vae_course.exercises.engine import Exercise


@dataclass(frozen=True)
class Result:
    """The outcome of `check`. `status` is "unattempted", "wrong" or "right"."""

    exercise: "Exercise"
    status: str
    problem: str = ""
    passed: list[str] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)  # (case, what is wrong)
    explanation: str | None = None

    def __bool__(self) -> bool:
        return self.status == "right"

    @property
    def heading(self) -> str:
        """Title and colon, unless the title is a question."""
        title = self.exercise.title
        return f"**{title}" if title.endswith("?") else f"**{title}:"

    def lines(self) -> list[str]:
        """One paragraph a line, in Markdown."""
        exercise = self.exercise
        if self.status == "unattempted":
            return [
                f"{self.heading} not attempted yet.** Replace the `raise` line of "
                f"`{exercise.function}` and run both cells again. The notebook runs on without it. "
                f'A first step: `hint("{exercise.id}")`.'
            ]
        total = len(exercise.cases)
        if self.status == "right":
            cases = "; ".join(self.passed)
            return [f"{self.heading} right.** All {total} cases pass: {cases}."]
        lines = [f"{self.heading} not right yet.**"]
        if not self.failures:
            return [f"{lines[0]} {self.problem}"]
        case, problem = self.failures[0]
        lines[0] += f" In the case “{case}”, {problem}"
        if self.explanation:
            lines.append(f"**What probably happened.** {self.explanation}")
        others = f"{len(self.passed)} of {total} cases pass"
        lines.append(f"{others}: {'; '.join(self.passed)}." if self.passed else f"{others}.")
        if not self.explanation:
            lines.append(f'`hint("{exercise.id}")` gives a hint.')
        return lines

    def __repr__(self) -> str:
        return "\n".join(self.lines()).replace("**", "").replace("`", "")

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"text/plain": repr(self), "text/markdown": "\n\n".join(self.lines())}


@dataclass(frozen=True)
class Note:
    """A hint or a solution: Markdown in a notebook, plain text in a terminal."""

    text: str
    html: str | None = None

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        rich = {"text/html": self.html} if self.html else {"text/markdown": self.text}
        return {"text/plain": self.text, **rich}
