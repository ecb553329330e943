"""Relevancy on a stock timm transformer: equal to the authors' program, batched, the model left as it was found."""

import copy
import json

import numpy as np
import pytest
import relevancy_oracle
import timm
import torch
from small_transformers import compare, golden, pictures, small

from dermxai_helpers import assets, relevancy, synth

HARD_LESIONS = (13, 14, 24)  # seeds of drawn lesions of which the demo model's maps need more than 32 bits

# --- equality ---


@pytest.mark.parametrize("name", ["3class", "41class"])
def test_equals_the_authors_program(name):
    model, case = golden(name)
    found = relevancy.explain(model, torch.from_numpy(case["x"]), target=case["target"])
    difference = np.abs(found.maps.reshape(3, -1) / case["relevancy"] - 1).max()
    print(f"{name}: maximum relative difference {difference:.0e}")
    assert difference < 1e-9
    np.testing.assert_allclose(found.logit, case["logits"][np.arange(3), case["target"]], rtol=1e-12)


@pytest.mark.parametrize("name", ["3class", "41class"])
def test_the_oracle_equals_the_authors_program(name):
    model, case = golden(name)
    for image, target, chefer in zip(*(case[key] for key in ("x", "target", "relevancy")), strict=True):
        found = relevancy_oracle.relevancy(model, torch.from_numpy(image)[None], int(target))
        np.testing.assert_allclose(found["chefer"], chefer, rtol=1e-9)


ARCHITECTURES = {
    "vit_tiny_patch16_224": {"img_size": 48},
    "vit_tiny_patch16_224 wide": {"img_size": (32, 80), "num_classes": 41, "depth": 6},
    "vit_small_patch32_224": {"img_size": 96, "depth": 4, "num_classes": 1, "embed_dim": 96},
    "vit_base_patch16_224_miil": {"img_size": 48, "depth": 2, "embed_dim": 96},
    "deit_tiny_patch16_224": {"img_size": 48, "depth": 5, "drop_rate": 0.3, "drop_path_rate": 0.2},
    "test_vit": {"img_size": 80, "dynamic_img_size": True},
    "vit_tiny_r_s16_p8_224": {"img_size": 64, "depth": 3},
    "deit3_small_patch16_224": {"img_size": 48, "depth": 3},
    "vit_small_patch14_reg4_dinov2": {"img_size": 56, "depth": 3},
    "vit_base_patch32_clip_quickgelu_224": {"img_size": 96, "depth": 2, "embed_dim": 96},
    "vit_tiny_patch16_224 normalised": {"img_size": 48, "depth": 4, "qk_norm": True, "qkv_bias": False},
}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_architectures_equal_the_authors_algebra(name):
    torch.manual_seed(3)
    settings = {"num_classes": 5, **ARCHITECTURES[name]}
    model = timm.create_model(name.split()[0], **settings).double()
    images = pictures(2, *model.patch_embed.img_size)
    for start in (0, 1, len(model.blocks) - 1):
        found = compare(model, images, ["chefer", "generic"], target=0, start_layer=start)
        for index in range(2):
            expected = relevancy_oracle.relevancy(model, images[[index]], 0, start)
            for method, explained in found.items():
                np.testing.assert_allclose(explained.maps[index].ravel(), expected[method], rtol=1e-9)


@pytest.mark.parametrize("make", [small, lambda: small(reg_tokens=3)])
def test_the_pass_gives_the_models_own_logits(make, images):
    model = make()
    found = relevancy.explain(model, images, target="all")
    with torch.no_grad():
        np.testing.assert_allclose(found.logit.reshape(3, 3), model(images), rtol=1e-12)


def in_32_bits(model, images, target):
    """The map as the model's own number type gives it."""
    seen = relevancy.forward.run(model, images, gradients=True, keep=True)
    return relevancy.maps.patch_map(seen, "chefer", torch.tensor([target])).numpy().ravel()


def test_a_float32_model_gets_the_methods_map_where_32_bits_do_not_suffice():
    model, classes = relevancy.demo_vit()
    wrong = []
    for seed in HARD_LESIONS:
        image = relevancy.prepare(model, [synth.draw(seed).image])
        found = relevancy.explain(model, image, "all", classes=classes)
        for target in range(len(classes)):
            precise = copy.deepcopy(model).double()
            expected = relevancy_oracle.relevancy(precise, image.double(), target)["chefer"].numpy()
            np.testing.assert_allclose(found.maps[target].ravel(), expected, atol=1e-6 * expected.max())
            wrong.append(np.abs(in_32_bits(model, image, target) - expected).max() / expected.max())
    assert max(wrong) > 0.01  # or these lesions are no test


