"""timm's own list on the meta device: each name is in its group, and every refusal names its reason."""

import peft
import pytest
import timm
from small_transformers import distilled, refusals, small
from timm.layers import SwiGLU
from torch import nn
from torch.nn import utils
from torch.nn.utils import parametrizations, prune

from dermxai_helpers.relevancy.forward import refusal

COVERED = """
deit_base_patch16_224 deit3_small_patch16_224 flexivit_base test_vit vit_base_patch16_224 vit_base_patch16_224_miil
vit_base_patch32_clip_224 vit_base_patch32_clip_quickgelu_224 vit_huge_patch14_224 vit_small_patch14_dinov2
vit_small_patch14_reg4_dinov2 vit_tiny_patch16_224
""".split()
REFUSED = {
    "aimv2_large_patch14_224": "pools by 'avg'",
    "beit_base_patch16_224": "got Beit",
    "convnext_atto": "gradcam.explain",
    "swin_tiny_patch4_window7_224": "got SwinTransformer",
    "vit_base_patch16_siglip_224": "pools by 'map'",
    "vit_base_patch16_xp_224": "has ParallelScalingBlock as its body",
    "vit_giant_patch14_dinov2": "has GluMlp as its mlp",
    "vit_relpos_small_patch16_224": "got VisionTransformerRelPos",
}
ADAPTER = peft.LoraConfig(target_modules=["qkv"], r=2)
SHALLOW = {"depth": 1, "weight_init": "skip"}


@pytest.fixture(scope="module")
def groups():
    names = [name for module in ("vision_transformer", "deit") for name in timm.list_models(module=module)]
    return refusals(names, **SHALLOW)


def test_every_vision_transformer_of_timm_is_covered_or_refused(groups):
    assert len(groups) > 150
    assert 0 < sum(map(bool, groups.values())) < len(groups)


def test_plain_transformers_are_covered(groups):
    assert {groups[name] for name in COVERED} == {""}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_name_the_reason(groups, name):
    assert REFUSED[name] in (groups.get(name) or refusals([name])[name])


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: small(global_pool="max"), "pools by 'max'"),
        (lambda: small(num_classes=0), "num_classes=3"),
        (lambda: small(scale_attn_norm=True), "as its attn.norm"),
        (lambda: small(scale_mlp_norm=True), "as its mlp.norm"),
        (lambda: small(mlp_layer=SwiGLU), "has SwiGLU as its mlp"),
        (lambda: small(norm_layer="rmsnorm"), "RmsNorm"),
        (lambda: small(global_pool="avg"), "pools by 'avg'"),
        (distilled, "got VisionTransformerDistilled"),
        (lambda: with_part("blocks.1.mlp.fc1", nn.Sequential()), "block 1 has Sequential as its mlp.fc1"),
        (lambda: with_part("blocks.2.attn.gate", nn.Linear(16, 16)), "block 2 gates its attention"),
        (lambda: reparametrised(utils.weight_norm), "block 1 makes the weights of its mlp.fc1 in every pass anew"),
        (lambda: reparametrised(utils.spectral_norm), "block 1 makes the weights of its mlp.fc1 in every pass anew"),
        (
            lambda: reparametrised(prune.l1_unstructured, "weight", 0.5),
            "block 1 makes the weights of its mlp.fc1 in every pass anew",
        ),
        (lambda: reparametrised(parametrizations.weight_norm), "has ParametrizedLinear as its mlp.fc1"),
        (lambda: reparametrised(parametrizations.orthogonal), "has ParametrizedLinear as its mlp.fc1"),
        (lambda: peft.inject_adapter_in_model(ADAPTER, small()), "has Linear as its attn.qkv"),
    ],
)
def test_parts_without_a_rule_are_refused(make, sentence):
    assert sentence in refusal(make())


def with_part(name, part):
    """A plain transformer in which one part has been replaced."""
    model = small()
    parent, _, child = name.rpartition(".")
    setattr(model.get_submodule(parent), child, part)
    return model


def reparametrised(change, *arguments):
    """A plain transformer of which one layer's weights are computed from other numbers."""
    model = small()
    change(model.blocks[1].mlp.fc1, *arguments)
    return model
