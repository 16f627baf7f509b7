"""Writes mixing.json: rectangles of CutMix and of random erasing, as timm makes them of given draws.

    python3 mixing.py        # timm 1.0.31, torch, numpy

`cutmix`: side of the picture, share that is kept, row and column of the middle; then left, top, right and bottom of the rectangle and
the share of the target that is kept. `erasing`: side, rectangles of the picture, then two numbers from 0 to 1 that decide area and
aspect; then height and width, or nothing where they do not fit. `minmax`: side, least and largest part; then the ranges that timm draws
the rectangle's height, width, top and left from (the first number outside them last), for the height and width that it then drew.
"""

import itertools
import json
import random
from pathlib import Path

import numpy as np
import torch
from timm.data import mixup, random_erasing


def cutmix():
    rows = []
    for side, kept in itertools.product((7, 32, 224), (0.0, 0.001, 0.137, 0.5, 0.64, 0.9, 0.999, 1.0)):
        for middle in ((0, 0), (side // 2, side // 3), (side - 1, side - 1), (side // 7, side - 2)):
            draws = iter(middle)
            np.random.randint = lambda low, high, size=None: next(draws)
            (top, bottom, left, right), target = mixup.cutmix_bbox_and_lam((3, side, side), kept)
            rows.append([side, kept, *middle, *map(int, (left, top, right, bottom)), float(target)])
    return rows


def minmax():
    rows = []
    for side, range_ in itertools.product((32, 224), ((0.2, 0.8), (0.25, 0.75), (0.0, 1.0), (0.3, 0.35))):
        asked = []

        def middle(low, high, size=None):
            asked.append([int(low), int(high)])
            return (low + high) // 2

        np.random.randint = middle
        mixup.rand_bbox_minmax((3, side, side), range_)
        rows.append([side, *range_, asked])
    return rows


def erasing():
    rows = []
    for side, count in ((32, 1), (64, 1), (224, 3)):
        for area, aspect in itertools.product((0.0, 0.125, 0.5, 0.8125, 0.9375), (0.0, 0.0625, 0.25, 0.5, 0.875, 0.984375)):
            draws = itertools.cycle((area, aspect))
            random.random = lambda: 0.0
            random.uniform = lambda low, high: low + (high - low) * next(draws)
            random.randint = lambda low, high: low
            eraser = random_erasing.RandomErasing(1.0, mode="const", min_count=count, max_count=count, device="cpu")
            picture = torch.ones(3, side, side)
            eraser(picture)
            erased = picture[0] == 0
            size = [int(erased.any(1).sum()), int(erased.any(0).sum())] if erased.any() else None
            rows.append([side, count, area, aspect, size])
    return rows


def main():
    tables = {"cutmix": cutmix(), "minmax": minmax(), "erasing": erasing()}
    lines = [
        f' "{name}": [\n' + ",\n".join("  " + json.dumps(row) for row in rows) + "\n ]" for name, rows in tables.items()
    ]
    Path("mixing.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