def test_one_map_per_image_equals_the_map_alone(model, images):
    together = compare(model, images, target=[2, 0, 1])
    for index, target in enumerate([2, 0, 1]):
        alone = compare(model, images[[index]], target=target)
        for method in relevancy.METHODS:
            assert together[method].maps.shape == (3, 3, 3)
            np.testing.assert_allclose(together[method].maps[index], alone[method].maps[0], rtol=1e-7)


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


def test_grid_follows_the_picture():
    dynamic = small(dynamic_img_size=True)
    assert relevancy.explain(dynamic, pictures(1, 24, 16)).maps.shape == (1, 3, 2)
    assert relevancy.explain(small(img_size=(8, 40)), pictures(1, 8, 40)).maps.shape == (1, 1, 5)


# --- the model is left as found ---


def state(model):
    hooks = [(len(m._forward_hooks), len(m._forward_pre_hooks), m.training) for m in model.modules()]
    values = {name: value.clone() for name, value in model.state_dict().items()}
    gradients = [(p.requires_grad, p.grad is None or (id(p.grad), p.grad.sum().item())) for p in model.parameters()]
    return hooks, gradients, [block.attn.fused_attn for block in model.blocks], values


def assert_untouched(model, before):
    *flags, values = state(model)
    assert flags == list(before[:-1])
    assert all(torch.equal(values[name], value) for name, value in before[-1].items())


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
@pytest.mark.parametrize("frozen", [True, False])
def test_model_is_left_as_found_in_any_gradient_mode(model, images, mode, frozen):
    expected = compare(model, images)
    model.train().blocks[1].eval()
    model(images).sum().backward()
    model.requires_grad_(not frozen)
    before = state(model)
    with mode():
        found = compare(model, images * 1)
        assert torch.is_grad_enabled() == (mode is torch.enable_grad)
    assert_untouched(model, before)
    for method, explained in found.items():
        np.testing.assert_allclose(explained.maps, expected[method].maps, rtol=1e-9)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"target": 7}, "classes 0 to 2"),
        ({"method": "magic"}, "one of chefer"),
        ({"start_layer": 3}, "0 to 2"),
        ({"start_layer": -1}, "0 to 2"),
        ({"classes": ["mel"]}, "1 class names"),
        ({"images": pictures(1, 16, 16)}, "pictures of 16 x 16"),
    ],
)
def test_wrong_arguments_get_a_sentence_and_change_nothing(model, images, arguments, sentence):
    model.train()
    before = state(model)
    with pytest.raises(ValueError, match=sentence):
        relevancy.explain(model, **({"images": images} | arguments))
    assert_untouched(model, before)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: small(attn_layer="diff"), "DiffAttention"),
        (lambda: timm.create_model("resnet18", num_classes=3), "gradcam.explain"),
    ],
)
def test_refused_models_get_a_sentence(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        relevancy.explain(make(), torch.zeros(1, 3, 24, 24))


def with_hook():
    model = small()
    model.blocks[-1].mlp.register_forward_hook(lambda _module, _inputs, output: 1.5 * output)
    return model


def with_weight(value):
    model = small()
    with torch.no_grad():
        model.blocks[0].mlp.fc1.weight[0, 0] = value
    return model


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (with_hook, "such as a hook"),
        (lambda: with_hook().float(), "such as a hook"),
        (lambda: with_weight(torch.nan), "not finite"),
        (lambda: with_weight(torch.inf).float(), "not finite"),
    ],
)
@pytest.mark.parametrize("method", relevancy.METHODS)
def test_maps_of_other_logits_than_the_models_are_refused(make, sentence, method, images):
    model = make()
    before = state(model)
    with pytest.raises(ValueError, match=sentence):
        relevancy.explain(model, images, method=method)
    assert state(model)[:-1] == before[:-1]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_a_copy(model, images, dtype):
    model.to(dtype)
    before = state(model)
    found = relevancy.explain(model, images, target=1)
    assert_untouched(model, before)
    expected = relevancy.explain(small().to(dtype).float(), images, target=1)
    np.testing.assert_array_equal(found.maps, expected.maps)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_weights_made_in_inference_mode_are_explained(images, dtype):
    expected = relevancy.explain(small().to(dtype), images, target=1).maps
    with torch.inference_mode():
        made_here = small().to(dtype)
        np.testing.assert_array_equal(relevancy.explain(made_here, images, target=1).maps, expected)


