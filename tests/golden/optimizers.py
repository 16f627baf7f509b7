"""Writes optimizers.json: ten steps of each optimizer, number by number, as PyTorch and timm take them in f32.

    python3 optimizers.py        # torch 2.5.1, timm 1.0.31, on the CPU

`begin` holds a weight that decays and a bias that does not, `rates` the learning rate of each step, `gradients` what each
step is given. A trace holds both parameters after each step, and what the optimizer keeps for them. All that is given is a
multiple of a power of two, or rounded to f32 as it is written. Parameters stay away from zero, where a relative difference
would measure what cancels.
"""

import json
import math
from pathlib import Path

import torch
from timm.optim import RMSpropTF

STEPS = 10
SIZES = {"weight": 10, "bias": 6}
RATES = [0.1, 0.15, 0.2, 0.2, 0.18, 0.15, 0.11, 0.07, 0.04, 0.02]


def hashed(name, k):
    """A multiple of 2^-10 in [-1, 1), from a name and a place."""
    x = (k * 0x9E3779B1 + sum(map(ord, name)) * 0x85EBCA6B) % 2**32
    x = ((x ^ (x >> 15)) * 0xC2B2AE35) % 2**32
    return ((x ^ (x >> 16)) % 2048 - 1024) / 1024


def begin(name):
    """From 3 to 5, every other one negative."""
    return [(-1) ** k * (4 + hashed(name, k)) for k in range(SIZES[name])]


def gradient(name, step):
    """Three sizes in turn, a power of two apart; another for each step."""
    size = SIZES[name]
    return [hashed(f"{name} gradient", step * size + k) * 2.0 ** (-(k % 3)) for k in range(size)]


TRACES = {
    "sgd": (torch.optim.SGD, {"momentum": 0.9, "nesterov": False, "weight_decay": 0.02}, {"momentum": "momentum_buffer"}),
    "sgd, nesterov": (
        torch.optim.SGD, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.02}, {"momentum": "momentum_buffer"},
    ),
    "sgd without momentum": (torch.optim.SGD, {"momentum": 0.0, "nesterov": False, "weight_decay": 0.02}, {}),
    "rmsproptf": (
        RMSpropTF,
        {"alpha": 0.9, "momentum": 0.9, "eps": 1e-3, "weight_decay": 0.02},
        {"mean_square": "square_avg", "momentum": "momentum_buffer"},
    ),
    "adamw": (torch.optim.AdamW, {"betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.05}, {}),
}


def trace(optimizer, options, kept):
    parameters = {name: torch.tensor(begin(name)).requires_grad_() for name in SIZES}
    groups = [
        {"params": [parameters["weight"]]},
        {"params": [parameters["bias"]], "weight_decay": 0.0},
    ]
    optimizer = optimizer(groups, lr=1.0, **options)
    steps = []
    for step in range(STEPS):
        for name, parameter in parameters.items():
            parameter.grad = torch.tensor(gradient(name, step))
        for group in optimizer.param_groups:
            group["lr"] = RATES[step]
        optimizer.step()
        row = {name: parameter.tolist() for name, parameter in parameters.items()}
        for ours, theirs in kept.items():
            row[ours] = {name: optimizer.state[parameter][theirs].tolist() for name, parameter in parameters.items()}
        assert all(abs(x) > 0.5 for name in SIZES for x in row[name]), "a parameter comes near zero"
        steps.append(row)
    return {"options": options, "steps": steps}


def main():
    out = {
        "versions": {"torch": torch.__version__},
        "begin": {name: begin(name) for name in SIZES},
        "rates": RATES,
        "gradients": [{name: gradient(name, step) for name in SIZES} for step in range(STEPS)],
        "traces": {name: trace(*how) for name, how in TRACES.items()},
    }
    text = json.dumps(out, indent=1)
    (Path(__file__).parent / "optimizers.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
