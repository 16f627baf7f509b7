"""Makes gaussian.json: scikit-learn's Gaussian processes on 50 points.

    pip install scikit-learn==1.9.1
    python gaussian.py

Kernel: ConstantKernel * RBF + WhiteKernel, normalize_y, alpha 1e-10. Each case has the points, predictions at a given
kernel (mean, deviation of an observation, log marginal likelihood), and the best likelihood that 20 restarts found.
"""

import json
import warnings

import numpy as np
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

warnings.filterwarnings("ignore")  # A kernel at its bound is what some cases are about.

CASES = {
    "wave": (lambda x: np.sin(3 * x) + 0.1 * x, 0.05, (0.0, 5.0), (1.3, 0.7, 0.02)),
    "resolution": (lambda x: 0.45 + 0.5 * x**0.3, 0.02, (0.03, 1.05), (2.0, 0.5, 0.1)),
    "line": (lambda x: 2 * x - 1, 1e-3, (-1.0, 1.0), (10.0, 3.0, 1e-4)),
    "noise": (lambda x: 0 * x, 1.0, (0.0, 1.0), (0.5, 0.2, 0.6)),
}


def process(kernel, **options):
    variance, length, noise = kernel
    return GaussianProcessRegressor(
        ConstantKernel(variance) * RBF(length) + WhiteKernel(noise), normalize_y=True, alpha=1e-10, **options
    )


out = {}
for seed, (name, (curve, noise, (low, high), kernel)) in enumerate(CASES.items()):
    random = np.random.default_rng(seed)
    x = np.round(random.uniform(low, high, 50), 6)
    y = np.round(curve(x) + noise * random.standard_normal(50), 6)
    at = np.round(np.linspace(low - 0.2 * (high - low), high + 0.2 * (high - low), 50), 6)
    given = process(kernel, optimizer=None).fit(x[:, None], y)
    mean, deviation = given.predict(at[:, None], return_std=True)
    fitted = process((1.0, 1.0, 0.1), n_restarts_optimizer=20, random_state=0).fit(x[:, None], y)
    out[name] = {
        "x": x.tolist(),
        "y": y.tolist(),
        "kernel": kernel,
        "at": at.tolist(),
        "mean": mean.tolist(),
        "deviation": deviation.tolist(),
        "log_likelihood": given.log_marginal_likelihood_value_
        if hasattr(given, "log_marginal_likelihood_value_")
        else given.log_marginal_likelihood(given.kernel_.theta),
        "best": fitted.log_marginal_likelihood_value_,
    }
with open("gaussian.json", "w") as file:
    file.write("{\n" + ",\n".join(f'"{name}": {json.dumps(case)}' for name, case in out.items()) + "\n}\n")
