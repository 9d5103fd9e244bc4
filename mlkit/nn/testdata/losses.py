"""Prints losses.json: value and gradients of every loss, from PyTorch 2.15.

Float64, so that the numbers hold no rounding but ours. Losses that PyTorch
lacks are written out by their formula.  Usage: python losses.py > losses.json
"""

import json
import math

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
rng = np.random.default_rng(1)


def f32(a):
    return torch.tensor(np.asarray(a, dtype=np.float32).astype(np.float64))


N, C = 5, 4
inputs = {
    "pred": f32(rng.normal(size=(N, C)) * 2),
    "target": f32(rng.normal(size=(N, C))),
    "third": f32(rng.normal(size=(N, C))),
    "soft": f32(rng.dirichlet(np.ones(C), size=N)),
    "bits": f32(rng.integers(0, 2, size=(N, C))),
    "counts": f32(rng.poisson(2, size=(N, C))),
    "rates": f32(rng.uniform(0.5, 3, size=(N, C))),
    "signs": f32(rng.choice([-1, 1], size=(N, C))),
    "pair": f32([1, -1, 1, -1, -1]),
    # Logits at which a careless implementation overflows or cancels.
    "extreme": f32([[100, -100, 0, 50], [-500, -500, -500, 500], [88, 89, -104, -88], [1e4, 0, -1e4, 1], [30, -30, 20, -20]]),
    "odds": f32(rng.uniform(0.01, 0.99, size=(N, C))),
}
labels = [2, 0, 3, 1, 2]
padded = [2, -100, 3, 0, 2]
W = f32([0.5, 1, 2, 1.5])
REDUCTIONS = {"mean": "ReduceMean", "sum": "ReduceSum", "none": "ReduceNone", "batchmean": "ReduceBatchMean"}
out = []


def rounded(t):
    return [float(f"{v:.9g}") for v in t.detach().reshape(-1).tolist()]


def case(name, f, args, reductions=("mean", "sum", "none")):
    """f(reduction)(*args); gradients of Σ wᵢ·lossᵢ with wᵢ = 1 + i/2."""
    for r in reductions:
        xs = [inputs[a].clone().requires_grad_() for a in args]
        y = f(r)(*xs)
        flat = y.reshape(-1)
        w = 1 + 0.5 * torch.arange(flat.numel())
        grads = torch.autograd.grad((flat * w).sum(), xs, allow_unused=True)
        out.append({
            "name": name, "reduction": REDUCTIONS[r], "args": list(args), "value": rounded(y),
            "grads": [None if g is None else rounded(g) for g in grads],
        })


def reduce(r, l):
    return {"mean": l.mean, "sum": l.sum, "none": lambda: l}[r]()


Y, P = torch.tensor(labels), torch.tensor(padded)
on = lambda loss, y: (lambda x: loss(x, y))
case("MSELoss", lambda r: nn.MSELoss(reduction=r), ["pred", "target"])
case("L1Loss", lambda r: nn.L1Loss(reduction=r), ["pred", "target"])
case("HuberLoss", lambda r: nn.HuberLoss(reduction=r), ["pred", "target"])
case("HuberLoss .3", lambda r: nn.HuberLoss(delta=0.3, reduction=r), ["pred", "target"])
case("SmoothL1Loss", lambda r: nn.SmoothL1Loss(reduction=r), ["pred", "target"])
case("SmoothL1Loss .5", lambda r: nn.SmoothL1Loss(beta=0.5, reduction=r), ["pred", "target"])
case("LogCoshLoss", lambda r: lambda x, y: reduce(r, torch.log(torch.cosh(x - y))), ["pred", "target"])
for name, d in ("PseudoHuberLoss", 1), ("PseudoHuberLoss .3", 0.3):
    case(name, lambda r: lambda x, y: reduce(r, d**2 * (torch.sqrt(1 + ((x - y) / d) ** 2) - 1)), ["pred", "target"])
