"""Trains a RegNetZ in PyTorch with a recipe of Triaxis; README.md says how to run it.

With --follow it replays the batches that `parity` wrote, from the same weights, and compares the losses, and its own in
f32 with its own in f64; without, it trains on class folders of JPEGs and prints the accuracy after each epoch.
"""

import argparse
import csv
import math
import sys
import time
import tomllib
from pathlib import Path

import numpy
import torch
from PIL import Image
from safetensors.torch import load_file
from torch.nn.functional import cross_entropy, pad

from regnetz import RegNetZ

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


def read_toml(path):
    with open(path, "rb") as file:
        return tomllib.load(file)


def normalise(pictures, dtype=torch.float32):
    """Bytes [n, 3, h, w] as the network reads them."""
    x = (pictures.to(dtype) / 255 - MEAN.to(dtype)) / STD.to(dtype)
    return x.contiguous(memory_format=torch.channels_last)


def optimizer(model, recipe):
    """SGD of the recipe: batch norm is not decayed, all else is, biases too."""
    options = recipe["opt"]
    if options["name"] != "sgd":
        raise ValueError(f"opt.name is {options['name']}, expected sgd")
    norms = [p for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d) for p in m.parameters()]
    spared = {id(p) for p in norms}
    others = [p for p in model.parameters() if id(p) not in spared]
    groups = [{"params": others, "weight_decay": recipe["weight_decay"]}, {"params": norms, "weight_decay": 0.0}]
    return torch.optim.SGD(groups, lr=0.0, momentum=options["momentum"], nesterov=options["nesterov"])


def learning_rate(recipe, epochs):
    """The rate after so many epochs: one cosine, multiplied in warm-up by what rises from `warmup_factor` to 1."""
    rate = recipe["lr"] * 0.5 * (1 + math.cos(math.pi * epochs / recipe["epochs"]))
    done = min(epochs / recipe["warmup_epochs"], 1.0)
    return rate * (recipe.get("warmup_factor", 0.1) * (1 - done) + done)


def step(model, sgd, recipe, rate, pictures, labels):
    """One step of training; the loss before it."""
    for group in sgd.param_groups:
        group["lr"] = rate
    x = normalise(pictures, next(model.parameters()).dtype)
    loss = cross_entropy(model(x), labels, label_smoothing=recipe["smoothing"])
    sgd.zero_grad()
    loss.backward()
    sgd.step()
    return loss.item()


def replay(folder, rates, dtype):
    """The loss of each step over the batches of `folder`, from its weights."""
    recipe = read_toml(folder / "args.toml")
    model = RegNetZ(read_toml(folder / "model.toml"))
    weights = load_file(folder / "initial.safetensors")
    counters = {name: value for name, value in model.state_dict().items() if name.endswith("num_batches_tracked")}
    model.load_state_dict(counters | weights)
    model.to(dtype=dtype, memory_format=torch.channels_last)
    sgd = optimizer(model, recipe)
    batches = load_file(folder / "batches.safetensors")
    for rate, pictures, labels in zip(rates, batches["pictures"], batches["labels"], strict=True):
        yield step(model, sgd, recipe, rate, pictures.permute(0, 3, 1, 2), labels)


def follow(folder):
    """Replays the batches of `folder` in f32 and in f64 and prints the losses of each step."""
    with open(folder / "losses.csv") as file:
        written = list(csv.DictReader(file))
    rates = [float(row["lr"]) for row in written]
    single, double = (list(replay(folder, rates, dtype)) for dtype in (torch.float32, torch.float64))
    rows = csv.writer(sys.stdout, lineterminator="\n")
    rows.writerow(["step", "lr", "triaxis", "pytorch", "pytorch_f64", "difference", "difference_f64"])
    largest = [0.0, 0.0]
    for row, ours, exact in zip(written, single, double, strict=True):
        differences = abs(float(row["loss"]) - ours) / ours, abs(ours - exact) / exact
        largest = [max(pair) for pair in zip(largest, differences)]
        losses = (f"{ours:.8g}", f"{exact:.8g}")
        rows.writerow([row["step"], row["lr"], row["loss"], *losses, *(f"{d:.1e}" for d in differences)])
    texts = (f"{d:.1e}" for d in largest)
    print("largest relative difference: Triaxis, PyTorch {}; PyTorch in f32, in f64 {}".format(*texts), file=sys.stderr)


