# Prints norms.json: weight and spectral normalisation of PyTorch 2.15, two
# forward passes in training, the gradients of the second, and an evaluation.
# weightnorm_test.go makes weights, vectors and inputs by the same formula.
#   python norms.py > norms.json
import json

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations as P


def fill(k, shape):
    n = 1
    for d in shape:
        n *= d
    return (((torch.arange(n) * 37 + k * 11) % 101 - 50).float() / 32).reshape(shape)


r = lambda t: [float(f"{v:.7g}") for v in t.detach().reshape(-1).tolist()]
layers = {
    "Linear": (lambda: nn.Linear(4, 3), (2, 4)),
    "Conv2D": (lambda: nn.Conv2d(2, 3, 3), (2, 2, 4, 4)),
    "ConvTranspose2D": (lambda: nn.ConvTranspose2d(2, 3, 2), (2, 2, 3, 3)),
}
out = {}
for norm in ("weight", "spectral"):
    for name, (make, shape) in layers.items():
        layer = make()
        with torch.no_grad():
            layer.weight.copy_(fill(10, layer.weight.shape))
            layer.bias.copy_(fill(11, layer.bias.shape))
        if norm == "weight":
            P.weight_norm(layer)
            w = layer.parametrizations.weight
            with torch.no_grad():
                w.original0.copy_(fill(12, w.original0.shape))
        else:
            P.spectral_norm(layer)
            w = layer.parametrizations.weight
            s = w[0]
            s._u.copy_(F.normalize(fill(13, s._u.shape), dim=0))
            s._v.copy_(F.normalize(fill(14, s._v.shape), dim=0))
        x = fill(0, shape)
        layer(x)
        y = layer(x)
        (y * fill(99, y.shape)).sum().backward()
        e = {"In": list(shape), "Y": r(y), "Bias": r(layer.bias.grad)}
        if norm == "weight":
            e |= {"Weight": r(w.original1.grad), "Gain": r(w.original0.grad)}
        else:
            e |= {"Weight": r(w.original.grad), "U": r(s._u), "V": r(s._v)}
        layer.eval()
        e["Evaluation"] = r(layer(x))
        out[norm + " " + name] = e
print("{\n" + ",\n".join(json.dumps(k) + ": " + json.dumps(v, separators=(",", ":")) for k, v in out.items()) + "\n}")
