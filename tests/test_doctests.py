"""The examples in the docstrings give what they say."""

import doctest
import importlib
import pkgutil

import pytest

import dermxai_helpers

MODULES = [module.name for module in pkgutil.walk_packages(dermxai_helpers.__path__, "dermxai_helpers.")]
LESSONS = {"gradcam", "relevancy", "regions", "scoring", "lexicon", "training", "data", "files"}  # rooms with examples


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith("__main__")])
def test_examples(name):
    assert doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE).failed == 0


def test_every_lesson_has_examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = set()
    for name in MODULES:
        if not name.endswith("__main__") and any(test.examples for test in finder.find(importlib.import_module(name))):
            found.add(name.split(".")[1])
    assert LESSONS <= found
