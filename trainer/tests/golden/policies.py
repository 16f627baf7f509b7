"""Writes policies.txt: the rows of AutoAugment's policies, as other libraries hold them.

    python3 policies.py        # timm 1.0.31, torchvision 0.20.1

`v0` is timm's `auto_augment_policy_v0`, that of the EfficientNet code for TPUs; `original` is timm's `auto_augment_policy_original`,
the paper's for ImageNet, which has to be torchvision's `IMAGENET`; `cifar10` is torchvision's `CIFAR10`. A row is an operator,
its probability and its level, twice. What the names say of units (`Rel`, `Original`) is left out; no level is 0.
"""

from pathlib import Path

from timm.data import auto_augment as timm
from torchvision.transforms import AutoAugment, AutoAugmentPolicy

HPARAMS = {"translate_const": 100, "img_mean": (128, 128, 128)}


def plain(name):
    return name.removesuffix("Rel").removesuffix("Original")


def of_timm(policy):
    """The rows, as they are handed on to be made into functions."""
    made = []

    class Kept:
        def __init__(self, name, prob=0.5, magnitude=10, hparams=None):
            made.append((plain(name), prob, magnitude))

    kept, timm.AugmentOp = timm.AugmentOp, Kept
    policy(HPARAMS)
    timm.AugmentOp = kept
    return list(zip(made[::2], made[1::2]))


def of_torchvision(policy):
    return [tuple((name, p, level or 0) for name, p, level in row) for row in AutoAugment(policy).policies]


def main():
    policies = {
        "v0": of_timm(timm.auto_augment_policy_v0),
        "original": of_timm(timm.auto_augment_policy_original),
        "cifar10": of_torchvision(AutoAugmentPolicy.CIFAR10),
    }
    without_levels = {"AutoContrast", "Equalize", "Invert"}
    for ours, theirs in zip(policies["original"], of_torchvision(AutoAugmentPolicy.IMAGENET)):
        for (name, p, level), (other, q, number) in zip(ours, theirs):
            assert (name, p) == (other, q), (ours, theirs)
            assert name in without_levels or level == number, (ours, theirs)
    lines = []
    for name, rows in policies.items():
        assert len(rows) == 25, name
        for row in rows:
            lines.append(f"{name}: " + ", ".join(f"{operator} {p:.1f} {level}" for operator, p, level in row) + "\n")
    Path("policies.txt").write_text("".join(lines))


if __name__ == "__main__":
    main()