case("PoissonNLLLoss", lambda r: lambda x: nn.PoissonNLLLoss(reduction=r)(x, inputs["counts"]), ["pred"])
case("PoissonNLLLoss full", lambda r: lambda x: nn.PoissonNLLLoss(full=True, reduction=r)(x, inputs["counts"]), ["pred"])
case("PoissonNLLLoss rate", lambda r: lambda x: nn.PoissonNLLLoss(log_input=False, reduction=r)(x, inputs["counts"]), ["rates"])

case("CrossEntropyLoss", lambda r: on(nn.CrossEntropyLoss(reduction=r), Y), ["pred"])
case("CrossEntropyLoss extreme", lambda r: on(nn.CrossEntropyLoss(reduction=r), Y), ["extreme"])
case("CrossEntropyLoss weight", lambda r: on(nn.CrossEntropyLoss(weight=W, reduction=r), Y), ["pred"])
case("CrossEntropyLoss smooth", lambda r: on(nn.CrossEntropyLoss(label_smoothing=0.1, reduction=r), Y), ["pred"])
case("CrossEntropyLoss smooth extreme", lambda r: on(nn.CrossEntropyLoss(label_smoothing=0.1, reduction=r), Y), ["extreme"])
case("CrossEntropyLoss ignore", lambda r: on(nn.CrossEntropyLoss(reduction=r), P), ["pred"])
case("CrossEntropyLoss all", lambda r: on(nn.CrossEntropyLoss(weight=W, label_smoothing=0.2, ignore_index=2, reduction=r), Y), ["pred"])
case("CrossEntropyLoss soft", lambda r: nn.CrossEntropyLoss(reduction=r), ["pred", "soft"])
case("CrossEntropyLoss soft all", lambda r: nn.CrossEntropyLoss(weight=W, label_smoothing=0.1, reduction=r), ["pred", "soft"])
case("CrossEntropyLoss soft extreme", lambda r: lambda x: nn.CrossEntropyLoss(reduction=r)(x, inputs["soft"]), ["extreme"])
case("NLLLoss", lambda r: on(nn.NLLLoss(reduction=r), Y), ["pred"])
case("NLLLoss all", lambda r: on(nn.NLLLoss(weight=W, reduction=r), P), ["pred"])
case("KLDivLoss", lambda r: nn.KLDivLoss(reduction=r), ["pred", "soft"], ("mean", "sum", "none", "batchmean"))
case("KLDivLoss zeros", lambda r: lambda x: nn.KLDivLoss(reduction=r)(x, inputs["bits"]), ["pred"])
case("KLDivLoss log", lambda r: nn.KLDivLoss(log_target=True, reduction=r), ["pred", "target"], ("mean", "batchmean"))


def focal(r, x, y, gamma, weight=None, ignore=-100):
    ce = F.cross_entropy(x, y, reduction="none", ignore_index=ignore)
    keep = y != ignore
    l = (1 - torch.exp(-ce)) ** gamma * ce
    if weight is not None:
        l = l * torch.where(keep, weight[y.clamp(min=0)], torch.zeros(()))
    return l[keep].mean() if r == "mean" else reduce(r, torch.where(keep, l, torch.zeros(())))


case("FocalLoss", lambda r: lambda x: focal(r, x, Y, 2), ["pred"])
case("FocalLoss all", lambda r: lambda x: focal(r, x, P, 1.5, W), ["pred"])


def sigmoid_focal(r, x, y, alpha, gamma):  # torchvision.ops.sigmoid_focal_loss
    p = torch.sigmoid(x)
    ce = F.binary_cross_entropy_with_logits(x, y, reduction="none")
    l = ce * (1 - (p * y + (1 - p) * (1 - y))) ** gamma
    if alpha >= 0:
        l = (alpha * y + (1 - alpha) * (1 - y)) * l
    return reduce(r, l)


