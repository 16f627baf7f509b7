"""Checks what `triaxis export` writes against timm, onnx and onnxruntime: see README.md.

    python3 export.py TRIAXIS FOLDER [NAME...]

For each network: weights from a seed, two pictures, the files that TRIAXIS (the binary) makes of them in FOLDER/NAME,
and a row of largest absolute differences of the logits.
"""

import json
import pathlib
import platform
import subprocess
import sys

import numpy
import onnx
import onnxruntime
import safetensors.torch
import timm
import torch
from PIL import Image

SIDE = 64
# One of each family; those that the binary does not know yet are left out.
NAMES = [
    "efficientnet_b0",
    "tf_efficientnet_b0",
    "tf_efficientnetv2_b0",
    "regnety_004",
    "regnetz_005",
    "resnet18",
    "resnext50_32x4d",
    "tinynet_e",
    "mobilenetv2_100",
]
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def network(name):
    """timm's network with first weights of a seed, and statistics that a batch norm has after training."""
    torch.manual_seed(1)
    net = timm.create_model(name, pretrained=False).eval()
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight.uniform_(0.75, 1.25)
                module.bias.uniform_(-0.1, 0.1)
                module.running_mean.uniform_(-0.1, 0.1)
                module.running_var.uniform_(0.5, 1.5)
    return net


def pictures(folder):
    """Two pictures of SIDE pixels as PNG files, and as normalised numbers."""
    random = numpy.random.default_rng(2)
    paths, numbers = [], []
    for i in range(2):
        coarse = random.integers(0, 256, (8, 8, 3), dtype=numpy.uint8)
        picture = Image.fromarray(coarse).resize((SIDE, SIDE), Image.BICUBIC)
        paths.append(str(folder / f"{i}.png"))
        picture.save(paths[-1])
        pixels = numpy.asarray(picture, dtype=numpy.float32) / numpy.float32(255)
        numbers.append((pixels - numpy.float32(MEAN)) / numpy.float32(STD))
    return paths, numpy.ascontiguousarray(numpy.stack(numbers).transpose(0, 3, 1, 2))


def check(triaxis, root, name):
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)

    def run(*arguments):
        result = subprocess.run([triaxis, *arguments], check=True, stdout=subprocess.PIPE, text=True)
        return result.stdout

    net = network(name)
    given = folder / "given.safetensors"
    state = {key: value for key, value in net.state_dict().items() if not key.endswith("num_batches_tracked")}
    safetensors.torch.save_file(state, given)
    paths, images = pictures(folder)
    numpy.save(folder / "images.npy", images)
    with torch.no_grad():
        expected = net(torch.from_numpy(images)).numpy()

    weights = ["--model", name, "--weights", str(given)]
    of = [*weights, "--img-size", str(SIDE), "--crop-pct", "1"]
    of += ["--mean", *map(str, MEAN), "--std", *map(str, STD)]
    last = json.loads(run("extract", "--list", "--json", "--model", name))[-1]["name"]
    run("extract", *of, "--node", last, *paths, "--batch-size", "2", "--out", str(folder / "logits.npy"))
    ours = numpy.load(folder / "logits.npy")

    row = {"timm": numpy.abs(ours - expected).max()}
    for kind, option in [("folded", []), ("kept", ["--no-fold"])]:
        file = str(folder / f"{kind}.onnx")
        run("export", *of, *option, "--out", file)
        onnx.checker.check_model(onnx.load(file), full_check=True)
        session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        got = session.run(["logits"], {"images": images})[0]
        alone = session.run(["logits"], {"images": images[:1]})[0]
        assert got.shape == (2, 1000) and alone.shape == (1, 1000)
        row[kind] = max(numpy.abs(got - ours).max(), numpy.abs(alone - ours[:1]).max())
    for kind, dtype in [("strict", "f32"), ("half", "f16")]:
        file = folder / f"{kind}.safetensors"
        run("export", *weights, "--dtype", dtype, "--out", str(file))
        again = timm.create_model(name, pretrained=False).eval()
        again.load_state_dict(safetensors.torch.load_file(file), strict=True)
        with torch.no_grad():
            row[kind] = numpy.abs(again(torch.from_numpy(images)).numpy() - expected).max()
    row["largest"] = numpy.abs(ours).max()
    return row


def main():
    triaxis, root, names = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]
    models = json.loads(subprocess.check_output([triaxis, "models", "--json"]))
    known = {model["model"] for model in models}
    names = names or [name for name in NAMES if name in known]
    modules = [torch, timm, onnx, onnxruntime, numpy]
    print(", ".join(f"{m.__name__} {m.__version__}" for m in modules), f"on Python {platform.python_version()}")
    columns = ["timm", "folded", "kept", "strict", "half", "largest"]
    print(f"{'':22}" + "".join(f"{column:>9}" for column in columns), flush=True)
    for name in names:
        row = check(triaxis, root, name)
        print(f"{name:22}" + "".join(f"{row[column]:9.1e}" for column in columns), flush=True)


main()
