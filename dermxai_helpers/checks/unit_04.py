"""Exercises of unit 04: the positive-share rule, the class token's row, a step of rollout, a checkpoint's own mean."""

import numpy as np
import torch

from dermxai_helpers.checks.exercise import Exercise


def layer(rng):
    """x (3, 4), W (5, 4), R (3, 5): no product is near zero; output 0 of token 0 has no positive one."""
    x, W, R = (rng.choice([-1, 1], size) * rng.uniform(0.5, 1.5, size) for size in ((3, 4), (5, 4), (3, 5)))
    W[0] = -np.sign(x[0]) * np.abs(W[0])
    return tuple(torch.from_numpy(one).float() for one in (x, W, R))


def _shared(x, W, R, part=torch.relu, dim=2):
    parts = part(x[:, None] * W)
    return ((parts / parts.sum(dim, keepdim=True)).nan_to_num() * R[:, :, None]).sum(dim=1)


positive_shares = Exercise("positive_shares", draw=layer, right=_shared,
    praise="Inputs that spoke for the output share what it holds; the others, and the bias, get nothing.", mistakes={
        "Negative products share too: sums near zero make huge ones.": lambda *these: _shared(*these, part=torch.clone),
        "Inputs that spoke against the output share, too.": lambda *these: _shared(*these, part=torch.abs),
        "Two negative factors have a positive product as well.": lambda x, W, R: _shared(x.relu(), W.relu(), R),
        "The shares of an output should add up to one, over its inputs.": lambda *these: _shared(*these, dim=1),
    })  # fmt: skip


def _walked(tables, grid, skip=1, read=lambda total: total[0, 1:]):
    total = torch.eye(len(tables[0]))
    for table in tables:
        total = skip * total + table @ total
    return read(total).reshape(grid)


class_token_map = Exercise("class_token_map", draw=lambda rng: (torch.tensor(rng.random((3, 7, 7))).float(), (2, 3)),
    right=_walked, as_found=lambda *these: _walked(*these, read=lambda total: total[1:, 0]),
    praise="A row says what a token has collected; its column says where the token went.", mistakes={
        "A mean of all tokens: the head reads only one.": lambda *these: _walked(*these, read=lambda t: t.mean(0)[1:]),
        "The skip connections are lost: a token keeps nothing of its own.": lambda *these: _walked(*these, skip=0),
        "The order is wrong: later blocks mix what earlier ones have mixed.": lambda t, grid: _walked(t.flip(0), grid),
    })  # fmt: skip

rollout_step = Exercise("rollout_step", right=lambda below, a: (below + a.mean(0) @ below) / 2,
    draw=lambda rng: tuple(torch.from_numpy(rng.dirichlet(np.ones(5), size)).float() for size in (5, (3, 5))),
    praise="The rows still add up to one. Neither a class nor a gradient was asked for.", mistakes={
        "Nothing stays in place: the skip connection is forgotten.": lambda below, a: a.mean(0) @ below,
        "The rows add up to two: only half of a token stays in place.": lambda below, a: below + a.mean(0) @ below,
        "The sides are swapped: that mixes patches, not tokens.": lambda below, a: (below + below @ a.mean(0)) / 2,
    })  # fmt: skip


def checkpoint(rng):
    """A model whose checkpoint was trained with a mean and std of its own, and two photographs."""
    model, (mean, std) = torch.nn.Identity(), rng.uniform(0.3, 0.6, (2, 3)).tolist()
    model.pretrained_cfg = model.default_cfg = {"mean": mean, "std": std}
    return model, rng.integers(0, 256, (2, 4, 5, 3)).astype(np.uint8)


def _normalised(model, photos, white=255, **these):
    mean, std = (np.array((model.pretrained_cfg | these)[name]) for name in ("mean", "std"))
    return ((photos / white - mean) / std).transpose(0, 3, 1, 2)


IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
batch_for_model = Exercise("batch_for_model", draw=checkpoint, right=_normalised,
    as_found=lambda *these: _normalised(*these, **IMAGENET),
    praise="The checkpoint decides, so ask it. Nothing crashes if you do not.", mistakes={
        "0.5 is right for some checkpoints: ask this one.": lambda *these: _normalised(*these, mean=0.5, std=0.5),
        "The mean is the model's, std still ImageNet's.": lambda *these: _normalised(*these, std=IMAGENET["std"]),
        "Pixels from 0 to 255 meet a mean of pixels from 0 to 1.": lambda *these: _normalised(*these, white=1),
    })  # fmt: skip
