"""The small transformer and the pictures of this room's tests."""

import pytest
import small_transformers


@pytest.fixture
def model():
    return small_transformers.small()


@pytest.fixture
def images():
    return small_transformers.pictures()
