"""Writes augment_timm.safetensors.gz: every operator of AutoAugment and RandAugment on twenty pictures, as timm has it done by Pillow.

    python3 augment_timm.py        # timm 1.0.31, Pillow 13.0.0, torch, numpy, safetensors

`pictures` are twenty of 28 x 21 pixels by formula, of five kinds. `levels` holds a level from 0 to 10 and a sign for each. A tensor
with the name of one of timm's operators is what that operator makes of each picture at its level and sign, bilinear; one with
`, bicubic` after the name is bicubic. Where timm keeps no bit of a picture, which makes it black, one bit is kept, as in pycls.
"""

import gzip
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors.numpy import save
from timm.data import auto_augment as timm

COUNT, WIDTH, HEIGHT, FILL = 20, 28, 21, (128, 128, 128)
MOVING = ("Rotate", "ShearX", "ShearY", "TranslateXRel", "TranslateYRel")
OPERATORS = (
    "AutoContrast", "Equalize", "Invert", "Posterize", "PosterizeIncreasing", "PosterizeOriginal", "Solarize",
    "SolarizeIncreasing", "SolarizeAdd", "Color", "ColorIncreasing", "Contrast", "ContrastIncreasing", "Brightness",
    "BrightnessIncreasing", "Sharpness", "SharpnessIncreasing", *MOVING,
)


def hashed(*numbers):
    """32 bits from whole numbers."""
    x = 0x811C9DC5
    for number in numbers:
        x = ((x ^ number) * 0x9E3779B1) % 2**32
        x = ((x ^ (x >> 15)) * 0x85EBCA6B) % 2**32
        x ^= x >> 13
    return x


def pixel(i, x, y, c):
    """Noise; low contrast; slopes; squares of one colour; few light points on black, and one channel of one level."""
    noise = hashed(i, x, y, c)
    match i % 5:
        case 0:
            return noise % 256
        case 1:
            return 90 + 7 * i + noise % (3 + i)
        case 2:
            return (x * (3 + i) + y * (11 - c * 4) + 50 * c + noise % 9) % 256
        case 3:
            return hashed(i, x // 4, y // 3, c) % 256
        case _:
            return 40 + i if c == i // 5 % 3 else 255 - noise % 64 if noise % 7 == 0 else noise % 5


def levels():
    """From 0 to 10, no two alike, each with a sign."""
    return [((i * 7 % COUNT) * 10 / (COUNT - 1), 1 if hashed(i) % 2 else -1) for i in range(COUNT)]


def main():
    pictures = np.array(
        [[[[pixel(i, x, y, c) for c in range(3)] for x in range(WIDTH)] for y in range(HEIGHT)] for i in range(COUNT)],
        dtype=np.uint8,
    )
    out = {"pictures": pictures, "levels": np.array(levels())}
    for resampling in ("bilinear", "bicubic"):
        how = {"resample": getattr(Image, resampling.upper()), "fillcolor": FILL}
        for name in OPERATORS if resampling == "bilinear" else MOVING:
            made = []
            for picture, (level, sign) in zip(pictures, levels()):
                timm._randomly_negate = lambda value: sign * value
                number = timm.LEVEL_TO_ARG[name]
                arguments = number(level, {}) if number else ()
                if name.startswith("Posterize"):
                    arguments = (max(arguments[0], 1),)
                made.append(np.asarray(timm.NAME_TO_OP[name](Image.fromarray(picture), *arguments, **how)))
            out[name if resampling == "bilinear" else f"{name}, bicubic"] = np.array(made)
    # Without the time, so that the same numbers are the same bytes.
    Path("augment_timm.safetensors.gz").write_bytes(gzip.compress(save(out), mtime=0))


if __name__ == "__main__":
    main()
