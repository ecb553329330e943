"""A quiz of folded answers: plain HTML, so it works without extensions, in any version of the widgets, and on paper."""

from collections.abc import Mapping
from html import escape

Options = Mapping[str, tuple[bool, str]]


class Quiz:
    """Questions with answers to open: {question: {answer: (right or not, why)}}, one right answer each.

    Raises ValueError for a question without exactly one right answer, and for an answer that is not explained.
    """

    def __init__(self, questions: Mapping[str, Options]):
        for question, options in questions.items():
            if sum(bool(right) for right, _ in options.values()) != 1 or not all(why for _, why in options.values()):
                raise ValueError(f"one answer must be right, and each explained: {question}")
        self.questions = questions

    def _repr_html_(self) -> str:
        items = []
        for question, options in self.questions.items():
            told = {answer: f"{'Right.' if right else 'No.'} {why}" for answer, (right, why) in options.items()}
            folded = (
                f"<details><summary>{escape(answer)}</summary><p>{escape(why)}</p></details>"
                for answer, why in told.items()
            )
            items.append(f"<li><p>{escape(question)}</p>{''.join(folded)}</li>")
        return f"<p>Open the answer that you would give.</p><ol>{''.join(items)}</ol>"

    def __repr__(self) -> str:
        return "\n".join(f"{question}\n  - " + "\n  - ".join(options) for question, options in self.questions.items())
