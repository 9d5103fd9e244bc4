# Prints hessians.json: products of the Hessians of small networks with vectors, by
# torch.func.hessian in float64, on inputs that gradients_test.go makes by the same
# formula. Run with PyTorch 2.x:
#   python hessians.py > hessians.json
import json
import math

import torch
import torch.nn.functional as F
from torch.func import hessian

torch.set_default_dtype(torch.float64)


def fill(k, shape, positive=False):
    v = ((torch.arange(math.prod(shape)) * 37 + k * 11) % 101 - 50).double() / 32
    return (v.abs() + 0.5 if positive else v).reshape(shape)


# PyTorch 2.15's forward-over-reverse of its fused normalisations is wrong in the
# block of weight and input (the Hessian is not symmetric), so they are written out.
def normal(x, *axes):
    return (x - x.mean(axes, keepdim=True)) / (x.var(axes, correction=0, keepdim=True) + 1e-5).sqrt()


labels, targets = torch.tensor([2, 0, 1]), fill(9, (3, 2))
ids = torch.tensor([[2, 0], [2, 1], [1, 0]])


def mlp(x, w, b, v, c):
    return F.cross_entropy(torch.tanh(x @ w.T + b) @ v.T + c, labels)


def conv(x, w, b, v, c):
    y = F.max_pool2d(F.relu(F.conv2d(x, w, b, padding=1)), 2).flatten(1)
    return F.cross_entropy(y @ v.T + c, labels)


def batchnorm(x, w, g, b):
    y = F.conv2d(x, w, stride=2)
    y = F.silu(normal(y, 0, 2, 3) * g[:, None, None] + b[:, None, None])
    return F.mse_loss(y.mean((2, 3)), targets)


def transformer(x, wi, wo, g, w1, w2):
    q, k, v = (p.reshape(1, 3, 2, 2).transpose(1, 2) for p in (x @ wi.T).chunk(3, -1))
    s = (q @ k.transpose(-2, -1) / math.sqrt(2)).masked_fill(torch.ones(3, 3).triu(1).bool(), -torch.inf)
    y = x + (s.softmax(-1) @ v).transpose(1, 2).reshape(1, 3, 4) @ wo.T
    y = normal(y, -1) * g
    y = y + F.gelu(y @ w1.T) @ w2.T
    return F.cross_entropy(y[0], labels)


def embedding(e, w):
    return F.binary_cross_entropy_with_logits(e[ids].mean(1) @ w.T, fill(5, (3, 2), True))


nets = {
    "mlp": (mlp, (3, 4), (5, 4), (5,), (3, 5), (3,)),
    "conv": (conv, (3, 2, 4, 4), (3, 2, 3, 3), (3,), (3, 12), (3,)),
    "batchnorm": (batchnorm, (3, 2, 5, 5), (2, 2, 2, 2), (2,), (2,)),
    "transformer": (transformer, (1, 3, 4), (12, 4), (4, 4), (4,), (6, 4), (4, 6)),
    "embedding": (embedding, (3, 4), (2, 4)),
}
out = {}
for name, (f, *shapes) in nets.items():
    xs = tuple(fill(k, s) / 2 for k, s in enumerate(shapes))
    v = [fill(k + 20, s) for k, s in enumerate(shapes)]
    h = hessian(f, argnums=tuple(range(len(xs))))(*xs)
    p = [sum(torch.tensordot(h[i][j], v[j], v[j].dim()) for j in range(len(xs))) for i in range(len(xs))]
    out[name] = {"Shapes": shapes, "Loss": f(*xs).item(),
                 "Product": [float(f"{e:.9g}") for q in p for e in q.flatten().tolist()]}
print(json.dumps(out))
