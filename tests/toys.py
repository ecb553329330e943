"""A course of two small units, for the tests of what runs and publishes units."""

import importlib

TOY = """# %% [markdown]
# # Toy
#
# [Open in Colab](x) · [Open in Binder](y) · 12 minutes · CPU is enough (0.4 GB)

# %% tags=["parameters"]
images = 1200  # how many
seed = 0       # any

# %%
from dermxai_helpers import course
from matplotlib.figure import Figure

figure = Figure((2, 2))
figure.subplots().plot([0, seed])
course.figure("line", (figure, "a line that rises from zero to the seed"))

# %%
ballast = bytearray(40_000_000)
course.record("images", images, baseline=7.5, paper="many & <few>")

# %%
NOTHING
"""
TIER = {
    "about": "a tier of the tests",
    "seconds": 60,
    "megabytes": 900,
    "cell_seconds": 20,
    "made_with": "toys",
    "parameters": {"images": 60},
}
FIRST, SECOND = "10_first", "11_second"


def entry(name, **more):
    """A unit's entry in course.toml."""
    stated = {
        "name": name,
        "title": name.title(),
        "question": "Why?",
        "takes": ["images", "seed"],
        "least_seconds": 0.1,
    }
    return stated | more


def book(*entries):
    """The content of course.toml; without entries, two units."""
    units = list(entries) or [entry(FIRST), entry(SECOND)]
    return {"ranges": {"images": [0, 10_000], "seed": [0, 99]}, "tiers": {"demo": TIER}, "units": units}


def write_source(root, name, last_cell=""):
    """Write one unit's source."""
    source = root / "notebooks" / "src" / f"{name}.py"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text(TOY.replace("NOTHING", last_cell))


def stand_in(root, content):
    """Make the course one of toys: `root` as the checkout, `content` as course.toml; returns what was patched."""
    patched = []
    modules = [importlib.import_module(f"dermxai_helpers.course{end}") for end in ("", ".units", ".run", ".report")]
    for module in modules:
        for name, function in (("checkout", lambda: root), ("read_book", lambda: content)):
            if hasattr(module, name):
                patched.append((module, name, getattr(module, name)))
                setattr(module, name, function)
    return patched


def put_back(patched):
    """Undo `stand_in`."""
    for module, name, function in patched:
        setattr(module, name, function)
