"""A captioner with random weights, made once for each test file."""

import pytest
import tiny_captioner


@pytest.fixture(scope="module")
def processor():
    return tiny_captioner.processor()


@pytest.fixture(scope="module")
def folder(processor, tmp_path_factory):
    return tiny_captioner.save(tiny_captioner.model(processor), processor, tmp_path_factory.mktemp("t5"))