def read_split(folder):
    """Pictures [n, 3, h, w] as bytes and labels [n] of class folders."""
    classes = sorted(entry for entry in folder.iterdir() if entry.is_dir())
    files = [(file, label) for label, entry in enumerate(classes) for file in sorted(entry.iterdir())]
    pictures = numpy.stack([numpy.asarray(Image.open(file).convert("RGB")) for file, _ in files])
    labels = torch.tensor([label for _, label in files])
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous(), labels


def move(pictures, crop, flip):
    """Shifts each picture by up to `crop` pixels, black outside, and mirrors a share of `flip` of them."""
    n, _, h, w = pictures.shape
    padded = pad(pictures, [crop] * 4).permute(0, 2, 3, 1)
    rows = torch.randint(2 * crop + 1, (n, 1)) + torch.arange(h)
    columns = torch.randint(2 * crop + 1, (n, 1)) + torch.arange(w)
    mirrored = torch.rand(n, 1) < flip
    columns = torch.where(mirrored, columns.flip(1), columns)
    moved = padded[torch.arange(n).view(n, 1, 1), rows.view(n, h, 1), columns.view(n, 1, w)]
    return moved.permute(0, 3, 1, 2)


@torch.no_grad()
def evaluate(model, pictures, labels):
    """Mean loss and top-1, %."""
    model.eval()
    loss = right = 0.0
    for x, y in zip(pictures.split(250), labels.split(250)):
        logits = model(normalise(x))
        loss += cross_entropy(logits, y, reduction="sum").item()
        right += (logits.argmax(1) == y).sum().item()
    model.train()
    return loss / len(labels), 100 * right / len(labels)


def train(spec, recipe, data, seed):
    """A whole run; prints a row an epoch."""
    torch.manual_seed(seed)
    model = RegNetZ(spec).to(memory_format=torch.channels_last)
    sgd = optimizer(model, recipe)
    (pictures, labels), test = read_split(data / "train"), read_split(data / "test")
    n = recipe["batch_size"]
    steps = len(labels) // n
    rows = csv.writer(sys.stdout, lineterminator="\n")
    rows.writerow(["seed", "epoch", "train_loss", "eval_loss", "eval_top1", "cpu_seconds"])
    for epoch in range(recipe["epochs"]):
        total = 0.0
        for i, picked in enumerate(torch.randperm(len(labels))[: steps * n].split(n)):
            rate = learning_rate(recipe, epoch + i / steps)
            moved = move(pictures[picked], recipe["crop_padding"], recipe["hflip"])
            total += step(model, sgd, recipe, rate, moved, labels[picked])
        loss, top1 = evaluate(model, *test)
        spent = round(time.process_time(), 1)
        rows.writerow([seed, epoch, f"{total / steps:.6f}", f"{loss:.6f}", f"{top1:.2f}", spent])
        sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--follow", type=Path, metavar="FOLDER", help="what `parity` wrote")
    parser.add_argument("--recipe", type=Path, default="recipes/cifar.toml", help="default: %(default)s")
    parser.add_argument("--data-dir", type=Path, help="class folders in train/ and test/")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1, help="default: %(default)s")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.follow:
        follow(options.follow)
    elif options.data_dir:
        recipe = read_toml(options.recipe)
        train(read_toml(recipe["model"]), recipe, options.data_dir, options.seed)
    else:
        parser.error("give --follow FOLDER or --data-dir FOLDER")


if __name__ == "__main__":
    main()
