"""The notebooks that trained the demo models still run, at a toy size that teaches nothing."""

import json

import jupytext
import numpy as np
import pytest
from offline import REPOSITORY

SOURCES = REPOSITORY / "notebooks" / "src" / "appendix"
pytestmark = pytest.mark.timeout(300)


def executed(name, **parameters):
    """Run the code cells of a source in one namespace, with these values instead of the parameters cell's."""
    notebook = jupytext.read(SOURCES / f"{name}.py", fmt="py:percent")
    names = {}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, name, "exec"), names)
            if "parameters" in cell.metadata.get("tags", []):
                assert set(parameters) <= set(names), "a parameter that the notebook does not declare"
                names |= parameters
    return names


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return tmp_path_factory.mktemp("appendix")


@pytest.fixture(scope="module")
def eyes(workspace):
    sizes = {"lessons": 8, "viewed_lessons": 8, "held_out": 4}
    steps = {"vit_steps": 2, "mobilenet_steps": 2, "mobilenet_crops": 1, "captioner_eye_steps": 2}
    return executed("a_demo_eyes", workspace=str(workspace), **sizes, **steps)


@pytest.mark.road
def test_eyes_are_trained_and_kept(eyes, workspace):
    losses = (*eyes["vit_losses"], *eyes["mobilenet_losses"], *eyes["eye_losses"])
    assert len(losses) == 6 and np.isfinite(losses).all()
    assert eyes["gap"] < 1e-4, "a wider eye begins with the answers of the narrow one"
    kept = {path.name for path in workspace.glob("*.safetensors")}
    assert kept == {"mobilenetv2_demo.safetensors", "vit_demo.safetensors", "captioner_eye.safetensors"}


@pytest.mark.road
def test_a_stopped_training_goes_on_where_it_was(eyes, workspace):
    again = eyes["train_eye"](eyes["vit"], eyes["drawn"], 2, 0, 1e-3, 0, workspace / "vit.pt")
    assert again == []


@pytest.mark.road
def test_a_captioner_learns_to_speak_and_sits_its_examination(eyes, workspace):
    names = executed("b_demo_captioner", workspace=str(workspace), spoken_lesions=4, steps=30, examined=6)
    assert names["equal"], "the renamed weights are timm's eye"
    assert names["losses"][-1] < 0.9 * names["losses"][0]
    changed = {name for name, one in names["eye_before"].items() if not one.equal(names["eye_after"][name])}
    assert not changed
    assert sum(weight.numel() for weight in names["model"].parameters()) <= 2_600_000
    assert set(names["shipped"].index) == set(names["SLOTS"])
    for lesion in names["lesions"]:
        views, facts = names["views_and_facts"](lesion, np.random.default_rng(0))
        assert len(views) == len(facts) == 3 and facts[0]["ruler"] == lesion.attributes["ruler"]


@pytest.mark.road
def test_a_transformer_learns_41_kinds_and_is_kept_with_its_names(workspace):
    names = executed("c_forty_one_kinds", workspace=str(workspace), each=1, held_out=1, steps=3, halved=1, batch=4)
    assert len(names["losses"]) == 3 and np.isfinite(names["losses"]).all()
    assert names["train"](names["model"], workspace / "vit_kinds.pt") == [], "a stopped training goes on where it was"
    card = json.loads((workspace / "vit_kinds.json").read_text())
    assert len(card["classes"]) == card["arguments"]["num_classes"] == 41
    assert (workspace / "vit_kinds.safetensors").stat().st_size < 6_000_000
