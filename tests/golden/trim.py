"""Trims the reference files to what the tests read. Usage: trim.py REFERENCE_FOLDER, in tests/golden.

REFERENCE_FOLDER holds models.json and complexity.json (configurations and pycls's counts) and golden/ (PyTorch's
tensors); see README.md for what made them. Standard library only.
"""

import json
import math
import re
import shutil
import sys
from pathlib import Path

SMALL = ["small_effnet", "small_regnetz", "small_regnety", "small_resnet", "small_resnext"]
FULL = ["full_efficientnet_b0_r64", "full_tf_efficientnet_b0_r64", "full_regnetz_005_r64", "full_regnety_004_r64",
        "full_resnet50_r64", "full_resnext50_32x4d_r64", "full_tinynet_e_r53", "full_pycls_EN-B0_r64",
        "full_pycls_RegNetZ-500MF_r64", "full_pycls_RegNetY-500MF_r64"]
# PyTorch's own f32 gradients are 2 to 4 % off there.
WITHOUT_GRADIENTS = ["full_resnet50_r64", "full_resnext50_32x4d_r64"]
COUNTS = ["resolution", "flops", "params", "acts"]
SCALED = ["base", "strategy", "pycls_scaling_type", "s", "resolution", "test_scale_size", "depths", "widths",
          "group_ws", "stem_w", "head_w", "flops", "params", "acts"]


def lines(rows):
    """One row a line, so that a change shows as a line."""
    return "{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in rows.items()) + "\n}\n"


def error(gradient):
    """The relative error that f32 itself has; none where the gradient is zero in theory."""
    return None if gradient["exactly_zero_in_theory"] else gradient["rel_l2_err_f32"]


def summary(gradient):
    """Error, length, sum, and evenly spaced numbers of a gradient that is not stored whole."""
    count = math.prod(gradient["shape"])
    last = len(gradient["sample_index"]) - 1
    if gradient["sample_index"] != [i * (count - 1) // last for i in range(last + 1)]:
        raise SystemExit(f"{gradient['name']}: the samples are not where the tests look for them")
    numbers = [gradient["l2_f64"], gradient["sum_f64"], *gradient["sample_f64"]]
    return [error(gradient), *(float(f"{x:.8g}") for x in numbers)]


def run(name, description):
    """The scalars of one run; statistics of the parts, and what f32 is off by."""
    kept = {k: description[k] for k in
            ["library", "resolution", "batch", "num_classes", "params", "bn_eps", "input_name", "loss_train_f64",
             "loss_eval", "f32_vs_f64", "activations"]}
    kept["how"] = description.get("how", "formula weights")
    if name in SMALL:
        kept["bn_after_one_step_momentum"] = description["bn_after_one_step_momentum"]["values"]
        kept["grads"] = {g["name"]: error(g) for g in description["grads"]}
    elif name not in WITHOUT_GRADIENTS:
        kept["grads"] = {g["name"]: summary(g) for g in description["grads"]}
    return kept


def configuration(model, counts):
    """What a network needs to be drawn, and its counts at two resolutions."""
    stage_keys = ["depth", "width", "kernel", "stride", "expansion", "bottleneck_mul", "group_width"]
    kept = {k: model[k] for k in ["family", "activation", "stem", "se_ratio", "regnet_params"] if model.get(k)}
    kept["linear"] = "linear" in model.get("pycls_block", "")
    kept["head"] = model["head"]["conv_width"]
    kept["stages"] = [{k: s[k] for k in stage_keys if k in s} for s in model["stages"]]
    kept["counts"] = [{k: c[k] for k in COUNTS} for c in [counts, counts["second"]]]
    return kept


def scaled(reference):
    """The columns that name a scaled network and what it became; one name a row."""
    indices = [reference["columns"].index(column) for column in SCALED]
    rows = [dict(zip(SCALED, (row[i] for i in indices))) for row in reference["rows"]]
    return {f"{row['base']} {row['strategy']} {row['s']}": row for row in rows}


def published(models, windows):
    """The paper's scaled networks: our factor, its rounded row, and the first and last factor that round to it."""
    factor = {m["name"]: float(re.search(r"\bs=([0-9.]+)", m["status"])[1]) for m in models if "s=" in m["status"]}
    columns = ["flops_B", "params_M", "acts_M"]
    papers = {m["name"]: [m["paper"][k] for k in columns] for m in models if m["name"] in factor}
    window = {name: [w["first"], w["last"]] for name, w in windows.items()}
    return {name: {"s": s, "paper": papers[name], "window": window.get(name)} for name, s in factor.items()}


def main(reference):
    golden = reference / "golden"
    for name in SMALL + FULL:
        shutil.copy(golden / f"{name}.safetensors", f"{name}.safetensors")
        description = json.loads((golden / f"{name}.json").read_text())
        Path(f"{name}.json").write_text(lines(run(name, description)))
    Path("keys.json").write_text(lines(json.loads((golden / "keys.json").read_text())))
    models = json.loads((reference / "models.json").read_text())["models"]
    complexity = json.loads((reference / "complexity.json").read_text())
    counts = {c["name"]: c for c in complexity["models"]}
    rows = {name: configuration(model, counts[name]) for name, model in models.items()}
    Path("complexity.json").write_text(lines(rows))
    Path("scaled.json").write_text(lines(scaled(json.loads((reference / "scaled.json").read_text()))))
    Path("scaled_published.json").write_text(lines(published(complexity["models"], complexity["paper_scale_windows"])))


main(Path(sys.argv[1]))
