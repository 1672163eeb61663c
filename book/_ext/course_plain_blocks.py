"""Each directive as plain Markdown. A directive that is not here raises: nothing slips through."""

from collections.abc import Callable

from course_markup import parse_parts, parse_pitfall, parse_selfcheck
from course_plain import Context, plain_equation, to_plain

Plain = Callable[[str, dict[str, str], str, Context], str]


def fold(summary: str, markdown: str) -> str:
    """What the reader opens; notebooks show <details> too."""
    return f"<details>\n<summary>{summary}</summary>\n\n{markdown}\n\n</details>"


def quote(markdown: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in markdown.splitlines())


def separate(*blocks: str) -> str:
    """Blocks with an empty line before, between and after them."""
    return "\n" + "\n\n".join(block for block in blocks if block) + "\n"


def plain_question(argument, options, content, context) -> str:
    return separate(quote(f"**The question.** {to_plain(content, context)}"))


def plain_objectives(argument, options, content, context) -> str:
    return separate("**After this chapter you can**", to_plain(content, context))


def plain_facts(argument, options, content, context) -> str:
    return separate(f"**Before you start:** {to_plain(content or 'nothing.', context)}")


def plain_prediction(argument, options, content, context) -> str:
    parts = parse_parts(content, ("answer",))
    prompt = f"**Predict first.** {to_plain(parts[''], context)}"
    answer = parts.get("answer")
    return separate(
        prompt, fold("Compare with what happens", to_plain(answer, context)) if answer else ""
    )


def plain_pitfall(argument, options, content, context) -> str:
    parts = {name: to_plain(text, context) for name, text in parse_pitfall(content).items()}
    return separate(
        f"**Pitfall: {to_plain(argument, context)}**",
        f"*What is commonly said.* {parts['said']}",
        f"*What is true.* {parts['true']}",
        f"*The check.* {parts['check']}",
    )


def plain_selfcheck(argument, options, content, context) -> str:
    lead, choices = parse_selfcheck(content)
    letters = "ABCDEFGHIJ"[: len(choices)]
    listed = [
        f"- **{letter}.** {to_plain(choice.text, context)}"
        for letter, choice in zip(letters, choices, strict=True)
    ]
    answers = [
        f"**{letter}. {'Right.' if choice.right else 'Not quite.'}** "
        f"{to_plain(choice.explanation, context)}"
        for letter, choice in zip(letters, choices, strict=True)
    ]
    return separate(
        f"**Check yourself.** {to_plain(argument, context)}",
        to_plain(lead, context),
        "\n".join(listed),
        fold("Answers", "\n\n".join(answers)),
    )


def plain_exercise(argument, options, content, context) -> str:
    if context.exercise:
        exercise = context.exercise(argument.strip())
    else:
        from vae_course import exercises

        exercise = exercises.get(argument.strip())
    return separate(to_plain(exercise.to_markdown(), context))


def plain_admonition(name: str) -> Plain:
    def plain(argument, options, content, context) -> str:
        title = to_plain(argument, context) if argument and name == "admonition" else ""
        words = content if name == "admonition" or not argument else f"{argument}\n{content}"
        heading = title or name.replace("-", " ").capitalize()
        return separate(quote(f"**{heading}.** {to_plain(words, context)}"))

    return plain


def plain_dropdown(argument, options, content, context) -> str:
    return separate(fold(to_plain(argument, context) or "More", to_plain(content, context)))


def plain_content(argument, options, content, context) -> str:
    return separate(to_plain(content, context))


def plain_math(argument, options, content, context) -> str:
    math = "\n".join(part for part in (argument, content) if part)
    return separate(plain_equation(f"\n{math}\n", options.get("label"), context))


def plain_code(argument, options, content, context) -> str:
    return separate(f"```{argument}\n{content}\n```")


def plain_figure(argument, options, content, context) -> str:
    picture = to_plain(f"![{options.get('alt', '')}]({argument})", context)
    return separate(picture, to_plain(content, context))


def plain_table(argument, options, content, context) -> str:
    caption = f"**{to_plain(argument, context)}**" if argument else ""
    return separate(caption, to_plain(content, context))


def plain_nothing(argument, options, content, context) -> str:
    return ""


ADMONITIONS = (
    "admonition attention caution danger error hint important note seealso tip warning".split()
)
PLAIN: dict[str, Plain] = {
    "question": plain_question,
    "objectives": plain_objectives,
    "chapter-facts": plain_facts,
    "prediction": plain_prediction,
    "pitfall": plain_pitfall,
    "selfcheck": plain_selfcheck,
    "exercise": plain_exercise,
    "dropdown": plain_dropdown,
    "div": plain_content,
    "margin": plain_content,
    "sidebar": plain_content,
    "math": plain_math,
    "code": plain_code,
    "code-block": plain_code,
    "figure": plain_figure,
    "image": plain_figure,
    "table": plain_table,
    "bibliography": plain_nothing,
    **{name: plain_admonition(name) for name in ADMONITIONS},
}


def plain_directive(
    name: str, argument: str, options: dict[str, str], content: str, context: Context
) -> str:
    """The directive called `name` as plain Markdown."""
    if name not in PLAIN:
        raise ValueError(
            f"the directive {{{name}}} has no plain form; add one in course_plain_blocks"
        )
    return PLAIN[name](argument, options, content, context)


def citations_of(bib_file) -> dict[str, tuple[str, str, str]]:
    """Every entry of a .bib file as (authors, year, address)."""
    from pybtex.database import parse_file

    found = {}
    for key, entry in parse_file(str(bib_file)).entries.items():
        names = [
            " ".join([*person.prelast_names, *person.last_names])
            for person in entry.persons["author"]
        ]
        names = [plain_latex(name) for name in names]
        who = names[0] if len(names) == 1 else f"{names[0]} et al."
        if len(names) == 2:
            who = f"{names[0]} and {names[1]}"
        fields = entry.fields
        address = fields.get("url", "")
        if "eprint" in fields:
            address = f"https://arxiv.org/abs/{fields['eprint']}"
        elif "doi" in fields:
            address = f"https://doi.org/{fields['doi']}"
        found[key] = (who, fields["year"], address)
    return found


def plain_latex(text: str) -> str:
    """Accents and braces of a .bib file as Unicode."""
    from pybtex.richtext import Text

    return str(Text.from_latex(text))
