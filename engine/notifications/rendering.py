"""Rendering of mails: Jinja2 in a sandbox, one layout around all mails, the product's own texts.

Only the product's own templates are rendered in the calling process; those of organisers go to
``engine.notifications.rendering_pool``, because the sandbox limits a template's access, not its cost.

A template is three texts: the subject, the HTML and the plain text. HTML is escaped automatically; an
unknown name is an error, not an empty text. Templates see plain values only, and two files: ``layout``,
the frame, and ``parts``, the macros of the HTML.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from engine.notifications.model import EVERY_LANGUAGE, LAYOUT, MailKind, Texts, Written

_FOLDER = Path(__file__).with_name("templates")
_SUBJECT_LENGTH_MAX: Final = 250
#: The most characters of one rendered text; mail clients cut off texts of more than a hundred thousand.
_SIZE_MAX: Final = 1_000_000
_PROBLEM_LENGTH_MAX: Final = 300
#: Languages of the product's own texts.
PRODUCT_LANGUAGES: Final = ("en", "de")


class TemplateBroken(Exception):
    """A template cannot be used. ``place`` is ``subject``, ``html`` or ``text``; ``line`` counts from 1."""

    def __init__(self, place: str, problem: str, line: int | None = None) -> None:
        # The problem may quote anything that the template made.
        problem = problem[:_PROBLEM_LENGTH_MAX]
        super().__init__(f"{place}{f', line {line}' if line else ''}: {problem}")
        self.place = place
        self.problem = problem
        self.line = line


class _Sandbox(ImmutableSandboxedEnvironment):
    """No attribute that begins with an underscore, no call that changes anything, no huge numbers."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" or not (_is_small(left) and _is_small(right)):
            raise jinja2.exceptions.SecurityError(f"{operator} is allowed for small numbers only")
        return super().call_binop(context, operator, left, right)


def _is_small(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) < 1_000_000


class Template:
    """A kind's texts in one language, compiled with their layout."""

    def __init__(self, texts: Texts, layout: Texts) -> None:
        """Raises TemplateBroken for texts that are not Jinja2."""
        self._subject = _compile("subject", texts.subject, {}, escapes=False)
        self._html = _compile(
            "html", texts.html, {LAYOUT: layout.html, "parts": _parts()}, escapes=True
        )
        self._text = _compile("text", texts.text, {LAYOUT: layout.text}, escapes=False)

    def write(self, facts: Mapping[str, Any]) -> Written:
        """Render the texts with these facts. Raises TemplateBroken when that fails."""
        subject = " ".join(_render("subject", self._subject, facts).split())
        if not 0 < len(subject) <= _SUBJECT_LENGTH_MAX:
            raise TemplateBroken("subject", f"has {len(subject)} of 1 to {_SUBJECT_LENGTH_MAX}")
        within = {**facts, "subject": subject}
        text = _render("text", self._text, within)
        return Written(
            subject=subject,
            html=_render("html", self._html, within),
            # However a template's tags are placed, its reader sees at most one empty line in a row.
            text=re.sub(
                r"(?<!\n--)[ \t]+\n", "\n", re.sub(r"\n[ \t]*(\n[ \t]*)+\n", "\n\n", text)
            ).strip()
            + "\n",
        )


def _compile(
    place: str, source: str, beside: Mapping[str, str], *, escapes: bool
) -> jinja2.Template:
    environment = _Sandbox(
        loader=jinja2.DictLoader({**beside, place: source}),
        autoescape=escapes,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        cache_size=8,
    )
    try:
        return environment.get_template(place)
    except jinja2.TemplateSyntaxError as error:
        raise TemplateBroken(place, error.message or "is not Jinja2", error.lineno) from None
    except RecursionError:
        raise TemplateBroken(place, "is nested too deeply") from None
    except MemoryError:
        raise
    except Exception as error:
        # Numbers with thousands of digits, blocks nested deeper than Python allows, and the like.
        raise TemplateBroken(place, str(error) or type(error).__name__) from error


def _render(place: str, template: jinja2.Template, facts: Mapping[str, Any]) -> str:
    parts: list[str] = []
    size = 0
    try:
        for part in template.generate(facts):
            size += len(part)
            parts.append(part)
            if size > _SIZE_MAX:
                break
    except MemoryError:
        # Not only the template's problem: the process is out of memory (``rendering_child``).
        raise
    except Exception as error:
        # Any other exception, even a division by zero, is the template's mistake.
        line = error.lineno if isinstance(error, jinja2.TemplateSyntaxError) else None
        raise TemplateBroken(place, str(error) or type(error).__name__, line) from error
    if size > _SIZE_MAX:
        raise TemplateBroken(place, f"becomes longer than {_SIZE_MAX} characters")
    # A mail cannot carry half of a surrogate pair.
    return "".join(parts).encode("utf-8", "replace").decode()


# The product's own texts


@cache
def _parts() -> str:
    return (_FOLDER / "parts.html").read_text()


@cache
def product_texts() -> dict[tuple[str, str], Texts]:
    """The product's texts by kind (or ``layout``) and language."""
    found = {
        (kind.value, language): _read_texts(f"{kind.value}.{language}")
        for kind in MailKind
        for language in PRODUCT_LANGUAGES
    }
    found[LAYOUT, EVERY_LANGUAGE] = Texts(
        html=(_FOLDER / "layout.html").read_text(), text=(_FOLDER / "layout.txt").read_text()
    )
    return found


def _read_texts(name: str) -> Texts:
    # The subject is the first line of the plain text's file, as in a mail.
    head, _, text = (_FOLDER / f"{name}.txt").read_text().partition("\n\n")
    return Texts(
        subject=head.removeprefix("Subject: "),
        html=(_FOLDER / f"{name}.html").read_text(),
        text=text,
    )


@cache
def product_template(kind: MailKind, language: str) -> Template:
    """The product's template, in English if it has no other: the fallback of every mail."""
    texts, layout = product_texts(), product_texts()[LAYOUT, EVERY_LANGUAGE]
    chosen = texts.get((kind.value, language)) or texts[kind.value, "en"]
    return Template(chosen, layout)
