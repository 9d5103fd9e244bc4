"""Prints boxes.json: the losses of detectors and their gradients, from PyTorch 2.15 in float64.

Usage: python boxes.py > boxes.json. GIoU is torchvision's generalized_box_iou_loss, written out.
"""

import json

import torch

torch.set_default_dtype(torch.float64)
gen = torch.Generator().manual_seed(5)
f32 = lambda t: t.float().double()
rand = lambda *d: torch.rand(*d, generator=gen)
r = lambda t: [float(f"{v:.9g}") for v in t.detach().reshape(-1).tolist()]


def giou(p, q, eps=1e-7):
    area = lambda b: (b[..., 2] - b[..., 0]) * (b[..., 3] - b[..., 1])
    lt, rb = torch.max(p[..., :2], q[..., :2]), torch.min(p[..., 2:], q[..., 2:])
    wh = (rb - lt).clamp(min=0)
    inter = wh[..., 0] * wh[..., 1]
    union = area(p) + area(q) - inter
    lt, rb = torch.min(p[..., :2], q[..., :2]), torch.max(p[..., 2:], q[..., 2:])
    around = (rb - lt)[..., 0] * (rb - lt)[..., 1]
    return 1 - (inter / (union + eps) - (around - union) / (around + eps))


def focal(x, y):
    p = torch.sigmoid(x)
    pos = y >= 1
    l = torch.where(pos, -((1 - p) ** 2) * torch.nn.functional.logsigmoid(x), -((1 - y) ** 4) * p**2 * torch.nn.functional.logsigmoid(-x))
    return l.sum() / max(int(pos.sum()), 1)


def centers(pred, target):
    k = pred.shape[1] - 4
    sign = torch.tensor([-1.0, -1.0, 1.0, 1.0])
    p = pred[:, k:].permute(0, 2, 3, 1).exp() * sign
    q = target[:, k : k + 4].permute(0, 2, 3, 1) * sign
    w = target[:, k + 4]
    return focal(pred[:, :k], target[:, :k]) + 5 * (giou(p, q) * w).sum() / (w.sum() + 1e-6)


out = {}


def case(name, f, pred, target):
    pred, target = f32(pred), f32(target)
    x = pred.clone().requires_grad_()
    y = f(x, target)
    y.backward()
    out[name] = {"dims": list(pred.shape), "pred": r(pred), "target_dims": list(target.shape), "target": r(target), "value": r(y), "grad": r(x.grad)}


corner, corner2 = rand(6, 2) * 10, rand(6, 2) * 10
a, b = torch.cat([corner, corner + 1 + rand(6, 2) * 8], 1), torch.cat([corner2, corner2 + 1 + rand(6, 2) * 8], 1)
case("giou", lambda x, y: giou(x, y).mean(), a, b)
heat = rand(2, 2, 3, 4)
heat[0, 0, 1, 2] = heat[1, 1, 0, 0] = heat[0, 1, 2, 3] = 1
heat[1, 0] = 0
case("focal", focal, rand(2, 2, 3, 4) * 12 - 6, heat)
case("focal none", focal, rand(1, 1, 2, 3) * 200 - 100, rand(1, 1, 2, 3) * 0.9)
weight = (rand(2, 1, 3, 4) > 0.6).double() * rand(2, 1, 3, 4)
case("centers", centers, rand(2, 6, 3, 4) * 4 - 2, torch.cat([heat, rand(2, 4, 3, 4) * 4 + 0.1, weight], 1))
print(json.dumps(out, separators=(",", ":")))
