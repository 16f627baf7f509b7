"""EfficientNet, TinyNet, RegNetY, RegNetZ, ResNet and ResNeXt in PyTorch, under timm's names.

For timing peers on machines that have torch and nothing else: the layers are timm's, first weights are PyTorch's own.
Every block is `[1x1] -> k x k (dense, grouped or depthwise) -> [squeeze-excite] -> 1x1`. `peers.py count NAME` prints
multiply-adds and parameters, to be held against `triaxis info NAME`.
"""

import math

import torch
from torch import nn


def nearest(value, divisor):
    return max(divisor, int(value / divisor + 0.5) * divisor)


def channels(value):
    """EfficientNet's rounding: to a multiple of eight, never more than a tenth below."""
    rounded = nearest(value, 8)
    return rounded + 8 if rounded < 0.9 * value else rounded


def conv_norm(cin, cout, k=1, stride=1, groups=1):
    return [nn.Conv2d(cin, cout, k, stride, k // 2, groups=groups, bias=False), nn.BatchNorm2d(cout)]


class SqueezeExcite(nn.Module):
    def __init__(self, width, inner, act):
        super().__init__()
        self.gate = nn.Sequential(nn.Conv2d(width, inner, 1), act(), nn.Conv2d(inner, width, 1), nn.Sigmoid())

    def forward(self, x):
        return x * self.gate(x.mean((2, 3), keepdim=True))


class Block(nn.Module):
    """`squeeze` is the inner width of squeeze-excite, 0 for none; `plain` blocks have a ReLU after the sum."""

    def __init__(self, cin, inner, cout, act, *, kernel=3, stride=1, group=1, squeeze=0, expand=True, plain=False):
        super().__init__()
        layers = [*conv_norm(cin, inner), act()] if expand else []
        layers += [*conv_norm(inner, inner, kernel, stride, inner // group), act()]
        layers += [SqueezeExcite(inner, squeeze, act)] if squeeze else []
        self.body = nn.Sequential(*layers, *conv_norm(inner, cout))
        same = stride == 1 and cin == cout
        self.residual = same or plain
        self.shortcut = nn.Sequential(*conv_norm(cin, cout, 1, stride)) if plain and not same else nn.Identity()
        self.last = act() if plain else nn.Identity()

    def forward(self, x):
        y = self.body(x)
        return self.last(y + self.shortcut(x) if self.residual else y)


class Net(nn.Sequential):
    def __init__(self, stem, blocks, width, head, act):
        layers = [*stem, *blocks]
        if head:
            layers += [*conv_norm(width, head), act()]
        super().__init__(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(head or width, 1000))


# Expansion, width, depth, kernel, stride of EfficientNet-B0's stages.
STAGES = [(1, 16, 1, 3, 1), (6, 24, 2, 3, 2), (6, 40, 2, 5, 2), (6, 80, 3, 3, 2), (6, 112, 3, 5, 1), (6, 192, 4, 5, 2), (6, 320, 1, 3, 1)]


def efficientnet(width, depth, tiny=False):
    """TinyNet keeps the width of stem and head, and rounds depths to the nearest."""
    cin = 32 if tiny else channels(32 * width)
    head = max(1280, channels(1280 * width)) if tiny else channels(1280 * width)
    stem, blocks = [*conv_norm(3, cin, 3, 2), nn.SiLU()], []
    for expansion, w, d, kernel, stride in STAGES:
        cout = channels(w * width)
        for i in range(max(1, round(d * depth)) if tiny else math.ceil(d * depth)):
            options = {"kernel": kernel, "stride": 1 if i else stride, "squeeze": max(1, cin // 4), "expand": expansion != 1}
            blocks.append(Block(cin, cin * expansion, cout, nn.SiLU, **options))
            cin = cout
    return Net(stem, blocks, cin, head, nn.SiLU)


def regnet(depth, w0, slope, factor, group, head=0, z=False):
    """Widths by the quantised line of "Designing Network Design Spaces", made to fit the groups of the middle."""
    ratio, act = (4, nn.SiLU) if z else (1, nn.ReLU)
    stages = []
    for i in range(depth):
        power = round(math.log((w0 + slope * i) / w0) / math.log(factor))
        width = int(round(w0 * factor**power / 8)) * 8
        if stages and stages[-1][0] == width:
            stages[-1][1] += 1
        else:
            stages.append([width, 1])
    cin = 32
    stem, blocks = [*conv_norm(3, cin, 3, 2), act()], []
    for width, count in stages:
        wide = min(group, width * ratio)
        cout = nearest(width * ratio, wide) // ratio
        for i in range(count):
            options = {"stride": 1 if i else 2, "squeeze": round(cin / 4), "group": wide, "plain": not z}
            blocks.append(Block(cin, cout * ratio, cout, act, **options))
            cin = cout
    return Net(stem, blocks, cin, head, act)


def resnet50(groups=1, base=64):
    stem = [*conv_norm(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    blocks, cin = [], 64
    for stage, count in enumerate([3, 4, 6, 3]):
        inner, cout = base << stage, 256 << stage
        for i in range(count):
            options = {"stride": 1 if i or not stage else 2, "group": inner // groups, "plain": True}
            blocks.append(Block(cin, inner, cout, nn.ReLU, **options))
            cin = cout
    return Net(stem, blocks, cin, 0, nn.ReLU)


NETWORKS = {
    "efficientnet_b0": lambda: efficientnet(1.0, 1.0),
    "efficientnet_b1": lambda: efficientnet(1.0, 1.1),
    "efficientnet_b2": lambda: efficientnet(1.1, 1.2),
    "efficientnet_b3": lambda: efficientnet(1.2, 1.4),
    "efficientnet_b4": lambda: efficientnet(1.4, 1.8),
    "tinynet_a": lambda: efficientnet(1.0, 1.2, tiny=True),
    "tinynet_e": lambda: efficientnet(0.51, 0.6, tiny=True),
    "regnety_004": lambda: regnet(16, 48, 27.89, 2.09, 8),
    "regnety_040": lambda: regnet(22, 96, 31.41, 2.24, 64),
    "regnetz_005": lambda: regnet(21, 16, 10.7, 2.51, 4, head=1024, z=True),
    "regnetz_040": lambda: regnet(28, 48, 14.5, 2.226, 8, z=True),
    "resnet50": resnet50,
    "resnext50_32x4d": lambda: resnet50(32, 128),
}


def network(name):
    if name not in NETWORKS:
        raise ValueError(f"networks.py has no {name}; it has {', '.join(NETWORKS)}")
    return NETWORKS[name]()


def count(name, side):
    """Multiply-adds of convolutions and the linear layer for one picture, and parameters."""
    net, flops = network(name).eval(), 0

    def hook(layer, _, y):
        nonlocal flops
        flops += layer.weight[0].numel() * y.numel()

    for layer in net.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            layer.register_forward_hook(hook)
    with torch.no_grad():
        net(torch.zeros(1, 3, side, side))
    return flops, sum(p.numel() for p in net.parameters())
