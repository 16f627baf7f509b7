"""A RegNetZ of a file such as specs/cifar.toml in PyTorch, with Triaxis's names of parameters.

The architecture is that of "Fast and Accurate Model Scaling" (https://arxiv.org/abs/2103.06877): inverted bottlenecks
with grouped convolutions, squeeze-and-excite and linear ends, no shortcut where the shape changes.
"""

from torch import nn

ACTIVATIONS = {"relu": nn.ReLU, "silu": nn.SiLU}


class ConvNorm(nn.Module):
    """Convolution without bias, batch norm and, if asked for, the activation: [n, c, h, w] to [n, width, h / stride, w / stride]."""

    def __init__(self, style, channels, width, kernel=1, stride=1, groups=1, activate=True):
        super().__init__()
        self.conv = nn.Conv2d(channels, width, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(width, eps=style["eps"], momentum=style["momentum"])
        self.activation = ACTIVATIONS[style["activation"]]() if activate else nn.Identity()

    def forward(self, x):
        return self.activation(self.bn(self.conv(x)))


class SqueezeExcite(nn.Module):
    """Each channel times a factor that its mean and the others' give through `width` numbers."""

    def __init__(self, style, channels, width):
        super().__init__()
        self.fc1 = nn.Conv2d(channels, width, 1)
        self.fc2 = nn.Conv2d(width, channels, 1)
        self.activation = ACTIVATIONS[style["activation"]]()

    def forward(self, x):
        means = x.mean((2, 3), keepdim=True)
        return x * self.fc2(self.activation(self.fc1(means))).sigmoid()


class Block(nn.Module):
    """Pointwise, grouped, squeeze-and-excite, pointwise; plus the input where the shape stays."""

    def __init__(self, net, stage, channels, stride):
        super().__init__()
        style, width = net["style"], stage["width"]
        inner = round(width * net["bottleneck"])
        groups = inner // stage["group_width"]
        self.conv1 = ConvNorm(style, channels, inner)
        self.conv2 = ConvNorm(style, inner, inner, stage["kernel"], stride, groups)
        self.se = SqueezeExcite(style, inner, round(channels * net["squeeze"]))
        self.conv3 = ConvNorm(style, inner, width, activate=False)
        self.shortcut = stride == 1 and channels == width

    def forward(self, x):
        y = self.conv3(self.se(self.conv2(self.conv1(x))))
        return x + y if self.shortcut else y


class Classifier(nn.Module):
    """Mean of each channel, then a linear layer: [n, c, h, w] to [n, classes]."""

    def __init__(self, channels, classes):
        super().__init__()
        self.fc = nn.Linear(channels, classes)

    def forward(self, x):
        return self.fc(x.mean((2, 3)))


class RegNetZ(nn.Module):
    """The network of a spec file, as `tomllib` reads it: pictures [n, 3, h, w] to logits [n, classes].

    Its weights are loaded. Raises ValueError for what is not drawn here.
    """

    def __init__(self, spec):
        super().__init__()
        net = spec["network"]["regnet"]
        expected = {"linear": True, "downsample": False, "dropout": 0.0, "drop_path": 0.0}
        found = {key: net[key] for key in expected}
        style, stem = net["style"], net["stem"]
        known = style["activation"] in ACTIVATIONS and style["padding"] == "symmetric" and not stem["pool"]
        if found != expected or not known:
            raise ValueError(f"{spec['name']}: only RegNetZ with ReLU or SiLU, symmetric padding, no dropout is drawn here")
        self.stem = ConvNorm(style, 3, stem["width"], stem["kernel"], stem["stride"])
        channels = stem["width"]
        for s, stage in enumerate(net["stages"], 1):
            blocks = nn.Module()
            for b in range(1, stage["depth"] + 1):
                stride = stage["stride"] if b == 1 else 1
                blocks.add_module(f"b{b}", Block(net, stage, channels, stride))
                channels = stage["width"]
            self.add_module(f"s{s}", blocks)
        self.stages = [f"s{s}" for s in range(1, len(net["stages"]) + 1)]
        self.final_conv = ConvNorm(style, channels, net["head"])
        self.head = Classifier(net["head"], spec["num_classes"])

    def forward(self, x):
        x = self.stem(x)
        for stage in self.stages:
            for block in getattr(self, stage).children():
                x = block(x)
        return self.head(self.final_conv(x))
