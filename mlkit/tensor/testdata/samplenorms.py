# Prints samplenorms.json: the norm of each sample's gradient with respect to all
# parameters, and the sum of the gradients clipped to norm 0.7, by torch.func's
# vmap of grad in float64, on inputs that samplenorms_test.go makes by the same
# formula. Run with PyTorch 2.x:
#   python samplenorms.py > samplenorms.json
import json
import math

import torch
import torch.nn.functional as F
from torch.func import grad, vmap

torch.set_default_dtype(torch.float64)


def fill(k, shape, positive=False):
    v = ((torch.arange(math.prod(shape)) * 37 + k * 11) % 101 - 50).double() / 32
    return (v.abs() + 0.5 if positive else v).reshape(shape)


labels = torch.tensor([2, 0, 1])
ids = torch.tensor([[2, 0, 2, 1], [1, 1, 1, 0], [3, 0, 1, 3]])


def mlp(p, x, y):
    return F.cross_entropy((F.gelu(F.relu(x @ p[0].T + p[1]) @ p[2].T) @ p[3].T + p[4])[None], y[None])


def conv(p, x, y):
    y1 = F.max_pool2d(F.relu(F.conv2d(x[None], p[0], p[1], padding=1)), 2)
    y2 = F.group_norm(F.relu(F.conv2d(y1, p[2], stride=2, groups=2)), 2, p[3], p[4], eps=1e-5)
    return F.cross_entropy(y2.mean((2, 3)) @ p[5].T, y[None])


def attention(p, x, y):
    x = p[0][x] @ p[1].T + p[2]
    q, k, v = (h.reshape(4, 2, 2).transpose(0, 1) for h in x.chunk(3, -1))
    s = (q @ k.transpose(-2, -1) / math.sqrt(2)).softmax(-1) @ v
    z = F.layer_norm(s.transpose(0, 1).reshape(4, 4), (4,), p[3], p[4], eps=1e-5)
    z = F.rms_norm(z, (4,), p[5], eps=1e-5) @ p[6].T
    return F.cross_entropy(z.mean(0)[None], y[None])


def lstm(p, x, y):
    h = c = torch.zeros(4)
    for v in x:
        i, f, g, o = (p[0] @ v + p[2] + p[1] @ h + p[3]).chunk(4)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
    return F.cross_entropy((h @ p[4].T)[None], y[None])


nets = {
    "mlp": (mlp, fill(0, (3, 4)), (5, 4), (5,), (6, 5), (3, 6), (3,)),
    "conv": (conv, fill(0, (3, 2, 6, 6)), (4, 2, 3, 3), (4,), (4, 2, 2, 2), (4,), (4,), (3, 4)),
    "attention": (attention, ids, (4, 5), (12, 5), (12,), (4,), (4,), (4,), (3, 4)),
    "lstm": (lstm, fill(0, (3, 6, 2)), (16, 2), (16, 4), (16,), (16,), (3, 4)),
}
out = {}
for name, (f, x, *shapes) in nets.items():
    p = tuple(fill(k + 1, s) / 2 for k, s in enumerate(shapes))
    g = vmap(grad(f), (None, 0, 0))(p, x, labels)
    norms = sum(q.flatten(1).square().sum(1) for q in g).sqrt()
    factors = (0.7 / norms).clamp(max=1)
    clipped = [[float(f"{v:.8g}") for v in (q.flatten(1) * factors[:, None]).sum(0).tolist()] for q in g]
    out[name] = {"Shapes": shapes, "Norms": norms.tolist(), "Clipped": clipped}
print(json.dumps(out))
