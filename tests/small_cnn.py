"""A small convolutional network with random weights, and the pictures it takes: a 14 x 14 grid, mean, linear layer."""

from collections import OrderedDict
from functools import partial

from torch import nn

from dermxai_helpers import synth
from dermxai_helpers.inference import to_input
from dermxai_helpers.training.backbones import IMAGENET_MEAN, IMAGENET_STD

prepare = partial(to_input, size=(224, 224), mean=IMAGENET_MEAN, std=IMAGENET_STD)


def small_network() -> nn.Module:
    """`features` of four blocks, then `classifier`."""

    def block(before: int, after: int, size: int, stride: int) -> nn.Module:
        convolution = nn.Conv2d(before, after, size, stride, size // 2, bias=False)
        return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU())

    features = nn.Sequential(block(3, 8, 5, 4), block(8, 32, 3, 2), block(32, 64, 3, 2), block(64, 64, 3, 1))
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, len(synth.LABELS)))
    return nn.Sequential(OrderedDict(features=features, classifier=head)).eval()
