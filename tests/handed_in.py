"""Notebooks as students hand them in: right, wrong, and hostile."""

import copy
import json
import os
import sys
from pathlib import Path

import nbformat
import pandas as pd
import torch

from dermxai_helpers import scoring
from dermxai_helpers.assignments.build import build, letter_of
from dermxai_helpers.trial import mystery

ASSIGNMENT = "1_data_and_classifier"
WRONG = {  # question -> a planted mistake
    "expected_leak": "def expected_leak(photographs, share):\n    return np.mean(1 - share ** (photographs - 1))",
    "balanced_accuracy": "def balanced_accuracy(truth, answers):\n    return (truth == answers).mean()",
    "class_weights": "def class_weights(names, classes):\n"
    "    counts = np.array([(names == one).sum() for one in classes])\n    return len(names) / counts",
    "paired_interval": "def paired_interval(a, b, lesion, drawn):\n"
    "    rows = [np.concatenate([np.flatnonzero(lesion == one) for one in numbers]) for numbers in drawn]\n"
    "    return np.percentile([(b[these] - a[these]).mean() for these in rows], [2.5, 97.5])",
}
HOSTILE = {  # student -> what stands in the first answer's function, OUTSIDE being a file and FOLDER the instructor's
    "endless": "while True: pass",
    "stubborn": "while True:\n        try:\n            while True: pass\n        except BaseException: pass",
    "forks": "import os\n    while True: os.fork()",
    "starts": "import subprocess\n    subprocess.run(['sleep', '60'])",
    "threads": "import threading\n    while True: threading.Thread(target=print).start()",
    "eats": "held = []\n    while True: held.append(np.empty(10**8))",
    "leaves": "import os\n    os._exit(0)",
    "exits": "import sys\n    sys.exit(0)",
    "equal": "class Same:\n        def __eq__(self, other): return True\n    return Same()",
    "setattr": "from dermxai_helpers import checks\n    checks.expected_leak = lambda *_: 'right'\n    return 7",
    "writes": "open('OUTSIDE', 'w').write('mine')",
    "deletes": "import os\n    os.remove('OUTSIDE')",
    "calls": "import socket\n    socket.create_connection(('127.0.0.1', 9))",
    "prints": "while True: print('x' * 10**6)",
    "fills": "file = open('much', 'wb')\n    while True: file.write(bytes(10**7))",
    "reads": "return open('FOLDER/instructor.json').read()",
    "returns": "return ['x' * 1000] * 10**6",
    "kills": "import os\n    os.kill(os.getppid(), 9)",
    "native": "import ctypes\n    ctypes.string_at(0)",
    "speaks": "import os\n    for number in range(3, 60):\n        try: os.write(number, b'[\"seen\", \"\", [], []]')\n"
    "        except OSError: pass\n    os._exit(0)",
    "marks": "return '</pre><script>alert(1)</script>'",
}


AUDIT = {"low": 0.5, "high": 0.7, "control": "honest twin", "control low": -0.1, "control high": 0.1,
         "unknown": "Causes that nobody thought of."}  # fmt: skip


def quick_mysteries(patch=setattr) -> None:
    """From now on a mystery model is not trained, and every cause changes its answers by 0.6."""

    def trained(seed, cause):
        head = torch.nn.Linear(1496, 3).requires_grad_(False)
        head.weight[:], head.bias[:] = seed / 2**32, 0.5
        return mystery.Case(mystery._classifier(head), pd.DataFrame({"dx": ["nv"]}))

    def effects(_classifiers, _causes, _lesions, _seed):
        return {"": dict.fromkeys(mystery.CANDIDATES, scoring.Comparison(0.6, 0.55, 0.65, 100, 100, 0.6, 0.0, 100))}

    patch(mystery, "train", trained)
    patch(mystery, "effects", effects)


def notebook(folder: Path, kind: str, assignment: str = ASSIGNMENT):
    return nbformat.read(folder / kind / assignment / f"{assignment}.ipynb", as_version=4)


def answered(folder: Path, **answers: str):
    """The notebook as it was handed out, with answers in it."""
    book = notebook(folder, "release")
    for cell in book.cells:
        cell.source = answers.get(cell.id, cell.source)
    return book


def solved(folder: Path, **others: str):
    """The notebook as it was handed out, with right answers in it, and others."""
    found = {cell.id: cell for cell in notebook(folder, "source").cells}
    return answered(folder, **{name: cell.source for name, cell in found.items() if is_code_answer(cell)} | others)


def is_code_answer(cell) -> bool:
    return cell.cell_type == "code" and cell.metadata.nbgrader.solution


def hand_in(folder: Path, student: str, book, where="{student}/{assignment}/any.ipynb", assignment=ASSIGNMENT) -> None:
    path = folder / "submitted" / where.format(student=student, assignment=assignment)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(book if isinstance(book, str) else json.dumps(book), encoding="utf-8")


