"""The examples in the lexicon's docstrings are right."""

import doctest
import importlib

import pytest


@pytest.mark.parametrize(
    ("name", "least"),
    [("keywords", 2), ("parsing", 1), ("negation", 2), ("facts", 1), ("voting", 2), ("controls", 1), ("references", 1)],
)
def test_examples(name, least):
    found = doctest.testmod(importlib.import_module(f"dermxai_helpers.lexicon.{name}"))
    assert found.failed == 0 and found.attempted >= least
