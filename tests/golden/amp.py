"""How far PyTorch's own mixed precision is from float64 in the gradients of `small_effnet`: for images as they are and
longer by a few millionths, the three parameters whose gradients are furthest off, relative to their length.

    python3 amp.py

Needs torch, timm and safetensors. Everything is computed on the CPU: `autocast` to float16, the loss times 1024.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from timm.models.efficientnet import _gen_efficientnet

HERE = Path(__file__).parent
SCALE = 1024.0


def network(tensors):
    model = _gen_efficientnet("efficientnet_b0", channel_multiplier=0.25, depth_multiplier=0.6, num_classes=10)
    weights = {name: tensors[f"state.{name}"] for name, _ in model.named_parameters()}
    model.load_state_dict(weights, strict=False)
    return model.train()


def worst(tensors, checked, longer):
    model = network(tensors)
    with torch.autocast("cpu", dtype=torch.float16):
        logits = model(tensors["input"] * (1 + longer))
    losses = -(tensors["target"] * torch.log_softmax(logits.float(), -1)).sum(1)
    (losses.mean() * SCALE).backward()
    off = []
    for name, parameter in model.named_parameters():
        if checked[name] is not None:
            expected = tensors[f"grad.{name}"].double()
            got = parameter.grad.double() / SCALE
            off.append((((got - expected).norm() / expected.norm()).item(), name))
    return sorted(off, reverse=True)[:3]


def main():
    tensors = load_file(HERE / "small_effnet.safetensors")
    checked = json.loads((HERE / "small_effnet.json").read_text())["grads"]
    for millionths in range(-3, 4):
        shown = ", ".join(f"{name} {off:.1e}" for off, name in worst(tensors, checked, millionths * 1e-6))
        print(f"{millionths:+d}: {shown}")


if __name__ == "__main__":
    main()
