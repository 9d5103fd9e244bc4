"""Prints goldens.json: pruning and distillation by PyTorch and by NumPy.

Magnitude pruning is torch.nn.utils.prune's. Wanda and SparseGPT are written down again
here from the papers and their authors' programs (github.com/locuslab/wanda,
github.com/IST-DASLab/sparsegpt), with the number of weights rounded, in float64.
PyTorch 2.15, NumPy.  Usage: python goldens.py > goldens.json
"""

import copy
import json

import numpy as np
import torch
import torch.nn.functional as F
from torch.nn.utils import prune

torch.manual_seed(0)
rng = np.random.default_rng(0)
flat = lambda t: [float(f"{float(v):.9g}") for v in np.asarray(t.detach() if hasattr(t, "detach") else t).ravel()]
out = {}

# Magnitude: two layers, by layer and globally.
net = torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.ReLU(), torch.nn.Linear(5, 4))
out["weights"] = [flat(net[0].weight), flat(net[2].weight)]
each = copy.deepcopy(net)
for layer in (each[0], each[2]):
    prune.l1_unstructured(layer, "weight", amount=0.55)
out["each"] = [flat(each[0].weight_mask), flat(each[2].weight_mask)]
both = copy.deepcopy(net)
prune.global_unstructured([(both[0], "weight"), (both[2], "weight")], prune.L1Unstructured, amount=0.7)
out["global"] = [flat(both[0].weight_mask), flat(both[2].weight_mask)]

# Training with fixed masks: SGD with momentum and weight decay, as the hooks of torch do it.
x = torch.tensor(rng.normal(size=(8, 6)), dtype=torch.float32)
y = torch.tensor(rng.integers(0, 4, size=8))
out["x"], out["y"] = flat(x), y.tolist()
out["biases"] = [flat(net[0].bias), flat(net[2].bias)]
opt = torch.optim.SGD(both.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01)
losses = []
for _ in range(20):
    opt.zero_grad()
    loss = F.cross_entropy(both(x), y)
    losses.append(loss.item())
    loss.backward()
    opt.step()
both(x)  # the hook computes the masked weights
out["trained"] = {"loss": flat(losses), "weights": [flat(both[0].weight), flat(both[2].weight)]}

# Wanda and SparseGPT on one layer of 140 inputs (more than a block), correlated, one of
# them always zero.
inputs = rng.normal(size=(30, 7)) @ rng.normal(size=(7, 140)) + 0.3 * rng.normal(size=(30, 140))
inputs[:, 11] = 0
w = rng.normal(size=(5, 140)) / 12
inputs, w = inputs.astype(np.float32), w.astype(np.float32)
X, W = inputs.astype(np.float64), w.astype(np.float64)
s = 0.6


def mask_of(scores):
    keep = np.ones(scores.size)
    keep[np.argsort(scores.ravel(), kind="stable")[: int(np.round(s * scores.size))]] = 0
    return keep.reshape(scores.shape)


wanda = np.stack([mask_of(row) for row in np.abs(W) * np.linalg.norm(X, axis=0)])

H = 2 * X.T @ X / len(X)
V = W.copy()
dead = np.diag(H) == 0
H[dead, dead] = 1
V[:, dead] = 0
H += 0.01 * np.mean(np.diag(H)) * np.eye(140)
U = np.linalg.cholesky(np.linalg.inv(H)).T
keep = np.ones_like(V)
for lo in range(0, 140, 128):
    hi = min(lo + 128, 140)
    block, errs = V[:, lo:hi].copy(), np.zeros((5, hi - lo))
    u = U[lo:hi, lo:hi]
    m = mask_of(block**2 / np.diag(u) ** 2)
    for j in range(hi - lo):
        q = block[:, j] * m[:, j]
        errs[:, j] = (block[:, j] - q) / u[j, j]
        block[:, j:] -= np.outer(errs[:, j], u[j, j:])
        block[:, j] = q
    V[:, lo:hi], keep[:, lo:hi] = block, m
    V[:, hi:] -= errs @ U[lo:hi, hi:]
error = lambda v: float(np.linalg.norm(X @ (v - W).T))
out["calibrated"] = {
    "inputs": flat(inputs), "weight": flat(w), "wanda": flat(wanda), "sparsegpt": flat(V), "keep": flat(keep),
    "errors": [error(W * mask_of(np.abs(W))), error(W * wanda), error(V)],
}

# Low rank.
sv = np.linalg.svd(W, compute_uv=False)
left, values, right = np.linalg.svd(W, full_matrices=False)
out["lowrank"] = {"dropped": flat(sv[2:]), "product": flat((left[:, :2] * values[:2]) @ right[:2])}

# Distillation: loss and gradient with respect to the student's logits.
student = torch.tensor(rng.normal(size=(8, 4)), dtype=torch.float64, requires_grad=True)
teacher = torch.tensor(3 * rng.normal(size=(8, 4)), dtype=torch.float64)
T, share = 4.0, 0.7
loss = (1 - share) * F.cross_entropy(student, y) + share * T**2 * F.kl_div(
    F.log_softmax(student / T, -1), F.softmax(teacher / T, -1), reduction="batchmean")
loss.backward()
out["distill"] = {"student": flat(student), "teacher": flat(teacher), "loss": loss.item(), "grad": flat(student.grad)}

# Shared weights: k-means of what is not zero, begun evenly from the lowest to the highest.
kept = (W * wanda)[wanda == 1]
means = kept.min() + (kept.max() - kept.min()) * (np.arange(6) + 0.5) / 6
for _ in range(100):
    nearest = np.abs(kept[:, None] - means).argmin(1)
    means = np.array([kept[nearest == k].mean() for k in range(6)])
shared = W * wanda
shared[wanda == 1] = means[nearest]
out["shared"] = flat(shared)

# The schedule of Zhu & Gupta.
out["gradual"] = [0.1 + 0 * t if t < 10 else 0.9 + (0.1 - 0.9) * (1 - min((t - 10) / 90, 1)) ** 3 for t in range(10, 130, 7)]
print(json.dumps(out))