def everybody(folder: Path, outside: Path) -> None:
    """Hand in for everybody: see the names."""
    right = solved(folder)
    hand_in(folder, "right", right)
    hand_in(folder, "stub", answered(folder))
    hand_in(folder, "wrong", solved(folder, **WRONG, too_good="<script>alert('words')</script>"))
    for student, code in HOSTILE.items():
        code = code.replace("OUTSIDE", str(outside)).replace("FOLDER", str(folder))
        book = solved(folder, expected_leak=f"def expected_leak(photographs, share):\n    {code}")
        book.cells = [cell for cell in book.cells if cell.id.startswith(("expected_leak", "split_by_lesion"))]
        hand_in(folder, student, book)
    odd_notebooks(folder, right)
    hand_in(folder, "zoe the last", right)


def odd_notebooks(folder: Path, right) -> None:
    """Notebooks whose cells or metadata are not as they were handed out, and files that are no notebooks."""
    deleted, alone, twice, stripped, forged, renamed, helped = (copy.deepcopy(right) for _ in range(7))
    deleted.cells = [cell for cell in deleted.cells if not cell.id.startswith("expected_leak")]
    alone.cells = [cell for cell in alone.cells if cell.id != "expected_leak"]
    stub = next(cell for cell in answered(folder).cells if cell.id == "expected_leak")
    twice.cells += [copy.deepcopy(stub)]
    for cell in stripped.cells:
        if cell.id == "too_good":
            cell.source = "Sisters."
        cell.metadata, cell.id = {}, f"other-{cell.id}"
    for cell in forged.cells:
        cell.metadata.nbgrader.points = 1000
        if cell.id == "expected_leak-check":
            cell.source = "'right'"
        if cell.id == "expected_leak":
            cell.source = stub.source
    for cell in renamed.cells:
        cell.metadata, cell.id = {}, f"other-{cell.id}"
        cell.source = cell.source.replace("def expected_leak(", "def mine(").replace("(expected_leak)", "(mine)")
    helper = "from math import fsum\nSHIFT = 1\ndef less(n):\n    return n - SHIFT\nboom = 1 / 0"
    helped.cells.insert(3, nbformat.v4.new_code_cell(helper))
    for cell in helped.cells:
        cell.source = cell.source.replace("(photographs - 1)", "less(photographs)")
    books = dict(deleted=deleted, alone=alone, twice=twice, stripped=stripped, forged=forged, renamed=renamed)
    books["helped"] = helped
    for student, book in books.items():
        hand_in(folder, student, book)
    hand_in(folder, "text", "no notebook at all")
    hand_in(folder, "deep", "[" * 100_000)
    hand_in(folder, "list", '{"cells": [1, 2], "metadata": []}')
    hand_in(folder, "huge", json.dumps({"cells": [], "x": "y" * (21 * 10**6)}))
    link = folder / "submitted" / "link" / ASSIGNMENT / "any.ipynb"
    link.parent.mkdir(parents=True)
    link.symlink_to(folder / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb")
    hand_in(folder, "<script>alert('name')</script>".replace("/", "|"), right, "{assignment}/{student}.ipynb")
    hand_in(folder, "flat", right, "{student}_{assignment}.ipynb")
    hand_in(folder, "told by its metadata", right, "{student}.ipynb")
    stripped.metadata = {}
    hand_in(folder, "told by its cells", stripped, "{student}.ipynb")
    hand_in(folder, "..", right, "{student}.ipynb")
    hand_in(folder, "=1+1", right, "{student}.ipynb")


def audits(folder: Path) -> None:
    """Hand in audits: one names the planted cause, others another one, something else, or nothing."""
    causes = json.loads((folder / "instructor.json").read_text(encoding="utf-8"))["causes"]
    students = [name for name in map("auditor {}".format, range(20)) if causes[letter_of(name)] != "none"]
    right, wrong = (causes[letter_of(name)] for name in students[:2])
    named = right, next(one for one in mystery.CANDIDATES if one != wrong)
    cells = [f"audit = {AUDIT | {'cause': cause}}" for cause in named]
    cells += ["audit = compared", "audit = object()", "audit = {'cause': 'ink', 'low': [[]]}", "audit = {'cause': ...}"]
    for student, cell in zip(students, cells, strict=False):
        book = notebook(folder, "release", "4_audit")
        for one in book.cells:
            one.source = cell if one.id == "audit" else one.source
        hand_in(folder, student, book, assignment="4_audit")
    (folder.parent / "students.json").write_text(json.dumps(students[: len(cells)]), encoding="utf-8")


if __name__ == "__main__":
    from dermxai_helpers.assignments.grade import grade

    place = Path(sys.argv[1])
    quick_mysteries()
    build(place / "course", seed=5)
    (place / "outside.txt").write_text("not yours")
    os.chmod(place / "outside.txt", 0o666)
    everybody(place / "course", place / "outside.txt")
    audits(place / "course")
    grade(place / "course", jobs=2, seconds=3)
