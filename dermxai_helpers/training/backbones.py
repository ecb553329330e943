"""Which networks does the course know, and where do their weights come from?

A classifier is a backbone (photograph -> feature maps), the mean over the cells of each map, and a head (features ->
logits). MobileNetV2 is the paper's; any convolutional network of timm can take its place by its name.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from dermxai_helpers import assets

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
MOBILENET = "mobilenet_v2"
TIMM = "timm:"
DROPOUT = 0.2  # torchvision's own head for MobileNetV2


@dataclass(frozen=True)
class Backbone:
    """A frozen feature extractor and the form of image it expects.

    features : module, (B, 3, height, width) normalised -> feature maps (B, width, rows, columns); MobileNetV2 gives
        1,280 maps at a 32nd of the resolution
    mean, std : per channel, of images scaled to [0, 1]
    size : (height, width) in pixels
    note : what the weights are, for captions of figures and tables
    architecture : "mobilenet_v2" (torchvision's) or "timm:" and the name of a timm model
    width : number of feature maps
    """

    features: nn.Module
    name: str
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    size: tuple[int, int] = (224, 224)
    note: str = ""
    architecture: str = MOBILENET
    width: int = 1280


class TimmFeatures(nn.Module):
    """The convolutions of a timm model: (B, 3, height, width) -> (B, maps, rows, columns).

    Raises ValueError for a network without feature maps, such as a vision transformer.
    """

    def __init__(self, name: str, pretrained: bool):
        import timm

        super().__init__()
        self.body = timm.create_model(name, pretrained=pretrained, num_classes=0)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        maps = self.body.forward_features(images)
        if maps.ndim != 4 or maps.shape[1] != self.body.num_features:
            raise ValueError(
                f"{type(self.body).__name__} gives {tuple(maps.shape)}, not feature maps (B, channels, rows, columns): "
                "take a convolutional network here; unit 04 is about transformers"
            )
        return maps


class Network(nn.Module):
    """A backbone with a head, for architectures that torchvision's MobileNetV2 class cannot hold."""

    def __init__(self, features: nn.Module, classifier: nn.Module):
        super().__init__()
        self.features, self.classifier = features, classifier

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(B, 3, height, width) -> logits (B, classes)"""
        return self.classifier(self.features(images).mean(dim=(2, 3)))


def backbone(name: str = "demo") -> Backbone:
    """A backbone by its name.

    name : "demo" (ships with the course, trained on drawn lesions, needs no network), "imagenet" (MobileNetV2 with
        torchvision's file, taken from TORCH_HOME or downloaded once), or "timm:" and a timm model's name, for example
        "timm:mobilenetv3_large_100" (its weights are downloaded once)

    Raises ValueError for another name, FileNotFoundError or ValueError when the weights cannot be had.
    Source: Sandler et al. 2018, "MobileNetV2", arXiv:1801.04381; torchvision's and timm's implementations.
    """
    if name == "demo":
        note = "MobileNetV2 trained on drawn lesions; it stands in for ImageNet"
        return Backbone(mobilenet_features(_demo_weights()), name, note=note)
    if name == "imagenet":
        note = "MobileNetV2 with ImageNet weights (torchvision, IMAGENET1K_V2)"
        return Backbone(mobilenet_features(_imagenet_weights()), name, note=note)
    if name.startswith(TIMM):
        return timm_backbone(name.removeprefix(TIMM))
    raise ValueError(f'no backbone is called {name!r}: choose "demo", "imagenet", or "timm:" and a timm model\'s name')


def as_backbone(source: str | Backbone) -> Backbone:
    """A Backbone as it is, or the one of that name."""
    return source if isinstance(source, Backbone) else backbone(source)


def timm_backbone(name: str, pretrained: bool = True) -> Backbone:
    """The convolutions of a timm model, with the normalisation and input size it was trained with.

    pretrained : False gives random weights, for trying things out without a network
    Raises ValueError when timm has no such model or its weights cannot be had.
    """
    import timm

    if not timm.is_model(name):
        near = ", ".join(timm.list_models(f"*{name[:6]}*")[:5]) or "see timm.list_models()"
        raise ValueError(f"timm has no model {name!r}; near it: {near}")
    try:
        with torch.random.fork_rng(devices=[]):
            features = TimmFeatures(name, pretrained).eval()
    except (OSError, RuntimeError) as problem:
        raise ValueError(
            f"the weights of timm's {name} could not be loaded ({type(problem).__name__}): "
            'connect to the network once, or use backbone="demo"'
        ) from problem
    config = timm.data.resolve_model_data_config(features.body)
    mean, std, size = config["mean"], config["std"], config["input_size"][1:]
    note = f"timm's {name}, {'pretrained' if pretrained else 'random'} weights"
    return Backbone(features, TIMM + name, mean, std, size, note, TIMM + name, features.body.num_features)




def new_head(classes: int, width: int = 1280) -> nn.Sequential:
    """torchvision's MobileNetV2 head, freshly initialised: dropout, then a linear layer, `width` features to logits."""
    head = nn.Sequential(nn.Dropout(DROPOUT), nn.Linear(width, classes))
    nn.init.normal_(head[1].weight, std=0.01)
    nn.init.zeros_(head[1].bias)
    return head


def new_network(architecture: str, classes: int) -> nn.Module:
    """A complete network with random weights, evaluation mode.

    architecture : as in `Backbone`. Raises ValueError for one that the course does not know.
    """
    with torch.random.fork_rng(devices=[]):  # random weights must not cost the caller's seed
        if architecture == MOBILENET:
            from torchvision.models import mobilenet_v2

            return mobilenet_v2(weights=None, num_classes=classes).eval()
        if architecture.startswith(TIMM):
            source = timm_backbone(architecture.removeprefix(TIMM), pretrained=False)
            return Network(source.features, new_head(classes, source.width)).eval()
    raise ValueError(f"no architecture is called {architecture!r}: it is {MOBILENET!r}, or {TIMM!r} and a model's name")


def assembled(source: Backbone, features: nn.Module, head: nn.Module) -> nn.Module:
    """A network of the source's architecture made of these two parts, evaluation mode."""
    if source.architecture != MOBILENET:
        return Network(features, head).eval()
    network = new_network(MOBILENET, head[-1].out_features)
    network.features, network.classifier = features, head
    return network.eval()


def read_weights(path: Path | str) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file, floating ones as float32.

    Raises FileNotFoundError when there is no such file, ValueError when it is anything but a complete safetensors file.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not Path(path).is_file():
        raise FileNotFoundError(f"no weights at {path}: train and save a model first, or correct the path")
    try:
        state = load_file(path)
    except SafetensorError as problem:
        raise ValueError(
            f"{path} is not a complete safetensors file ({problem}): it may be truncated or of another kind "
            "(pickled .pt and .pth files are refused because they can run code); save the model again"
        ) from problem
    return {key: tensor.float() if tensor.is_floating_point() else tensor for key, tensor in state.items()}


def mobilenet_features(state: dict[str, torch.Tensor]) -> nn.Module:
    """torchvision's MobileNetV2 convolutions, in evaluation mode, with the `features.` part of a state dict."""
    features = new_network(MOBILENET, 1).features
    prefix = "features."
    own = {key.removeprefix(prefix): tensor for key, tensor in state.items() if key.startswith(prefix)}
    features.load_state_dict(own)
    return features


def _demo_weights() -> dict[str, torch.Tensor]:
    if not assets.MOBILENET.is_file():
        raise FileNotFoundError(f"no demo backbone at {assets.MOBILENET}: install the course again")
    return read_weights(assets.MOBILENET)


def _imagenet_weights() -> dict[str, torch.Tensor]:
    from torchvision.models import MobileNet_V2_Weights

    weights = MobileNet_V2_Weights.IMAGENET1K_V2
    try:
        return weights.get_state_dict(progress=True, check_hash=True, weights_only=True)
    except Exception as problem:  # absent, unreachable, damaged or unsafe: the remedy is the same
        raise ValueError(
            f"ImageNet's MobileNetV2 could not be loaded ({type(problem).__name__}: {problem}): connect to the network "
            f'once, or put {Path(weights.url).name} into {torch.hub.get_dir()}/checkpoints, or use backbone="demo"'
        ) from problem
