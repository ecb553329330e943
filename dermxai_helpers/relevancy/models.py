"""For which of timm's transformers relevancy is defined, judged by their layers and not by their names.

Through layer scale, registers, other activations and normalised queries and keys relevance passes unchanged.
"""

from torch import nn


def refusal(model: nn.Module) -> str:
    """Tell what the rules do not cover, "" for a model that they do. Works on the meta device, without weights."""
    from timm.models.vision_transformer import VisionTransformer

    if type(model) is not VisionTransformer:
        return f"it knows timm's VisionTransformer, got {type(model).__name__}; for a CNN use gradcam.explain"
    if model.global_pool != "token":
        return f"it pools by '{model.global_pool}', and the published rules are for a head that reads the class token"
    if type(model.head) is not nn.Linear:
        return f"its head is {type(model.head).__name__}, not one linear layer (create it with num_classes=3)"
    found = [f"block {index} {problem}" for index, block in enumerate(model.blocks) if (problem := _in_block(block))]
    return found[0] if found else ""


def _in_block(block: nn.Module) -> str:
    from timm.layers import Attention, Mlp
    from timm.models.vision_transformer import Block

    expected = {"": Block, "attn": Attention, "mlp": Mlp, "norm1": nn.LayerNorm, "norm2": nn.LayerNorm}
    expected |= dict.fromkeys(("attn.norm", "mlp.norm"), nn.Identity)  # normalisations inside have no rule
    expected |= dict.fromkeys(("attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2"), nn.Linear)  # merge adapters first
    for name, kind in expected.items():
        part = block.get_submodule(name)
        if type(part) is not kind and not (kind is nn.LayerNorm and isinstance(part, kind)):
            return f"has {type(part).__name__} as its {name or 'body'}, and there are rules for {kind.__name__} only"
        if kind is nn.Linear and "weight" not in part._parameters:
            return f"makes the weights of its {name} in every pass anew (weight norm, pruning): make them permanent"
    return "gates its attention" if getattr(block.attn, "gate", None) is not None else ""
