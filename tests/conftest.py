"""What every test may ask for: a folder of drawn lesions, the real HAM10000 if it is there, and an empty cache."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
DRAWN_IMAGES = 100


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache that is empty at the start: no test may pass because of what an earlier run left behind."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DERMXAI_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 100 drawn lesion photographs in HAM10000's layout; read it, never write to it."""
    from dermxai_helpers import synth

    return synth.write_folder(tmp_path_factory.mktemp("drawn") / "lesions", DRAWN_IMAGES, seed=0, progress=False)


@pytest.fixture(scope="session")
def ham10000() -> Path:
    """The folder of the real HAM10000; the test is skipped where there is none."""
    folder = Path(os.environ.get("HAM10000") or REPOSITORY.parent / "shared" / "data" / "ham10000")
    if not folder.is_dir():
        pytest.skip(f"no HAM10000 at {folder}: set the environment variable HAM10000 to its folder")
    return folder
