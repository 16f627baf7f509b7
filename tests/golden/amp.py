"""How far mixed precision must be from float64 in the gradients of `small_effnet`, relative to a gradient's length.

First PyTorch's own (`autocast` to float16, the loss times 1024), for images as they are and longer by a few millionths: the
three parameters that are furthest off. Then what storing alone does: float64 throughout, but what convolutions write
and the gradients of that are rounded to float16, for 81 images longer by up to 40 millionths.

    python3 amp.py

Needs torch, timm and safetensors. Everything is computed on the CPU.
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


class Stored(torch.autograd.Function):
    """Rounded to float16, as is its gradient, which is SCALE times as long where it is stored."""

    @staticmethod
    def forward(context, x):
        return x.half().to(x.dtype)

    @staticmethod
    def backward(context, gradient):
        return (gradient * SCALE).half().to(gradient.dtype) / SCALE


def gradients(tensors, longer, stored):
    model = network(tensors).double()
    if stored:
        for name, module in model.named_modules():
            if isinstance(module, torch.nn.Conv2d) and ".se." not in name:
                module.register_forward_hook(lambda module, inputs, output: Stored.apply(output))
    logits = model(tensors["input"].double() * (1 + longer))
    (-(tensors["target"].double() * torch.log_softmax(logits, -1)).sum(1).mean()).backward()
    return {name: parameter.grad for name, parameter in model.named_parameters()}


def worst_stored(tensors, checked, longer):
    exact, stored = (gradients(tensors, longer, rounded) for rounded in (False, True))
    names = [name for name in exact if checked[name] is not None]
    return max(((stored[name] - exact[name]).norm() / exact[name].norm()).item() for name in names)


def main():
    tensors = load_file(HERE / "small_effnet.safetensors")
    checked = json.loads((HERE / "small_effnet.json").read_text())["grads"]
    print("autocast")
    for millionths in range(-3, 4):
        shown = ", ".join(f"{name} {off:.1e}" for off, name in worst(tensors, checked, millionths * 1e-6))
        print(f"{millionths:+d}: {shown}")
    off = sorted(worst_stored(tensors, checked, millionths * 1e-6) for millionths in range(-40, 41))
    above = sum(each > 5e-2 for each in off)
    print(f"only stored: {off[0]:.1e} to {off[-1]:.1e}, half below {off[40]:.1e}, {above} of {len(off)} above 5e-2")


if __name__ == "__main__":
    main()
