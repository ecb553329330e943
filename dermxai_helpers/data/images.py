"""Every image file opened safely: header first, then pixels; whatever goes wrong becomes a sentence."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from dermxai_helpers.files import POINTER, DataError, is_pointer, listed, printable

FORMATS = ("JPEG", "PNG")  # the only decoders a file may reach
PIXEL_LIMIT = 64_000_000  # more than any dermatoscope gives; a bomb of 30,000 × 30,000 claims fourteen times as many
PNG_LIMIT = 32_000_000  # 200 kB can claim so many, and decoded they take a quarter of a gigabyte
LARGE = 16_000_000  # a larger JPEG that is wanted small is decoded at a half, a quarter or an eighth of its size


def open_image(path: str | Path, size: tuple[int, int] | None = None) -> np.ndarray:
    """Open an image file as sRGB, uint8, (height, width, 3).

    size : (height, width) to resize to (bilinear, antialiased), or None for the image's own size
    Every mode is converted, transparent pixels are laid on white, photographs stored sideways turned upright. Colours
    that an embedded profile (Display P3 ...) means are brought to sRGB; a profile that cannot be read is ignored.
    Raises DataError for a file that is empty, damaged, neither JPEG nor PNG, or larger than PIXEL_LIMIT (PNG_LIMIT).
    """
    with opened(path) as picture:
        if size is not None and picture.width * picture.height > LARGE:
            picture.draft(None, size[::-1])
        picture = as_rgb(upright(picture))
    return np.array(picture if size is None else picture.resize(size[::-1], Image.Resampling.BILINEAR))


def upright(picture: Image.Image) -> Image.Image:
    """A picture, decoded and turned in place as its EXIF says; a damaged EXIF says nothing."""
    picture.load()
    with suppress(Exception):  # of a dozen kinds
        ImageOps.exif_transpose(picture, in_place=True)
    return picture


def as_rgb(picture: Image.Image) -> Image.Image:
    """Any mode of a decoded picture as 8-bit sRGB."""
    profile = picture.info.get("icc_profile")
    if picture.mode.startswith("I"):  # 16 bits a pixel: Pillow's own conversion would clip everything above 255
        picture = Image.fromarray((np.asarray(picture) // 257).astype(np.uint8))
    if picture.has_transparency_data:
        opaque, picture = "L" if picture.mode.startswith("L") else "RGB", picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert(opaque)
    if profile:
        picture = picture if picture.mode in ("L", "CMYK") else picture.convert("RGB")
        with suppress(OSError, ValueError, TypeError, ImageCms.PyCMSError):  # it is broken, or does not fit
            own, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
            picture = ImageCms.profileToProfile(picture, own, srgb, outputMode="RGB")
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def open_mask(path: str | Path, size: tuple[int, int] | None = None) -> np.ndarray:
    """Open a lesion mask as bool, (height, width), True on the lesion; resized to `size` where one is given.

    Bright is lesion: a pixel whose largest colour channel is above half of the mask's brightest (0/1, 0/255, 0/65535);
    where a mask is partly transparent, what is opaque is lesion. Raises DataError for an image without mask (path "",
    None or NaN), a mask of 3 to 8 levels, which are classes, not a rim or noise, and as `open_image` does.
    """
    if not isinstance(path, str | Path) or not str(path):
        raise DataError("mask", ["this image has no lesion mask (mask_path is empty)"])
    with opened(path) as picture:
        cut = ";16B" in str(picture.tile) and picture.mode[0] != "I"  # Pillow drops half of the bits, not of grey's
        picture = upright(picture)
        values = np.asarray(picture if picture.mode[0] == "I" else picture.convert("RGBA"))
        if values.ndim == 3:
            values = values[..., 3] if np.ptp(values[..., 3]) else values[..., :3].max(axis=2)
        levels = np.unique(values)
        if cut and not levels.any():
            raise DataError(path, ["holds 16 bits a colour, all too dark to be read: save it with 8 bits"])
        if 3 <= len(levels) <= 8:
            found = f"holds {len(levels)} classes (levels {listed(levels, 8)})"
            raise DataError(path, [f"{found}, and which is the lesion is not known: save it as 255, all else as 0"])
    values = values.astype(np.float32)
    if size is not None:
        values = np.asarray(Image.fromarray(values).resize(size[::-1], Image.Resampling.BILINEAR))
    return values > values.max() / 2


@contextmanager
def opened(path: str | Path) -> Iterator[Image.Image]:
    """Open an image whose header has been found harmless; a fault while it is decoded inside becomes a DataError."""
    try:
        if not isinstance(path, str | Path) or printable(path) != str(path):
            raise DataError(path, ["no file's name, or one that is not UTF-8 and no table could hold: rename it"])
        if os.path.getsize(path) == 0:
            raise DataError(path, ["empty (zero bytes)"])
        with Image.open(path, formats=FORMATS) as picture:
            limit = PNG_LIMIT if picture.format == "PNG" else PIXEL_LIMIT
            if picture.width * picture.height > limit:
                size = f"{picture.width:,} × {picture.height:,}"
                raise DataError(path, [f"claims {size} pixels (limit {limit:,}): refused without decoding"])
            yield picture
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(path, ["there is no such file"]) from None
    except UnidentifiedImageError:
        advice = "export it (HEIC, WebP ...) as JPEG or PNG"
        raise DataError(path, [POINTER if is_pointer(path) else f"not an image that is read here: {advice}"]) from None
    except Exception as error:  # decoders of damaged files raise a dozen kinds of error, Pillow's own limit is another
        raise DataError(path, [f"damaged or too large, it cannot be decoded ({error})"]) from error
