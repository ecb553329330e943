"""Every image file opened safely: header first, then pixels; whatever goes wrong becomes a sentence."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from dermxai_helpers.files import DataError

FORMATS = ("JPEG", "PNG")  # the only decoders a file may reach
PIXEL_LIMIT = 64_000_000  # more than any dermatoscope gives; a bomb of 30,000 × 30,000 claims fourteen times as many


def open_image(path: str | Path, size: tuple[int, int] | None = None) -> np.ndarray:
    """Open an image file as RGB, uint8, (height, width, 3).

    size : (height, width) to resize to (bilinear, antialiased), or None for the image's own size

    Every mode is converted, transparent pixels are laid on white, photographs stored sideways turned upright.
    Raises DataError for a file that is empty, damaged, neither JPEG nor PNG, or larger than PIXEL_LIMIT.
    """
    with opened(path) as picture:
        picture.load()
        picture = as_rgb(ImageOps.exif_transpose(picture))
    return np.array(picture if size is None else picture.resize(size[::-1], Image.Resampling.BILINEAR))


def as_rgb(picture: Image.Image) -> Image.Image:
    """Any mode of a decoded picture as 8-bit RGB."""
    if picture.mode.startswith("I"):  # 16 bits a pixel: Pillow's own conversion would clip everything above 255
        picture = Image.fromarray((np.asarray(picture) // 257).astype(np.uint8))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert("RGB")


def open_mask(path: str | Path, size: tuple[int, int] | None = None) -> np.ndarray:
    """Open a lesion mask as bool, (height, width), True on the lesion; resized to `size` where one is given.

    A pixel is lesion when it is brighter than half of the mask's brightest: files hold 0/1, 0/255 or 0/65535.
    Raises DataError for an image without mask (path ""), and as `open_image` does.
    """
    if not str(path):
        raise DataError("mask", ["this image has no lesion mask (mask_path is empty)"])
    values = open_image(path)[..., 0].astype(np.float32)
    if size is not None:
        values = np.asarray(Image.fromarray(values).resize(size[::-1], Image.Resampling.BILINEAR))
    return values > values.max() / 2


@contextmanager
def opened(path: str | Path) -> Iterator[Image.Image]:
    """Open an image whose header has been found harmless; a fault while it is decoded inside becomes a DataError."""
    try:
        if os.path.getsize(path) == 0:
            raise DataError(path, ["empty (zero bytes)"])
        with Image.open(path, formats=FORMATS) as picture:
            if picture.width * picture.height > PIXEL_LIMIT:
                size = f"{picture.width:,} × {picture.height:,}"
                raise DataError(path, [f"claims {size} pixels (limit {PIXEL_LIMIT:,}): refused without decoding"])
            yield picture
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(path, ["there is no such file"]) from None
    except UnidentifiedImageError:
        raise DataError(path, ["not an image that is read here: export it (HEIC, WebP ...) as JPEG or PNG"]) from None
    except Exception as error:  # decoders of damaged files raise a dozen kinds of error, Pillow's own limit is another
        raise DataError(path, [f"damaged or too large, it cannot be decoded ({error})"]) from error
