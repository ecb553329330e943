"""Relevancy on a stock timm transformer: equal to the authors' program, batched, refused where its rules fail."""

import json
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from timm.models.vision_transformer import VisionTransformer

from dermxai_helpers import relevance_rules, relevancy

GOLDEN = Path(__file__).parent / "golden"


def golden(name):
    """The model in float64 and the case (x, target, logits, relevancy) that the authors' own program computed."""
    weights, case = np.load(GOLDEN / f"vit_{name}_weights.npz"), np.load(GOLDEN / f"vit_{name}_case.npz")
    model = VisionTransformer(**json.loads(str(case["config"]))).double()
    model.load_state_dict({key: torch.from_numpy(weights[key]).double() for key in weights})
    return model, case


def small(**changes):
    """A transformer of random weights in float64 with 9 patches."""
    torch.manual_seed(0)
    settings = {"img_size": 24, "patch_size": 8, "embed_dim": 16, "depth": 3, "num_heads": 2, "num_classes": 3}
    return VisionTransformer(**(settings | changes)).double().eval()


@pytest.fixture
def model():
    return small()


@pytest.fixture
def images():
    return torch.randn(3, 3, 24, 24, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


@pytest.mark.parametrize("name", ["3class", "41class"])
def test_equals_the_authors_program(name):
    model, case = golden(name)
    found = relevancy.explain(model, torch.from_numpy(case["x"]), target=case["target"])
    np.testing.assert_allclose(found.maps.reshape(3, -1), case["relevancy"], rtol=1e-9)
    np.testing.assert_allclose(found.logit, case["logits"][np.arange(3), case["target"]], rtol=1e-12)


def test_float32_stays_near_the_authors_program():
    model, case = golden("3class")
    found = relevancy.explain(model.float(), torch.from_numpy(case["x"]), target=case["target"])
    assert found.maps.dtype == np.float32
    np.testing.assert_allclose(found.maps.reshape(3, -1), case["relevancy"], atol=0.01 * case["relevancy"].max())


def test_one_map_per_image_equals_the_map_alone(model, images):
    together = relevancy.explain(model, images, target=[2, 0, 1])
    assert together.maps.shape == (3, 3, 3)
    for index, target in enumerate([2, 0, 1]):
        alone = relevancy.explain(model, images[[index]], target=target)
        np.testing.assert_allclose(together.maps[index], alone.maps[0], rtol=1e-7)


def test_all_classes_equal_one_class_at_a_time(model, images):
    every = relevancy.explain(model, images, target="all", classes=["mel", "nv", "bkl"])
    assert every.class_name == ["mel", "nv", "bkl"] * 3
    for target in range(3):
        np.testing.assert_allclose(every.maps[target::3], relevancy.explain(model, images, target=target).maps)


def test_start_layer_drops_the_blocks_below(model, images):
    last = relevancy.explain(model, images, target=0, start_layer=2)
    whole = relevancy.explain(model, images, target=0)
    assert last.layer == "blocks 2 to 2"
    assert (whole.maps >= last.maps - 1e-12).all()  # every block adds non-negative relevance to the class token's row
    assert not np.allclose(whole.maps, last.maps)


def state(model):
    hooks = [(len(m._forward_hooks), len(m._forward_pre_hooks), m.training) for m in model.modules()]
    return hooks, [(p.requires_grad, p.grad) for p in model.parameters()]


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_frozen_model_is_left_as_found_in_any_gradient_mode(model, images, mode):
    expected = relevancy.explain(model, images).maps
    model.requires_grad_(False).train()
    before = state(model)
    with mode():
        found = relevancy.explain(model, images * 1)
        assert torch.is_grad_enabled() == (mode is torch.enable_grad)
    assert state(model) == before
    np.testing.assert_allclose(found.maps, expected, rtol=1e-9)


def test_hooks_are_removed_after_an_exception(model, images):
    before = state(model)
    with pytest.raises(ValueError, match="classes 0 to 2"):
        relevancy.explain(model, images, target=7)
    with pytest.raises(AssertionError):  # timm's own refusal of another picture size, in the middle of the pass
        relevancy.explain(model, images[..., :16, :16])
    assert state(model) == before


def test_fused_attention_makes_no_difference(model, images):
    fused = relevancy.explain(model, images, target=1).maps
    for block in model.blocks:
        block.attn.fused_attn = not block.attn.fused_attn
    np.testing.assert_allclose(relevancy.explain(model, images, target=1).maps, fused, rtol=1e-7)


def attention_of(model, images):
    """Attention of every block, (depth, B, heads, N, N), read from timm's own unfused path."""
    seen = []
    for block in model.blocks:
        block.attn.fused_attn = False
        block.attn.attn_drop.register_forward_hook(lambda _module, _inputs, output: seen.append(output.detach()))
    model(images)
    return torch.stack(seen)


def test_baselines_equal_attention_read_from_timm(model, images):
    rollout = relevancy.explain(model, images, method="rollout").maps.reshape(3, -1)
    attention = relevancy.explain(model, images, method="attention").maps.reshape(3, -1)
    seen = attention_of(model, images).mean(dim=2)
    product = torch.eye(10, dtype=torch.float64)
    for weights in seen:
        product = (weights + torch.eye(10)) / 2 @ product
    np.testing.assert_allclose(rollout, product[:, 0, 1:], rtol=1e-9)
    np.testing.assert_allclose(attention, seen[-1][:, 0, 1:], rtol=1e-9)


def test_rules_keep_the_total():
    generator = torch.Generator().manual_seed(4)
    a, b, relevance = (torch.randn(2, 5, 6, generator=generator, dtype=torch.float64) for _ in range(3))
    to_a, to_b = relevance_rules.through_sum(a, b, relevance)
    np.testing.assert_allclose((to_a + to_b).sum((1, 2)), relevance.sum((1, 2)), rtol=1e-6)
    x = torch.randn(2, 5, 40, generator=generator, dtype=torch.float64)
    weight = torch.randn(6, 40, generator=generator, dtype=torch.float64)
    inputs = relevance_rules.through_linear(x, weight, relevance)
    np.testing.assert_allclose(inputs.sum(-1), relevance.sum(-1), rtol=1e-6)


def test_linear_rule_loses_relevance_without_a_positive_product():
    """A known limit of the rule, kept as the authors have it: no positive product, nobody to give relevance to."""
    x, weight = torch.tensor([[1.0, 2.0]]), torch.tensor([[-1.0, -3.0]])
    assert not relevance_rules.through_linear(x, weight, torch.ones(1, 1)).any()


def test_division_by_zero_gives_zero():
    found = relevance_rules.divide(torch.tensor([1.0, 1.0, 2.0]), torch.tensor([0.0, -1e-9, 4.0]))
    assert torch.isfinite(found).all()
    assert found[0] == 0 and found[2] == pytest.approx(0.5)


@pytest.mark.parametrize(
    "changes",
    [{"reg_tokens": 2}, {"init_values": 0.1}, {"qk_norm": True}, {"pre_norm": True}, {"dynamic_img_size": True}],
)
def test_relatives_of_the_plain_transformer_get_finite_maps(images, changes):
    found = relevancy.explain(small(**changes), images)
    assert found.maps.shape == (3, 3, 3)
    assert np.isfinite(found.maps).all() and found.maps.max() > 0


def test_grid_follows_the_picture(images):
    found = relevancy.explain(small(dynamic_img_size=True), images[:, :, :, :16])
    assert found.maps.shape == (3, 3, 2)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: small(global_pool="avg"), "pools by 'avg'"),
        (lambda: small(num_classes=0), "num_classes=3"),
        (lambda: small(scale_attn_norm=True), "normalises inside"),
        (lambda: small(scale_mlp_norm=True), "normalises inside"),
        (lambda: small(mlp_layer=timm.layers.SwiGLU), "Block with Attention and SwiGLU"),
        (lambda: small().half(), "half precision"),
        (lambda: timm.create_model("resnet18", num_classes=3), "gradcam.explain"),
        (lambda: timm.create_model("deit_tiny_distilled_patch16_224", num_classes=3), "VisionTransformerDistilled"),
    ],
)
def test_unsupported_models_are_refused_with_a_sentence(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        relevancy.explain(make(), torch.zeros(1, 3, 24, 24))


def test_gradient_checkpointing_is_refused(model, images):
    model.set_grad_checkpointing()
    with pytest.raises(ValueError, match="checkpointing is on"):
        relevancy.explain(model, images)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [({"method": "magic"}, "one of chefer"), ({"start_layer": 3}, "0 to 2"), ({"start_layer": -1}, "0 to 2")],
)
def test_wrong_arguments_get_a_sentence(model, images, arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        relevancy.explain(model, images, **arguments)


def test_prepare_asks_the_model_how_to_normalise():
    half = timm.create_model("vit_tiny_patch16_224", num_classes=3, depth=1)
    imagenet = timm.create_model("deit_tiny_patch16_224", num_classes=3, depth=1)
    white = [np.full((50, 60, 3), 255, np.uint8)]
    assert relevancy.prepare(half, white).shape == (1, 3, 224, 224)
    np.testing.assert_allclose(relevancy.prepare(half, white)[0, :, 0, 0], (1 - 0.5) / np.full(3, 0.5), rtol=1e-6)
    expected = (1 - np.array([0.485, 0.456, 0.406])) / [0.229, 0.224, 0.225]
    np.testing.assert_allclose(relevancy.prepare(imagenet, white)[0, :, 0, 0], expected, rtol=1e-5)


def test_demo_transformer_loads_through_timm(tmp_path, monkeypatch):
    from safetensors.torch import save_file

    arguments = {"embed_dim": 24, "depth": 2, "num_heads": 2, "mlp_ratio": 2.0}
    torch.manual_seed(1)
    trained = timm.create_model("vit_tiny_patch16_224", num_classes=3, **arguments).eval()
    save_file({key: value.half() for key, value in trained.state_dict().items()}, tmp_path / "vit_demo.safetensors")
    card = {"architecture": "vit_tiny_patch16_224", "arguments": arguments, "classes": ["mel", "nv", "bkl"]}
    card |= {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6], "note": "for a test"}
    (tmp_path / "vit_demo.json").write_text(json.dumps(card))
    monkeypatch.setattr(relevancy, "ASSETS", tmp_path)
    model, classes = relevancy.demo_vit()
    assert classes == ["mel", "nv", "bkl"]
    white = relevancy.prepare(model, [np.full((9, 9, 3), 255, np.uint8)])
    np.testing.assert_allclose(white[0, :, 0, 0], [0.9 / 0.4, 0.8 / 0.5, 0.7 / 0.6], rtol=1e-6)
    with torch.no_grad():
        torch.testing.assert_close(model(white), trained(white), atol=1e-2, rtol=1e-2)


def test_shipped_demo_transformer_explains_a_picture():
    model, classes = relevancy.demo_vit()
    picture = np.random.default_rng(0).integers(0, 256, (80, 90, 3), dtype=np.uint8)
    found = relevancy.explain(model, relevancy.prepare(model, [picture]), classes=classes)
    assert classes == ["mel", "nv", "bkl"]
    assert np.isfinite(found.maps).all() and found.maps.max() > 0


def test_missing_demo_files_get_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(relevancy, "ASSETS", tmp_path)
    with pytest.raises(FileNotFoundError, match="vit_demo.safetensors and vit_demo.json not found"):
        relevancy.demo_vit()
