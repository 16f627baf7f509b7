"""Makes classify.json: logits of timm's networks at their own sizes, for one picture of noise.

    pip install torch==2.5.1 torchvision==0.20.1 timm==1.0.31
    python classify.py

Weights, running statistics and the picture are formulas (README.md, "Formula weights"), so only logits are stored. The
running means are 0 and the running variances those below, one for all of a network, so that its logits are of the size
of a trained network's. Element k of the picture (row, column, channel) is the upper byte of the hash of ("picture", k).
"""

import json
import math
import pathlib
import sys

import numpy as np
import timm
import torch

# Model: running variance.
MODELS = {
    "efficientnet_b0": 0.84,
    "tf_efficientnet_b0": 0.84,
    "tinynet_e": 0.8,
    "regnety_004": 1.4,
    "regnetz_005": 0.95,
    "resnet18": 2.0,
    "resnext50_32x4d": 2.2,
}


def hashed(name, count):
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = (seed ^ byte) * 0x01000193 & 0xFFFFFFFF
    x = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B1) + np.uint32(seed)
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    x = (x ^ (x >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return x ^ (x >> np.uint32(16))


def parameter(name, shape):
    v = ((hashed(name, math.prod(shape)) >> np.uint32(8)).astype(np.float64) * 2.0**-23 - 1).astype(np.float32)
    fan = math.prod(shape[1:])
    if len(shape) == 4:
        v = v * np.float32(math.sqrt(6 / fan))
    elif len(shape) == 2:
        v = v * np.float32(math.sqrt(3 / fan))
    elif name.endswith(".bias"):
        v = np.float32(0.1) * v
    else:
        v = 1 + np.float32(0.25) * v
    return torch.from_numpy(v.reshape(shape))


def run(name, variance):
    model = timm.create_model(name).eval()
    config = model.pretrained_cfg
    state = {}
    for key, value in model.state_dict().items():
        if key.endswith("running_mean"):
            value = torch.zeros_like(value)
        elif key.endswith("running_var"):
            value = torch.full_like(value, variance)
        elif not key.endswith("num_batches_tracked"):
            value = parameter(key, tuple(value.shape))
        state[key] = value
    model.load_state_dict(state)
    size = config["input_size"][1]
    picture = (hashed("picture", size * size * 3) >> np.uint32(24)).reshape(size, size, 3)
    x = torch.from_numpy(picture.astype(np.float32)) / 255
    x = (x - torch.tensor(config["mean"])) / torch.tensor(config["std"])
    x = x.permute(2, 0, 1)[None]
    with torch.no_grad():
        single = model(x)[0]
        exact = model.double()(x.double())[0]
    error = (single - exact).abs().max().item()
    print(f"{name} at {size}: logits {exact.min():.3f} to {exact.max():.3f}, f32 is off by {error:.1e}", file=sys.stderr)
    return {
        "size": size,
        "variance": variance,
        "f32_error": float(f"{error:.2e}"),
        "logits": [round(x, 6) for x in exact.tolist()],
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    results = {name: run(name, variance) for name, variance in MODELS.items()}
    path = pathlib.Path(__file__).parent / "classify.json"
    lines = [f'  "{name}": {json.dumps(result)}' for name, result in results.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