case("BinaryFocalLoss", lambda r: lambda x: sigmoid_focal(r, x, inputs["bits"], 0.25, 2), ["pred"])
case("BinaryFocalLoss plain", lambda r: lambda x: sigmoid_focal(r, x, inputs["bits"], -1, 1), ["pred"])
case("FocalLoss zero", lambda r: on(nn.CrossEntropyLoss(reduction=r), Y), ["pred"])
case("BinaryFocalLoss zero", lambda r: lambda x: sigmoid_focal(r, x, inputs["bits"], -1, 0), ["pred"])
case("BCEWithLogitsLoss", lambda r: nn.BCEWithLogitsLoss(reduction=r), ["pred", "soft"])
case("BCEWithLogitsLoss bits", lambda r: lambda x: nn.BCEWithLogitsLoss(reduction=r)(x, inputs["bits"]), ["pred"])
case("BCEWithLogitsLoss extreme", lambda r: lambda x: nn.BCEWithLogitsLoss(reduction=r)(x, inputs["bits"]), ["extreme"])
case("BCEWithLogitsLoss pos", lambda r: lambda x: nn.BCEWithLogitsLoss(pos_weight=W, reduction=r)(x, inputs["soft"]), ["pred"])
case("BCEWithLogitsLoss pos extreme", lambda r: lambda x: nn.BCEWithLogitsLoss(pos_weight=W, reduction=r)(x, inputs["bits"]), ["extreme"])
case("BCEWithLogitsLoss weight", lambda r: lambda x: nn.BCEWithLogitsLoss(weight=W, reduction=r)(x, inputs["bits"]), ["pred"])
case("BCELoss", lambda r: lambda x: nn.BCELoss(reduction=r)(x, inputs["soft"]), ["odds"])
case("BCELoss weight", lambda r: lambda x: nn.BCELoss(weight=W, reduction=r)(x, inputs["bits"]), ["odds"])
case("BCELoss certain", lambda r: lambda x: nn.BCELoss(reduction=r)(x, inputs["soft"]), ["bits"])
case("HingeEmbeddingLoss", lambda r: lambda x: nn.HingeEmbeddingLoss(reduction=r)(x, inputs["signs"]), ["pred"])
case("HingeEmbeddingLoss .3", lambda r: lambda x: nn.HingeEmbeddingLoss(margin=0.3, reduction=r)(x, inputs["signs"]), ["pred"])
case("GaussianNLLLoss", lambda r: nn.GaussianNLLLoss(reduction=r), ["pred", "target", "rates"])
case("GaussianNLLLoss full", lambda r: nn.GaussianNLLLoss(full=True, eps=0.6, reduction=r), ["pred", "target", "odds"])
case("HingeLoss", lambda r: lambda x: reduce(r, F.relu(1 - x * inputs["signs"])), ["pred"])
case("HingeLoss squared", lambda r: lambda x: reduce(r, F.relu(1 - x * inputs["signs"]) ** 2), ["pred"])
case("MultiMarginLoss", lambda r: on(nn.MultiMarginLoss(reduction=r), Y), ["pred"])
case("MultiMarginLoss all", lambda r: on(nn.MultiMarginLoss(p=2, margin=0.7, weight=W, reduction=r), Y), ["pred"])
case("MultiMarginLoss zero", lambda r: on(nn.MultiMarginLoss(margin=0, reduction=r), Y), ["pred"])
case("CosineEmbeddingLoss", lambda r: lambda a, b: nn.CosineEmbeddingLoss(reduction=r)(a, b, inputs["pair"]), ["pred", "target"])
case("CosineEmbeddingLoss .1", lambda r: lambda a, b: nn.CosineEmbeddingLoss(margin=0.1, reduction=r)(a, b, inputs["pair"]), ["pred", "target"])
case("TripletMarginLoss", lambda r: nn.TripletMarginLoss(reduction=r), ["pred", "target", "third"])
case("TripletMarginLoss zero", lambda r: lambda a, p, n: reduce(r, F.relu(F.pairwise_distance(a, p) - F.pairwise_distance(a, n))), ["pred", "target", "third"])
case("TripletMarginLoss all", lambda r: nn.TripletMarginLoss(margin=2, p=1, swap=True, reduction=r), ["pred", "target", "third"])
case("TripletMarginLoss swap", lambda r: nn.TripletMarginLoss(swap=True, reduction=r), ["pred", "target", "third"])

data = {"inputs": {k: rounded(v) for k, v in inputs.items()}, "labels": labels, "padded": padded, "weight": rounded(W), "cases": out}
print(json.dumps(data, separators=(",", ":")).replace('},{"name"', '},\n{"name"'))
