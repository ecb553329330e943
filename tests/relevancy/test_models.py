"""timm's own list on the meta device: each name is in its group, and every refusal names its reason."""

from collections import Counter

import pytest
import timm
from small_transformers import distilled, small
from timm.layers import SwiGLU
from torch import nn

from dermxai_helpers.relevancy.models import KINDS, family, walk

EXACT = """
deit_base_patch16_224 deit_base_patch16_384 deit_small_patch16_224 deit_tiny_patch16_224
flexivit_base flexivit_large flexivit_small test_vit
vit_base_patch16_224 vit_base_patch16_224_miil vit_base_patch16_384 vit_base_patch32_224 vit_base_patch32_384
vit_base_patch8_224 vit_giant_patch14_224 vit_gigantic_patch14_224 vit_huge_patch14_224
vit_large_patch14_224 vit_large_patch16_224 vit_large_patch16_384 vit_large_patch32_224 vit_large_patch32_384
vit_small_patch16_224 vit_small_patch16_384 vit_small_patch32_224 vit_small_patch32_384 vit_small_patch8_224
vit_tiny_patch16_224 vit_tiny_patch16_384
""".split()
IDENTITY = {
    "deit3_small_patch16_224": "layer scale",
    "vit_base_patch32_clip_224": "before the first block",
    "vit_base_patch32_clip_quickgelu_224": "QuickGELU",
    "vit_small_patch14_dinov2": "layer scale",
    "vit_small_patch14_reg4_dinov2": "register tokens, layer scale",
}
REFUSED = {
    "aimv2_large_patch14_224": "Attention and SwiGLU",
    "beit_base_patch16_224": "position biases",
    "cait_xxs24_224": "mixes its attention heads",
    "convnext_atto": "gradcam.explain",
    "eva02_tiny_patch14_224": "rotates",
    "mvitv2_tiny": "pools its queries",
    "naflexvit_base_patch16_gap": "several sizes",
    "samvit_base_patch16": "within windows",
    "swin_tiny_patch4_window7_224": "shifted windows",
    "vit_base_patch16_siglip_224": "pools by 'map'",
    "vit_base_patch16_xp_224": "is ParallelScalingBlock",
    "vit_giant_patch14_dinov2": "Attention and GluMlp",
    "vit_relpos_small_patch16_224": "position biases",
    "xcit_nano_12_p16_224": "across channels",
}
SHALLOW = {"depth": 1, "weight_init": "skip"}


@pytest.fixture(scope="module")
def groups():
    modules = ("vision_transformer", "deit", "vision_transformer_hybrid")
    found = {module: walk(timm.list_models(module=module), **SHALLOW) for module in modules}
    for module, families in found.items():
        print(module, dict(Counter(group.kind for group in families.values())))
    return found


def test_every_vision_transformer_of_timm_is_in_one_group(groups):
    everything = {name: group for families in groups.values() for name, group in families.items()}
    assert len(everything) > 150
    assert {group.kind for group in everything.values()} == set(KINDS)
    assert all(bool(group.reason) == (group.kind != "exact") for group in everything.values())
    for name, group in everything.items():
        if "_gap_" in name or "distilled" in name:
            assert group.kind in ("extension", "refused"), name


def test_exact_are_the_plain_ones(groups):
    plain = groups["vision_transformer"] | groups["deit"]
    assert {name for name, group in plain.items() if group.kind == "exact"} >= set(EXACT)
    assert not {group.kind for group in groups["vision_transformer_hybrid"].values()} & {"identity", "extension"}
    for name, group in plain.items():
        if group.kind == "exact" and name not in EXACT:
            pytest.fail(f"is {name}, new in timm, plain? Then add it to EXACT")


@pytest.mark.parametrize("name", IDENTITY)
def test_identity_rules_are_named(groups, name):
    group = (groups["vision_transformer"] | groups["deit"])[name]
    assert group.kind == "identity" and IDENTITY[name] in group.reason


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_name_the_reason(groups, name):
    group = groups["vision_transformer"].get(name) or walk([name])[name]
    assert group.kind == "refused" and REFUSED[name] in group.reason


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: small(global_pool="max"), "pools by 'max'"),
        (lambda: small(num_classes=0), "num_classes=3"),
        (lambda: small(scale_attn_norm=True), "normalises inside"),
        (lambda: small(scale_mlp_norm=True), "normalises inside"),
        (lambda: small(mlp_layer=SwiGLU), "Block with Attention and SwiGLU"),
        (lambda: small(norm_layer="rmsnorm"), "RmsNorm"),
        (lambda: distilled(fc_norm=True), "skip its last normalisation"),
        (lambda: with_part("blocks.1.mlp.fc1", nn.Sequential()), "block 1 has Sequential in place of"),
        (lambda: with_part("blocks.2.attn.gate", nn.Linear(16, 16)), "block 2 gates its attention"),
    ],
)
def test_parts_without_a_rule_are_refused(make, sentence):
    group = family(make())
    assert group.kind == "refused" and sentence in group.reason


def with_part(name, part):
    """A plain transformer in which one part has been replaced."""
    model = small()
    parent, _, child = name.rpartition(".")
    setattr(model.get_submodule(parent), child, part)
    return model
