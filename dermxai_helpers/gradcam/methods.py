"""The class activation methods: small functions of feature maps and gradients.

features : float, (B, K, rows, columns), the output A of the explained layer
gradients : the same shape, the derivative of one class score s per image by each value of the features
Each gives maps (B, rows, columns): raw, so negative where evidence speaks against the class, before any ReLU.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

SMALLEST_DENOMINATOR = 1e-6  # pytorch-grad-cam's; see grad_cam_plus_plus
AT_ONCE = 8  # masked pictures in one pass of score_cam


def grad_cam(features: Tensor, gradients: Tensor) -> Tensor:
    """Weigh every map by its mean gradient and add the maps up.

    alpha_k = 1/Z sum_ij ds / dA_kij,   L = sum_k alpha_k A_k,   for K maps of Z cells each

    >>> features = torch.tensor([[[[4.0, 0.0]], [[1.0, 1.0]]]])  # one image, two maps of 1 x 2 cells
    >>> grad_cam(features, torch.tensor([[[[1.0, 0.0]], [[-2.0, 0.0]]]]))  # weights 0.5 and -1
    tensor([[[ 1., -1.]]])

    Source: Selvaraju et al., "Grad-CAM", ICCV 2017, equations 1 and 2.
    """
    weights = gradients.mean(dim=(2, 3))  # alpha (B, K): one number for each map, whatever its cells
    return torch.einsum("bk,bkij->bij", weights, features)


def grad_cam_plus_plus(features: Tensor, gradients: Tensor) -> Tensor:
    """Weigh every map by the sum of its positive gradients, each with its own coefficient alpha.

    alpha_kij = g^2 / (2 g^2 + g^3 sum_ij A_kij),   w_k = sum_ij alpha_kij max(g, 0),   g = ds / dA_kij

    >>> features, gradients = torch.tensor([[[[1.0, 1.0]]]]), torch.tensor([[[[1.0, 0.0]]]])
    >>> grad_cam_plus_plus(features, gradients)  # alpha is 1 / (2 + 2)
    tensor([[[0.2500, 0.2500]]])

    The score is taken as exp(logit), so that the second and third derivatives are powers of the first. The term that
    keeps alpha's denominator from zero is the one of pytorch-grad-cam, to be equal to it; where gradients are well
    below 1e-3 it outweighs the rest, and weights grow with the third power of the gradient.
    Source: Chattopadhay et al., "Grad-CAM++", WACV 2018, equations 5 and 19.
    """
    squared = gradients**2
    totals = features.sum(dim=(2, 3), keepdim=True)
    alpha = squared / (2 * squared + totals * squared * gradients + SMALLEST_DENOMINATOR)
    alpha = torch.where(gradients != 0, alpha, 0)
    weights = (alpha * gradients.clamp(min=0)).sum(dim=(2, 3))
    return torch.einsum("bk,bkij->bij", weights, features)


def hires_cam(features: Tensor, gradients: Tensor) -> Tensor:
    """Multiply values with their gradients: what a cell adds. Source: Draelos, Carin, arXiv:2011.08891, equation 3."""
    return (gradients * features).sum(dim=1)


def layer_cam(features: Tensor, gradients: Tensor) -> Tensor:
    """Multiply every value with its gradient where positive. Source: Jiang et al., LayerCAM, TIP 2021, (6) and (7)."""
    return (gradients.clamp(min=0) * features).sum(dim=1)


def eigen_cam(features: Tensor) -> Tensor:
    """Give the cells' coordinates on the first principal component of their K values. It knows no class.

    L = X v_1,   X the cells (Z, K) minus their mean, v_1 the first right singular vector of X

    A principal component has no sign, and the sign decides which half ReLU keeps. Here the cell that is farthest from
    zero is positive: what is marked is what differs most from the rest of the picture, usually the smaller part.
    Source: Muhammad and Yeasin, "Eigen-CAM", IJCNN 2020 (centred as in pytorch-grad-cam); the sign: Chung and Ying,
    "Seg-Eigen-CAM", Applied Sciences 2025, equation 13.
    """
    cells = features.flatten(2).transpose(1, 2)
    cells = cells if cells.dtype == torch.float64 else cells.float()  # there is no decomposition in half precision
    left, values, _ = torch.linalg.svd(cells - cells.mean(dim=1, keepdim=True), full_matrices=False)
    projection = left[..., 0] * values[:, :1]
    farthest = projection.gather(1, projection.abs().argmax(dim=1, keepdim=True))
    return (projection * farthest.sign()).unflatten(1, features.shape[2:])


def score_cam(features: Tensor, images: Tensor, model: nn.Module, targets: Tensor) -> Tensor:
    """Weigh every map by what the model says of the picture seen through it: maps (B, T, rows, columns).

    w_k = softmax_k s(X * M_k),   L = sum_k w_k A_k,   M_k the map, as large as the picture and stretched to 0 ... 1

    No gradient is needed, but K passes for each image (1,280 on MobileNetV2), in which all classes are scored at once.
    images : (B, 3, H, W), those that gave the features;  targets : (B, T)
    Source: Wang et al., "Score-CAM", CVPR workshops 2020, equations 3 to 6; the score is the logit, whose baseline
    is the same for every map and falls out of the softmax. Resized as in pytorch-grad-cam, with corners aligned.
    """
    weights = []
    for image, maps, wanted in zip(images, features, targets, strict=True):
        scores = []
        for part in maps[:, None].split(AT_ONCE):
            seen = functional.interpolate(part, image.shape[1:], mode="bilinear", align_corners=True)
            low, high = seen.amin(dim=(2, 3), keepdim=True), seen.amax(dim=(2, 3), keepdim=True)
            scores.append(model(image * (seen - low) / (high - low + 1e-8)))
        weights.append(torch.cat(scores)[:, wanted].softmax(dim=0))
    return torch.einsum("bkt,bkij->btij", torch.stack(weights), features)
