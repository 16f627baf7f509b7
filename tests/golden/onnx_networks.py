"""Makes onnx_*.onnx and onnx_logits.safetensors: three tiny networks as PyTorch exports them, and what ONNX Runtime computes.

    python3 -m venv venv
    venv/bin/pip install torch==2.5.1 onnx==1.23.2 onnxruntime==1.32.0 safetensors numpy
    venv/bin/python tests/golden/onnx_networks.py tests/golden

The networks are what torchvision's are made of, at a tenth of the width; weights and statistics are random, of seed 7.
"""

import sys
from pathlib import Path

import onnxruntime
import torch
from safetensors.torch import save_file
from torch import nn


def conv_norm(cin, cout, kernel=3, stride=1, groups=1, act=None):
    layers = [
        nn.Conv2d(cin, cout, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(cout),
    ]
    return nn.Sequential(*layers, *([act()] if act else []))


class Basic(nn.Module):
    """ResNet's basic block."""

    def __init__(self, cin, cout, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, cout, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(cout)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(cout, cout, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(cout)
        self.downsample = None if stride == 1 and cin == cout else conv_norm(cin, cout, 1, stride)

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.relu(y + shortcut)


class ResNet(nn.Module):
    """A max-pool, batch norms that stay nodes, `flatten`."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 5, 2, 2, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = nn.Sequential(Basic(8, 8, 1))
        self.layer2 = nn.Sequential(Basic(8, 12, 2), Basic(12, 12, 1))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(12, 10)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        return self.fc(torch.flatten(self.avgpool(self.layer2(self.layer1(x))), 1))


class Squeeze(nn.Module):
    def __init__(self, width, squeezed):
        super().__init__()
        self.fc1, self.act = nn.Conv2d(width, squeezed, 1), nn.SiLU()
        self.fc2, self.gate = nn.Conv2d(squeezed, width, 1), nn.Sigmoid()

    def forward(self, x):
        return x * self.gate(self.fc2(self.act(self.fc1(x.mean((2, 3), keepdim=True)))))


class Inverted(nn.Module):
    """An inverted bottleneck, with squeeze-and-excite or without."""

    def __init__(self, cin, cout, kernel, stride, act, squeezed):
        super().__init__()
        wide = 3 * cin
        self.block = nn.Sequential(
            conv_norm(cin, wide, 1, act=act),
            conv_norm(wide, wide, kernel, stride, wide, act=act),
            *([Squeeze(wide, squeezed)] if squeezed else []),
            conv_norm(wide, cout, 1),
        )
        self.residual = stride == 1 and cin == cout

    def forward(self, x):
        return x + self.block(x) if self.residual else self.block(x)


class EfficientNet(nn.Module):
    """SiLU, gates, depthwise convolutions; means by ReduceMean; batch norms go into convolutions."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            conv_norm(3, 8, 3, 2, act=nn.SiLU),
            Inverted(8, 12, 3, 2, nn.SiLU, 2),
            Inverted(12, 12, 5, 1, nn.SiLU, 3),
            conv_norm(12, 20, 1, act=nn.SiLU),
        )
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(20, 10))

    def forward(self, x):
        return self.classifier(self.features(x).mean((2, 3)))


class MobileNet(nn.Module):
    """ReLU6, groups, a hard swish, an average pool, and `view` by the size of the batch; a softmax at the end."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            conv_norm(3, 8, 3, 2, act=nn.ReLU6),
            Inverted(8, 8, 3, 1, nn.ReLU6, 0),
            nn.AvgPool2d(2, 2),
            conv_norm(8, 16, 3, 1, 4, act=nn.Hardswish),
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(16, 10)

    def forward(self, x):
        x = self.pool(self.features(x))
        return self.classifier(x.view(x.size(0), -1)).softmax(1)


def seeded(network, generator):
    for name, tensor in network.state_dict().items():
        if not tensor.is_floating_point():
            continue
        random = torch.randn(tensor.shape, generator=generator)
        if name.endswith("running_var"):
            tensor.copy_(0.5 + random.abs())
        elif tensor.dim() > 1:
            tensor.copy_(random * (2 / tensor[0].numel()) ** 0.5)
        else:
            tensor.copy_(0.2 * random + (1.0 if name.endswith("weight") else 0.0))
    return network.eval()


def main(folder):
    generator = torch.Generator().manual_seed(7)
    images = torch.randn(3, 3, 32, 32, generator=generator)
    kept = torch.onnx.TrainingMode.PRESERVE
    folded = torch.onnx.TrainingMode.EVAL
    tensors = {"images": images}
    for network, opset, training in [
        (ResNet(), 11, kept),
        (EfficientNet(), 18, folded),
        (MobileNet(), 14, folded),
    ]:
        network = seeded(network, generator)
        name = type(network).__name__.lower()
        path = str(folder / f"onnx_{name}.onnx")
        torch.onnx.export(
            network,
            images[:1],
            path,
            opset_version=opset,
            training=training,
            input_names=["input"],
            output_names=["output"],
            dynamic_axes={"input": {0: "batch"}, "output": {0: "batch"}},
            dynamo=False,
        )
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        (output,) = session.run(None, {"input": images.numpy()})
        output = torch.from_numpy(output)
        expected = network(images)
        assert torch.allclose(output, expected, atol=1e-5), name
        # A softmax is left out: what it makes differs from logits by a number an image.
        tensors[name] = output.log() if name == "mobilenet" else output
    save_file(tensors, folder / "onnx_logits.safetensors")


with torch.no_grad():
    main(Path(sys.argv[1]))
