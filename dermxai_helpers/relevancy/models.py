"""For which of timm's transformers is relevancy defined, and how well founded is it there?

Every model belongs to one of four groups:
- exact: the plain transformer that the authors' program covers;
- identity: the same with parts through which relevance passes unchanged (layer scale, registers, another activation);
- extension: the head reads more than the class token, for which the paper gives no rule; ours is named in the result;
- refused: a part of the model has no rule.
A model is judged by its layers, not by its name. Nothing below the first block matters.
"""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

KINDS = ("exact", "identity", "extension", "refused")
OTHER_TRANSFORMERS = {  # why these cannot be explained, by the beginning of the type's name
    "Beit": "adds learned position biases to its attention scores",
    "Cait": "mixes its attention heads and reads the patches in blocks of their own",
    "Eva": "rotates its queries and keys by position or gates its MLP",
    "MultiScaleVit": "pools its queries, keys and values",
    "NaFlexVit": "takes patches of pictures of several sizes in one sequence",
    "SwinTransformer": "attends within shifted windows and has no class token",
    "VisionTransformerRelPos": "adds learned position biases to its attention scores",
    "VisionTransformerSAM": "attends within windows, with position biases",
    "Xcit": "attends across channels, not across patches",
}


@dataclass(frozen=True)
class Family:
    """The group of a model: `kind` is one of KINDS, `reason` a part of a sentence, empty for exact ones."""

    kind: str
    reason: str = ""


@dataclass(frozen=True)
class Reader:
    """A linear head and the final tokens whose mean it reads; relevance starts there."""

    tokens: slice
    head: nn.Linear


def family(model: nn.Module) -> Family:
    """The group to which a model belongs, and why. Works on the meta device: no weight is looked at."""
    problems = _problems(model)
    if problems:
        return Family("refused", "; ".join(problems))
    if len(readers(model)) == 2:
        return Family("extension", "two heads read the class and the distillation token, half of the relevance to each")
    if model.global_pool == "avg":
        return Family("extension", "the head reads the mean of the tokens, each gets its share of the relevance")
    if harmless := _harmless_parts(model):
        return Family("identity", f"relevance passes unchanged through {', '.join(harmless)}")
    return Family("exact")


def readers(model: nn.Module) -> list[Reader]:
    """What the logits, the mean over these heads, are read from."""
    if hasattr(model, "head_dist"):
        return [Reader(slice(0, 1), model.head), Reader(slice(1, 2), model.head_dist)]
    if model.global_pool == "token":
        return [Reader(slice(0, 1), model.head)]
    return [Reader(slice(0 if model.pool_include_prefix else model.num_prefix_tokens, None), model.head)]


def walk(names: Iterable[str], **arguments: object) -> dict[str, Family]:
    """The group of each of timm's architectures, made with three classes on the meta device (without weights).

    arguments : passed on to timm, such as depth=1, which saves time and changes no group
    """
    import timm

    found = {}
    for name in names:
        with torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what timm has to say about weights is of no interest here
            found[name] = family(timm.create_model(name, num_classes=3, **arguments))
    return found


def _problems(model: nn.Module) -> list[str]:
    """What the rules do not cover, as parts of a sentence."""
    from timm.models.deit import VisionTransformerDistilled
    from timm.models.vision_transformer import VisionTransformer

    kind = type(model).__name__
    if type(model) not in (VisionTransformer, VisionTransformerDistilled):
        why = next((f": it {why}" for start, why in OTHER_TRANSFORMERS.items() if kind.startswith(start)), "")
        return [f"it knows timm's VisionTransformer, got {kind}{why}; for a CNN use gradcam.explain"]
    problems = []
    if model.global_pool not in ("token", "avg"):
        problems.append(f"it pools by '{model.global_pool}', and there are rules for 'token' and 'avg' only")
    if type(model.head) is not nn.Linear:
        problems.append(f"its head is {type(model.head).__name__}, not one linear layer (create it with num_classes=3)")
    if hasattr(model, "head_dist") and not isinstance(model.fc_norm, nn.Identity):
        problems.append("its two heads skip its last normalisation")
    for index, block in enumerate(model.blocks):
        if problem := _problem_of_block(block):
            return [*problems, f"block {index} {problem}"]
    return problems


def _problem_of_block(block: nn.Module) -> str:
    """Why there is no rule for a block, or nothing."""
    from timm.layers import Attention, Mlp
    from timm.models.vision_transformer import Block

    if type(block) is not Block or type(block.attn) is not Attention or type(block.mlp) is not Mlp:
        inside = [type(getattr(block, name)).__name__ for name in ("attn", "mlp") if hasattr(block, name)]
        parts = f" with {' and '.join(inside)}" if inside else ""
        return f"is {type(block).__name__}{parts}, not timm's plain Block with Attention and Mlp"
    if getattr(block.attn, "gate", None) is not None:
        return "gates its attention"
    if not (isinstance(block.attn.norm, nn.Identity) and isinstance(block.mlp.norm, nn.Identity)):
        return "normalises inside its attention or its MLP"
    for layer in (block.attn.qkv, block.attn.proj, block.mlp.fc1, block.mlp.fc2):
        if type(layer) is not nn.Linear:
            return f"has {type(layer).__name__} in place of a plain linear layer (merge adapters into the weights)"
    for norm in (block.norm1, block.norm2):
        if not isinstance(norm, nn.LayerNorm):
            return f"normalises by {type(norm).__name__}, not by LayerNorm"
    return ""


def _harmless_parts(model: nn.Module) -> list[str]:
    """Parts that the authors' program does not know, but through which relevance passes unchanged."""
    from timm.layers import GELU

    block = model.blocks[0]
    activation = type(block.mlp.act)
    found = {
        "normalised tokens before the first block": not isinstance(model.norm_pre, nn.Identity),
        "register tokens": model.num_prefix_tokens > 1,
        "layer scale": not isinstance(block.ls1, nn.Identity),
        "normalised queries and keys": not isinstance(block.attn.q_norm, nn.Identity),
        f"{activation.__name__} as activation": activation not in (GELU, nn.GELU),
        "normalisation after the pooling": not isinstance(model.fc_norm, nn.Identity),
    }
    return [part for part, there in found.items() if there]
