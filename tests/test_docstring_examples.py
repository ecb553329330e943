"""Every example in a docstring gives what it says."""

import doctest
import importlib
import pkgutil

import numpy as np
import pytest

import dermxai_helpers

MODULES = [found.name for found in pkgutil.walk_packages(dermxai_helpers.__path__, "dermxai_helpers.")]


def with_examples(name: str) -> bool:
    """Whether a module's text holds an example; read without importing it."""
    source = importlib.util.find_spec(name).origin
    with open(source, encoding="utf-8") as text:
        return ">>> " in text.read()


@pytest.mark.parametrize("name", [name for name in MODULES if with_examples(name)])
def test_examples(name):
    failed, tried = doctest.testmod(importlib.import_module(name), extraglobs={"np": np})
    assert tried and not failed