def test_fused_attention_makes_no_difference(model, images):
    fused = relevancy.explain(model, images, target=1).maps
    for block in model.blocks:
        block.attn.fused_attn = not block.attn.fused_attn
    np.testing.assert_array_equal(relevancy.explain(model, images, target=1).maps, fused)


def test_compiled_models_are_explained_uncompiled(model, images):
    expected = relevancy.explain(model, images, target=1).maps
    wrapped = torch.compile(small(), backend="eager")
    model.compile(backend="eager")
    model.blocks[1].compile(backend="eager")
    for compiled in (wrapped, model):
        with torch.no_grad():
            compiled(images)
        np.testing.assert_array_equal(relevancy.explain(compiled, images, target=1).maps, expected)


def test_gradient_checkpointing_makes_no_difference(model, images):
    expected = relevancy.explain(model, images, target=1, start_layer=1).maps
    model.set_grad_checkpointing()
    np.testing.assert_array_equal(relevancy.explain(model, images, target=1, start_layer=1).maps, expected)


# --- what is computed, and what is not ---


@pytest.fixture
def spied(model):
    """The model, and for the first run of every normalisation, its name, whether gradients were on, and its tokens."""
    seen = {}
    for name, module in model.named_modules():
        if "norm" in name.rpartition(".")[2]:

            def note(_module, inputs, name=name):
                seen.setdefault(name, (torch.is_grad_enabled(), inputs[0].shape[1]))

            module.register_forward_pre_hook(note)
    return model, seen


def test_no_graph_below_the_start_layer(spied, images):
    model, seen = spied
    relevancy.explain(model, images, start_layer=1)
    assert not seen["blocks.0.norm1"][0] and not seen["blocks.0.norm2"][0]
    assert seen["blocks.1.norm2"][0] and seen["blocks.2.norm1"][0] and seen["norm"][0]


def test_last_block_continues_with_the_class_token_alone(spied, images):
    model, seen = spied
    relevancy.explain(model, images)
    assert seen["blocks.1.norm2"][1] == 10
    assert seen["blocks.2.norm1"][1] == 10
    assert seen["blocks.2.norm2"][1] == seen["norm"][1] == 1


def test_methods_without_gradients_build_no_graph(spied, images, monkeypatch):
    model, seen = spied
    monkeypatch.setattr(torch.autograd, "grad", None)
    compare(model, images, ["rollout", "attention"])
    assert not any(gradients for gradients, _ in seen.values())


# --- preparing, demo model ---


def test_prepare_asks_the_model_how_to_normalise():
    half = timm.create_model("vit_tiny_patch16_224", num_classes=3, depth=1)
    imagenet = timm.create_model("deit_tiny_patch16_224", num_classes=3, depth=1)
    white = [np.full((50, 60, 3), 255, np.uint8)]
    assert relevancy.prepare(half, white).shape == (1, 3, 224, 224)
    np.testing.assert_allclose(relevancy.prepare(half, white)[0, :, 0, 0], (1 - 0.5) / np.full(3, 0.5), rtol=1e-6)
    expected = (1 - np.array([0.485, 0.456, 0.406])) / [0.229, 0.224, 0.225]
    np.testing.assert_allclose(relevancy.prepare(imagenet, white)[0, :, 0, 0], expected, rtol=1e-5)


def test_prepare_takes_the_size_that_the_model_was_made_with():
    wide = timm.create_model("vit_tiny_patch16_224", num_classes=3, depth=1, img_size=(48, 80))
    assert relevancy.prepare(wide, [np.zeros((50, 60, 3), np.uint8)]).shape == (1, 3, 48, 80)


def test_demo_transformer_loads_through_timm(tmp_path, monkeypatch):
    from safetensors.torch import save_file

    arguments = {"embed_dim": 24, "depth": 2, "num_heads": 2, "mlp_ratio": 2.0}
    torch.manual_seed(1)
    trained = timm.create_model("vit_tiny_patch16_224", num_classes=3, **arguments).eval()
    save_file({key: value.half() for key, value in trained.state_dict().items()}, tmp_path / "vit_demo.safetensors")
    card = {"architecture": "vit_tiny_patch16_224", "arguments": arguments, "classes": ["mel", "nv", "bkl"]}
    card |= {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6], "note": "for a test"}
    (tmp_path / "vit_demo.json").write_text(json.dumps(card))
    monkeypatch.setattr(assets, "FOLDER", tmp_path)
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
