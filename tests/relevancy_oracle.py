"""The authors' algebra for one image at a time, spelled out without any shortcut: every token, every matrix, no batch.

An oracle for architectures of which no golden file exists; the golden files tell whether the oracle itself is right.
"""

import torch


def divide(a, b):
    divisor = b.clamp(min=1e-9) + b.clamp(max=1e-9)
    divisor = divisor + (divisor == 0) * 1e-9
    return a / divisor * (b != 0)


def linear(x, weight, relevance):
    positive, negative = x.clamp(min=0), x.clamp(max=0)
    raising, lowering = weight.clamp(min=0), weight.clamp(max=0)
    share = divide(relevance, positive @ raising.T + negative @ lowering.T)
    return positive * (share @ raising) + negative * (share @ lowering)


def add(a, b, relevance):
    share = divide(relevance, a + b)
    to_a, to_b = a * share, b * share
    size = to_a.sum().abs() + to_b.sum().abs()
    due_a = divide(to_a.sum().abs(), size) * relevance.sum()
    due_b = divide(to_b.sum().abs(), size) * relevance.sum()
    return to_a * divide(due_a, to_a.sum()), to_b * divide(due_b, to_b.sum())


def clone(x, first, second):
    return x * (divide(first, x) + divide(second, x))


def product(a, b, relevance):
    share = divide(relevance, a @ b)
    return a * (share @ b.mT) / 2, b * (a.mT @ share) / 2


def watch(model, image):
    """What timm's own unfused forward pass computes, by the name of the module and 'in' or 'out', for one image."""
    seen, handles = {}, []
    for block in model.blocks:
        block.attn.fused_attn = False
    for name, module in model.named_modules():

        def keep(_module, inputs, output, name=name):
            seen[f"{name} in"], seen[f"{name} out"] = inputs[0], output

        handles.append(module.register_forward_hook(keep))
    logits = model.eval()(image)
    for handle in handles:
        handle.remove()
    return seen, logits


def split(block, seen, prefix):
    """Queries, keys, values (heads, N, d) as they meet in the attention."""
    qkv = seen[f"{prefix}.attn.qkv out"][0].detach().unflatten(-1, (3, block.attn.num_heads, -1))
    queries, keys, values = qkv.permute(1, 2, 0, 3)
    return block.attn.q_norm(queries).detach(), block.attn.k_norm(keys).detach(), values


def relevancy(model, image, target, start_layer=0):
    """Maps (patches,) of 'chefer' and 'generic' for one image (1, 3, H, W) and one class."""
    seen, logits = watch(model, image)
    names = [f"blocks.{index}" for index in range(len(model.blocks))]
    attention = [seen[f"{name}.attn.attn_drop out"] for name in names]
    slopes = torch.autograd.grad(logits[0, target], attention)
    seed = torch.zeros_like(logits[0]).index_fill(0, torch.tensor(target), 1)
    tokens = seen["norm out"][0].detach()
    read = slice(0, 1) if model.global_pool == "token" else slice(model.num_prefix_tokens, None)
    at_mean = linear(seen["head in"][0].detach(), model.head.weight, seed)
    relevance = torch.zeros_like(tokens)
    relevance[read] = tokens[read] / len(tokens[read]) * divide(at_mean, tokens[read].mean(0))
    weights = {"chefer": [], "generic": []}
    with torch.no_grad():
        for index in reversed(range(len(names))):
            cam, relevance = through_block(model.blocks[index], seen, names[index], relevance)
            slope, whole = slopes[index][0], attention[index][0]
            weights["chefer"].insert(0, (slope * cam).clamp(min=0).mean(0))
            weights["generic"].insert(0, (slope * whole).clamp(min=0).mean(0))
    found = {}
    for method, matrices in weights.items():
        found[method] = rolled_out(matrices[start_layer:])[read].mean(0)[model.num_prefix_tokens :]
    return found


def through_block(block, seen, prefix, relevance):
    """The relevance of a block's attention, (heads, N, N), and of its input, (N, D)."""

    def at(name):
        return seen[f"{prefix}.{name}"][0].detach()

    middle, entering = at("norm2 in"), at("norm1 in")
    skip, branch = add(middle, at("drop_path2 out"), relevance)
    branch = linear(at("mlp.fc2 in"), block.mlp.fc2.weight, branch)
    branch = linear(at("mlp.fc1 in"), block.mlp.fc1.weight, branch)
    relevance = clone(middle, skip, branch)
    skip, branch = add(entering, at("drop_path1 out"), relevance)
    branch = linear(at("attn.proj in"), block.attn.proj.weight, branch)
    branch = branch.unflatten(-1, (block.attn.num_heads, -1)).transpose(0, 1)
    queries, keys, values = split(block, seen, prefix)
    cam, at_values = product(at("attn.attn_drop out"), values, branch)
    at_queries, at_keys = product(queries, keys.mT, cam)
    parts = torch.stack([at_queries, at_keys.mT, at_values]).permute(2, 0, 1, 3).flatten(1)
    branch = linear(at("attn.qkv in"), block.attn.qkv.weight, parts)
    return cam, clone(entering, skip, branch)


def rolled_out(matrices):
    """(I + last) ... (I + first) - I, without the rounding that adding and subtracting I would cost."""
    whole = torch.zeros_like(matrices[0])
    for matrix in matrices:
        whole = matrix + whole + matrix @ whole
    return whole
