"""Exercises of unit 04: the positive-share rule, the class token's row, a step of rollout, a checkpoint's own mean."""

import numpy as np
import torch

from dermxai_helpers.checks.exercise import Exercise
from dermxai_helpers.relevancy import rules


def layer(rng):
    """x (3, 4), W (5, 4), R (3, 5): no product is near zero; output 0 of token 0 has no positive one."""
    x, W, R = (rng.choice([-1, 1], size) * rng.uniform(0.5, 1.5, size) for size in ((3, 4), (5, 4), (3, 5)))
    W[0] = -np.sign(x[0]) * np.abs(W[0])
    return tuple(torch.from_numpy(one).float() for one in (x, W, R))


def shared(x, W, R, part=lambda products: products.clamp(0), whole=lambda parts, products: parts.sum(2, keepdim=True)):
    parts = part(x[:, None] * W)
    sums = whole(parts, x[:, None] * W)
    return (torch.where(sums == 0, 0, parts / sums) * R[..., None]).sum(1)


positive_shares = Exercise(
    "positive_shares", draw=layer, right=lambda x, W, R: rules.through_linear(x, W, x @ W.T, R),
    praise="Inputs that spoke for the output share what it holds; the others, and the bias, get nothing.",
    mistakes={
        "Negative products share too: then a sum may be near zero, and the shares are huge.":
            lambda x, W, R: shared(x, W, R, lambda products: products),
        "An input that spoke against the output gets a share as if it had spoken for it: the sign was dropped.":
            lambda x, W, R: shared(x, W, R, torch.abs),
        "Only products of two positive factors are in. Two negative factors have a positive product as well.":
            lambda x, W, R: shared(x.clamp(0), W.clamp(0), R),
        "The shares of an input add up to one over the outputs. Those of an output should, over its inputs.":
            lambda x, W, R: shared(x, W, R, whole=lambda parts, products: parts.sum(1, keepdim=True)),
        "You divided by the output itself, from which negative products are taken off: the shares add up to too much.":
            lambda x, W, R: shared(x, W, R, whole=lambda parts, products: products.sum(2, keepdim=True)),
    },
)  # fmt: skip


def walked(tables, grid, skip=1, order=1, read=lambda total: total[0, 1:]):
    total = torch.eye(tables.shape[1])
    for table in list(tables)[::order]:
        total = skip * total + table @ total
    return read(total).reshape(grid)


class_token_map = Exercise(
    "class_token_map", draw=lambda rng: (torch.from_numpy(rng.random((3, 7, 7))).float(), (2, 3)),
    right=walked, as_found=lambda *these: walked(*these, read=lambda total: total[1:, 0]),
    praise="A row says what a token has collected; its column says where the token went.",
    mistakes={
        "That is a mean over all tokens. The head reads the class token alone.":
            lambda *these: walked(*these, read=lambda total: total.mean(0)[1:]),
        "The skip connections are lost: a token keeps nothing of its own.": lambda *these: walked(*these, skip=0),
        "The blocks are in the wrong order: a later block mixes what earlier ones have mixed.":
            lambda *these: walked(*these, order=-1),
        "That is the last block alone, in which a patch is a mixture of all.":
            lambda tables, grid: tables[-1, 0, 1:].reshape(grid),
    },
)  # fmt: skip


def rows(rng, *shape):
    """Random tables whose rows add up to one."""
    return torch.from_numpy(rng.dirichlet(np.ones(shape[-1]), shape[:-1])).float()


rollout_step = Exercise(
    "rollout_step", draw=lambda rng: (rows(rng, 5, 5), rows(rng, 3, 5, 5)),
    right=lambda below, a: (below + a.mean(0) @ below) / 2,
    praise="The rows still add up to one. Neither a class nor a gradient was asked for.",
    mistakes={
        "Nothing stays in place: the skip connection is forgotten.": lambda below, a: a.mean(0) @ below,
        "The rows add up to two: only half of a token stays in place.": lambda below, a: below + a.mean(0) @ below,
        "The sides are swapped: that mixes the patches, where the tokens should be mixed.":
            lambda below, a: (below + below @ a.mean(0)) / 2,
        "What stays in place is what the token held before this block, not the patch that it began as.":
            lambda below, a: (torch.eye(5) + a.mean(0) @ below) / 2,
        "The attention is read by columns. Row = who asks, so a row holds the shares of one token's mixture.":
            lambda below, a: (below + a.mean(0).T @ below) / 2,
    },
)  # fmt: skip


def batch_of(answer, photos, mean, std):
    """What an answer makes of photographs for a model whose checkpoint was trained with this mean and std."""
    model = torch.nn.Identity()
    model.pretrained_cfg = model.default_cfg = {"mean": mean, "std": std}
    return answer(model, photos)


def normalised_by(model, photos, mean=None, std=None, white=255):
    mean, std = (np.array(one or model.pretrained_cfg[name]) for one, name in ((mean, "mean"), (std, "std")))
    return ((photos / white - mean) / std).transpose(0, 3, 1, 2)


IMAGENET = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
batch_for_model = Exercise(
    "batch_for_model", observe=batch_of, right=normalised_by, as_found=lambda *these: normalised_by(*these, *IMAGENET),
    draw=lambda rng: (rng.integers(0, 256, (2, 4, 5, 3)).astype(np.uint8), *rng.uniform(0.3, 0.6, (2, 3)).tolist()),
    praise="The checkpoint decides, so ask it. Nothing crashes if you do not.",
    mistakes={
        "0.5 is right for some checkpoints, as ImageNet's numbers are for others: ask this one.":
            lambda *these: normalised_by(*these, [0.5] * 3, [0.5] * 3),
        "The mean is the model's, the standard deviation still ImageNet's.":
            lambda *these: normalised_by(*these, std=IMAGENET[1]),
        "Pixels from 0 to 255 meet a mean of pixels from 0 to 1.": lambda *these: normalised_by(*these, white=1),
        "Each photograph gets its own mean and standard deviation, and dark and pale ones become alike.":
            lambda _, p: ((p - p.mean((1, 2), keepdims=True)) / p.std((1, 2), keepdims=True)).transpose(0, 3, 1, 2),
    },
)  # fmt: skip
