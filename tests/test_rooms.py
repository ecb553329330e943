"""Is the house as it was designed: thin rooms, imports that run down the table only, no circle?

The table is DESIGN section 2, with random views in data and training behind relevancy, whose forward pass it uses.
"""

import ast
from graphlib import TopologicalSorter

import pytest
from offline import REPOSITORY

PACKAGE = REPOSITORY / "dermxai_helpers"
LINES = {  # from the ground up: a room imports from rooms that stand before it; and its limit in lines
    "assets": 10,  # weights only
    "files": 100,
    "inference": 120,
    "synth": 1110,
    "scoring": 570,
    "explanation": 225,  # explanation and regions together
    "regions": 225,
    "data": 660,
    "gradcam": 280,
    "relevancy": 420,
    "training": 715,
    "captions": 480,
    "lexicon": 1040,
    "road": 95,
    "trial": 685,
    "plots": 865,
    "widgets": 155,
    "checks": 1510,
    "course": 790,
    "assignments": 575,
    "__main__": 130,
}
FOR_NOTEBOOKS = {"plots", "widgets", "checks", "course", "assignments", "__main__"}  # imported by each other only
INSTRUCTORS = {"assignments"}  # no notebook and no student meets it: counted by itself
ALL_LINES, MOST_ROOMS, MOST_FLOORS = 10_000, 22, 9


def files():
    """Room -> its files."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if parts != ("__init__",):
            found.setdefault(parts[0], []).append(path)
    return found


ROOMS = files()


def imported(path):
    """The other rooms that a file imports, also inside its functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "dermxai_helpers":
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("dermxai_helpers."):
            found.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            names = [name.name.split(".") for name in node.names]
            found |= {name[1] for name in names if name[0] == "dermxai_helpers" and len(name) > 1}
        assert not (isinstance(node, ast.ImportFrom) and node.level), f"{path}: write imports in full"
    return found & set(LINES)


IMPORTS = {room: set().union(*map(imported, paths)) - {room} for room, paths in ROOMS.items()}


def length(room):
    """The lines of a room's files."""
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in ROOMS.get(room, []))


def test_every_room_stands_in_the_table():
    assert set(ROOMS) <= set(LINES) and len(ROOMS) <= MOST_ROOMS


@pytest.mark.parametrize("room", ROOMS)
def test_imports_run_down_the_table(room):
    order = list(LINES)
    upwards = [other for other in IMPORTS[room] if order.index(other) > order.index(room)]
    assert upwards == [], f"{room} imports {upwards}"
    if room not in FOR_NOTEBOOKS:
        assert not IMPORTS[room] & FOR_NOTEBOOKS


def test_no_circle_and_few_floors():
    floors = {}
    for room in TopologicalSorter(IMPORTS).static_order():  # raises CycleError for a circle
        floors[room] = 1 + max((floors[below] for below in IMPORTS.get(room, ())), default=-1)
    assert 1 + max(floors.values()) <= MOST_FLOORS, sorted(floors.items(), key=lambda item: item[1])


def test_no_circle_inside_a_room():
    for paths in ROOMS.values():
        modules = {path.stem: path for path in paths if path.stem != "__init__"}
        graph = {}
        for name, path in modules.items():
            room = path.relative_to(PACKAGE).parts[0]
            nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
            below = [node.module.split(".")[2] for node in nodes if node.module.startswith(f"dermxai_helpers.{room}.")]
            siblings = [node for node in nodes if node.module == f"dermxai_helpers.{room}"]
            below += [alias.name for node in siblings for alias in node.names]
            graph[name] = set(below) & set(modules)
        list(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("room", ROOMS)
def test_room_is_thin(room):
    assert length(room) <= LINES[room]


def test_package_is_thin():
    assert length("explanation") + length("regions") <= LINES["regions"]
    paths = [path for path in PACKAGE.rglob("*.py") if path.parent.name not in INSTRUCTORS]
    assert sum(len(path.read_text(encoding="utf-8").splitlines()) for path in paths) <= ALL_LINES
