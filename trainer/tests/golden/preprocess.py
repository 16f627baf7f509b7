"""Makes preprocess/*.png: what timm's evaluation does to a picture up to its crop, by Pillow.

    pip install torch==2.5.1 torchvision==0.20.1 timm==1.0.31 pillow==13.0.0
    python preprocess.py

A name says it all: WIDTHxHEIGHT of the source, the size of the crop, crop_pct, interpolation. The source is a formula:
channel c at column x, row y is ((7 x + 3 y + 50 c) xor (x y)) mod 256. Bytes on both sides, so the only room for
differences is in the rounding of weights.
"""

import pathlib

import numpy as np
from PIL import Image
from timm.data import create_transform

CASES = [
    (61, 45, 32, 0.875, "bicubic"),
    (45, 61, 32, 0.95, "bilinear"),
    (20, 31, 32, 0.875, "bicubic"),
    (31, 20, 30, 1.0, "bilinear"),
    (301, 200, 53, 0.875, "bicubic"),
    (200, 333, 64, 0.965, "bilinear"),
    (640, 427, 53, 0.9, "bicubic"),
]


def source(width, height):
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    return Image.fromarray((((7 * x + 3 * y + 50 * c) ^ (x * y)) & 255).astype(np.uint8))


folder = pathlib.Path(__file__).parent / "preprocess"
folder.mkdir(exist_ok=True)
for width, height, size, crop, interpolation in CASES:
    transform = create_transform(
        (3, size, size), is_training=False, crop_pct=crop, interpolation=interpolation, mean=(0, 0, 0), std=(1, 1, 1)
    )
    pixels = (transform(source(width, height)) * 255).round().byte().permute(1, 2, 0).numpy()
    Image.fromarray(pixels).save(folder / f"{width}x{height}_{size}_{crop}_{interpolation}.png", optimize=True)
