"""The examples in the docstrings give what they say."""

import doctest
import importlib
import pkgutil

import pytest

import dermxai_helpers

MODULES = [
    module.name for module in pkgutil.walk_packages(dermxai_helpers.__path__, "dermxai_helpers.")
    if not module.name.endswith("__main__")
]  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    outcome = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert outcome.failed == 0


def test_there_are_examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    rooms = [importlib.import_module(name) for name in MODULES]
    assert sum(bool(test.examples) for room in rooms for test in finder.find(room)) >= 6
