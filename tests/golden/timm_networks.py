"""Counts, names and shapes of timm's networks. Usage: timm_networks.py > timm_networks.json, in tests/golden.

Needs torch, timm and blake3; the versions that made the file stand in README.md. Networks are built on PyTorch's
"meta" device: shapes without numbers.

Counting is pycls's: a convolution or linear layer costs a multiply-add for each weight of each output, and one more
for a bias; parameters are all but running statistics; activations are the outputs of convolutions, linear layers and
max-pools.
"""

import json
import math

import blake3
import timm
import torch
from torch import nn

# The zoo's names of networks that timm has, with the resolutions that they are counted at.
EFFICIENTNET = dict(enumerate([224, 240, 260, 300, 380, 456, 528, 600]))
REGNETX = ["002", "004", "004_tv", "006", "008", "016", "032", "040", "064", "080", "120", "160", "320"]
REGNETY = ["002", "004", "006", "008", "008_tv", "016", "032", "040", "064", "080", "080_tv", "120", "160", "320"]
NETWORKS = {
    **{f"{tf}efficientnet_b{i}": [r, 65] for tf in ["", "tf_"] for i, r in EFFICIENTNET.items()},
    **{f"tf_efficientnetv2_b{i}": r for i, r in enumerate([[192, 224], [192, 240], [208, 260], [240, 300]])},
    **{f"mobilenetv2_{w}": [224, 65] for w in ["035", "050", "075", "100", "110d", "120d", "140"]},
    **{f"tinynet_{x}": [r, 65] for x, r in zip("abcde", [192, 188, 184, 152, 106])},
    **{f"regnetx_{x}": [224, 65] for x in REGNETX},
    **{f"regnety_{y}": [224, 65] for y in REGNETY},
    "regnetz_005": [224, 65],
    "regnetz_040": [256, 65],
    "regnetz_040_h": [256, 65],
    **{f"resnet{depth}": [224, 65] for depth in [18, 34, 50, 101, 152]},
    **{f"resnext{depth}_32x4d": [224, 65] for depth in [50, 101]},
}


def counts(network, resolution):
    """Multiply-adds, parameters and activations for one image."""
    flops, acts = [], []

    def count(module, inputs, output):
        acts.append(output.numel())
        if not isinstance(module, nn.MaxPool2d):
            weights = math.prod(module.weight.shape[1:])
            flops.append(output.numel() * (weights + (module.bias is not None)))

    layers = [m for m in network.modules() if isinstance(m, (nn.Conv2d, nn.Linear, nn.MaxPool2d))]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    network(torch.empty(1, 3, resolution, resolution, device="meta"))
    for hook in hooks:
        hook.remove()
    params = sum(p.numel() for p in network.parameters())
    return {"resolution": resolution, "flops": sum(flops), "params": params, "acts": sum(acts)}


def state(network):
    """The hash of a line for each tensor, sorted: its name, its sides."""
    tensors = {k: v for k, v in network.state_dict().items() if not k.endswith("num_batches_tracked")}
    lines = sorted(" ".join([name, *map(str, tensor.shape)]) for name, tensor in tensors.items())
    return {"tensors": len(lines), "blake3": blake3.blake3("\n".join(lines).encode()).hexdigest()}


def describe(name, resolutions):
    with torch.device("meta"):
        network = timm.create_model(name).eval()
    row = {"counts": [counts(network, r) for r in resolutions], "state": state(network)}
    eps = {m.eps for m in network.modules() if isinstance(m, nn.BatchNorm2d)}
    (row["eps"],) = eps
    return row


rows = [f"{json.dumps(name)}: {json.dumps(describe(name, r))}" for name, r in NETWORKS.items()]
print("{\n" + ",\n".join(rows) + "\n}")
