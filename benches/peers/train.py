"""Trains a RegNetZ in PyTorch with a recipe of Triaxis; README.md says how to run it.

All begins with the folder that `parity` wrote. With --steps it repeats the first steps and compares the losses, and its
own in f32 with its own in f64; without, it trains to the end from the same weights on the same pictures in the same
order, with shifts and flips of its own, and prints the accuracy after each epoch.
"""

import argparse
import csv
import math
import sys
import time
import tomllib
from pathlib import Path

import torch
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


def begin(folder, dtype=torch.float32):
    """The recipe, and the network and its optimizer with the first weights of `folder`."""
    recipe = read_toml(folder / "args.toml")
    model = RegNetZ(read_toml(folder / "model.toml"))
    weights = load_file(folder / "initial.safetensors")
    counters = {name: value for name, value in model.state_dict().items() if name.endswith("num_batches_tracked")}
    model.load_state_dict(counters | weights)
    model.to(dtype=dtype, memory_format=torch.channels_last)
    return recipe, model, optimizer(model, recipe)


def splits(folder):
    """Pictures [n, 3, h, w] as bytes and labels [n], to train on and to test; the pictures of each step [epochs, steps, n]."""
    data = load_file(folder / "data.safetensors")
    train, test = ((data[f"{name}.pictures"].permute(0, 3, 1, 2), data[f"{name}.labels"]) for name in ("train", "test"))
    return train, test, data["order"]


def replay(folder, rates, dtype):
    """The loss of each of the first steps."""
    recipe, model, sgd = begin(folder, dtype)
    (pictures, labels), _, order = splits(folder)
    for rate, picked in zip(rates, order[0]):
        yield step(model, sgd, recipe, rate, pictures[picked], labels[picked])


def follow(folder):
    """Repeats the first steps in f32 and in f64 and prints the losses of each."""
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


def train(folder):
    """A whole run; prints a row an epoch."""
    recipe, model, sgd = begin(folder)
    torch.manual_seed(recipe["seed"])
    (pictures, labels), test, order = splits(folder)
    rows = csv.writer(sys.stdout, lineterminator="\n")
    rows.writerow(["seed", "epoch", "train_loss", "eval_loss", "eval_top1", "cpu_seconds"])
    for epoch, steps in enumerate(order):
        total = 0.0
        for i, picked in enumerate(steps):
            rate = learning_rate(recipe, epoch + i / len(steps))
            moved = move(pictures[picked], recipe["crop_padding"], recipe["hflip"])
            total += step(model, sgd, recipe, rate, moved, labels[picked])
        loss, top1 = evaluate(model, *test)
        spent = round(time.process_time(), 1)
        rows.writerow([recipe["seed"], epoch, f"{total / len(steps):.6f}", f"{loss:.6f}", f"{top1:.2f}", spent])
        sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="what `parity` wrote")
    parser.add_argument("--steps", action="store_true", help="compare the losses of the first steps")
    parser.add_argument("--threads", type=int, default=1, help="default: %(default)s")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    (follow if options.steps else train)(options.folder)


if __name__ == "__main__":
    main()
