"""A timm network with weights by formula, as README.md says. Usage: full.py NAME RESOLUTION, in tests/golden.

Writes full_NAME_rRESOLUTION.safetensors and .json. Needs torch, timm, safetensors and numpy.
"""

import json
import sys

import numpy as np
import timm
import torch
from safetensors.torch import save_file
from torch import nn

BATCH = 4
CLASSES = 1000


def hashed(name, count):
    """Numbers in -1..1 that depend on the name and the index alone."""
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = (seed ^ byte) * 0x01000193 & 0xFFFFFFFF
    x = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B1) + np.uint32(seed)
    x = (x ^ (x >> 16)) * np.uint32(0x85EBCA6B)
    x = (x ^ (x >> 13)) * np.uint32(0xC2B2AE35)
    x ^= x >> 16
    return torch.from_numpy((x >> 8).astype(np.float32) * np.float32(2**-23) - np.float32(1))


def by_formula(name, shape):
    v = hashed(name, shape.numel()).reshape(shape)
    fan = shape[1:].numel()
    match (len(shape), name.endswith(".bias")):
        case (4, _):
            return v * np.float32((6 / fan) ** 0.5)
        case (2, _):
            return v * np.float32((3 / fan) ** 0.5)
        case (_, True):
            return v * np.float32(0.1)
        case _:
            return 1 + np.float32(0.25) * v


def targets():
    target = torch.full((BATCH, CLASSES), 0.1 / CLASSES, dtype=torch.float64)
    for image in range(BATCH):
        target[image, (7 * image + 3) % CLASSES] += 0.63
        target[image, (11 * image + 5) % CLASSES] += 0.27
    return target.float()


def parts(network):
    """Parts of the network whose output's length is compared."""
    if hasattr(network, "blocks"):
        stages = {f"stage{i}": stage for i, stage in enumerate(network.blocks)}
        return {"stem_out": network.bn1, **stages, "head_conv": network.bn2}
    stages = {f"s{i}": getattr(network, f"s{i}") for i in range(1, 5)}
    return {"stem_out": network.stem, **stages, "head_conv": network.final_conv}


def run(network, images, target):
    """Logits, loss and the length of each part's output."""
    lengths = {}

    def measure(name):
        def hook(module, inputs, output):
            lengths[name] = {"numel": output.numel(), "l2": output.double().norm().item()}
        return hook

    hooks = [part.register_forward_hook(measure(name)) for name, part in parts(network).items()]
    with torch.no_grad():
        logits = network(images)
        loss = -(target * logits.log_softmax(1)).sum(1).mean()
    for hook in hooks:
        hook.remove()
    return logits, loss.reshape(1), lengths


def passes(network, images, target, buffers=None):
    """A training pass, the running buffers of its batch, and an evaluation with those or the given ones."""
    train = run(network.train(), images, target)
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    run(network, images, target)
    if buffers:
        network.load_state_dict(buffers, strict=False)
    else:
        buffers = {k: v.clone() for k, v in network.named_buffers() if not k.endswith("num_batches_tracked")}
    return train, run(network.eval(), images, target), buffers, norms[0].eps


def main(name, resolution):
    network = timm.create_model(name)
    with torch.no_grad():
        for key, parameter in network.named_parameters():
            parameter.copy_(by_formula(key, parameter.shape))
    images = hashed("input", BATCH * 3 * resolution**2).reshape(BATCH, 3, resolution, resolution)
    images, target = images * np.float32(3**0.5), targets()
    double = timm.create_model(name).double()
    double.load_state_dict(network.state_dict())
    train, evaluate, buffers, eps = passes(network, images, target)
    train_f64, evaluate_f64, _, _ = passes(double, images.double(), target.double(), buffers)

    tensors = {"target": target, "loss_train_f64": train_f64[1], "loss_eval": evaluate[1]}
    tensors |= {"logits_train_f64": train_f64[0], "logits_eval_f64": evaluate_f64[0]}
    tensors |= {f"eval_bn.{key}": buffer for key, buffer in buffers.items()}
    file = f"full_{name}_r{resolution}"
    save_file(tensors, f"{file}.safetensors")
    error = {"logits_train": (train[0] - train_f64[0]).abs().max().item(),
             "logits_eval": (evaluate[0] - evaluate_f64[0]).abs().max().item()}
    facts = {
        "library": f"timm {timm.__version__}, torch {torch.__version__}",
        "resolution": resolution,
        "bn_eps": eps,
        "input_name": "input",
        "f32_vs_f64": error,
        "activations": {"train": train[2], "eval": evaluate[2]},
    }
    rows = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in facts.items()]
    with open(f"{file}.json", "w") as out:
        out.write("{\n" + ",\n".join(rows) + "\n}\n")


main(sys.argv[1], int(sys.argv[2]))
