# Prints layers.json: PyTorch's layers with their defaults, one training step,
# on inputs and parameters that conformance_test.go makes by the same formula.
# Run with PyTorch 2.x:
#   python layers.py > layers.json
import json

import torch
from torch import nn


def fill(k, shape):
    n = 1
    for d in shape:
        n *= d
    return (((torch.arange(n) * 37 + k * 11) % 101 - 50).float() / 32).reshape(shape)


class Residual(nn.Module):
    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, x):
        return self.body(x) + x


class GEGLU(nn.Module):
    def __init__(self, n, m):
        super().__init__()
        self.gate, self.value = nn.Linear(n, m), nn.Linear(n, m)

    def forward(self, x):
        return nn.functional.gelu(self.gate(x)) * self.value(x)


class SwiGLU(GEGLU):
    def forward(self, x):
        return nn.functional.silu(self.gate(x)) * self.value(x)


class Global(nn.Module):
    def __init__(self, f):
        super().__init__()
        self.f = f

    def forward(self, x):
        return self.f(x, (2, 3))


cases = {
    "Linear": (nn.Linear(3, 4), (2, 5, 3)),
    "Conv2D": (nn.Conv2d(2, 3, 3), (2, 2, 5, 4)),
    "Conv2D strided": (nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0), groups=2, bias=False), (2, 4, 5, 4)),
    "Conv2D same dilated": (nn.Conv2d(2, 2, 3, padding="same", dilation=2), (1, 2, 5, 5)),
    "Conv1D": (nn.Conv1d(2, 3, 3, stride=2, padding=1), (2, 2, 7)),
    "ConvTranspose1D": (nn.ConvTranspose1d(2, 3, 3, stride=2, padding=1, output_padding=1), (2, 2, 3)),
    "ConvTranspose2D": (nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1, output_padding=1), (2, 2, 3, 2)),
    "MaxPool2D": (nn.MaxPool2d(2), (2, 2, 4, 5)),
    "MaxPool2D overlapping": (nn.MaxPool2d(3, stride=2, padding=1), (1, 2, 5, 5)),
    "AvgPool2D": (nn.AvgPool2d(3, stride=2, padding=1), (2, 2, 5, 5)),
    "MaxPool1D": (nn.MaxPool1d(2), (2, 2, 5)),
    "AvgPool1D": (nn.AvgPool1d(2), (2, 2, 5)),
    "AdaptiveMaxPool2D": (nn.AdaptiveMaxPool2d((2, 3)), (2, 2, 5, 4)),
    "Conv2D same even": (nn.Conv2d(2, 2, (2, 4), padding="same", dilation=(1, 3)), (1, 2, 5, 4)),
    "Conv1D same even": (nn.Conv1d(2, 3, 4, padding="same"), (2, 2, 7)),
    "AdaptiveAvgPool2D": (nn.AdaptiveAvgPool2d((2, 3)), (2, 2, 5, 4)),
    "GlobalAvgPool": (Global(torch.mean), (2, 3, 4, 4)),
    "GlobalMaxPool": (Global(torch.amax), (2, 3, 4, 4)),
    "Upsample": (nn.Upsample(scale_factor=2), (2, 2, 2, 3)),
    "Upsample bilinear": (nn.Upsample(scale_factor=3, mode="bilinear"), (2, 2, 2, 3)),
    "Flatten": (nn.Flatten(), (2, 3, 2, 2)),
    "BatchNorm": (nn.BatchNorm2d(3), (4, 3, 2, 2)),
    "BatchNorm rows": (nn.BatchNorm1d(3), (6, 3)),
    "LayerNorm": (nn.LayerNorm(5), (2, 3, 5)),
    "LayerNorm two axes": (nn.LayerNorm((3, 5)), (2, 3, 5)),
    "GroupNorm": (nn.GroupNorm(2, 4), (2, 4, 3)),
    "InstanceNorm": (nn.InstanceNorm2d(3), (2, 3, 2, 2)),
    "RMSNorm": (nn.RMSNorm(5), (2, 3, 5)),
    "LocalResponseNorm": (nn.LocalResponseNorm(3), (2, 5, 2, 2)),
    "Sequential": (nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 3)), (2, 1, 6, 6)),
    "GEGLU": (GEGLU(4, 5), (3, 4)),
    "SwiGLU": (SwiGLU(4, 5), (3, 4)),
    "Residual": (Residual(nn.Sequential(nn.Linear(4, 4), nn.Tanh())), (3, 4)),
    "ReLU": (nn.ReLU(), (3, 4)), "LeakyReLU": (nn.LeakyReLU(), (3, 4)), "PReLU": (nn.PReLU(), (3, 4)), "PReLU channels": (nn.PReLU(3), (2, 3, 4)),
    "ELU": (nn.ELU(), (3, 4)), "SELU": (nn.SELU(), (3, 4)), "GELU": (nn.GELU(), (3, 4)), "GELU tanh": (nn.GELU("tanh"), (3, 4)),
    "SiLU": (nn.SiLU(), (3, 4)), "Mish": (nn.Mish(), (3, 4)), "Softplus": (nn.Softplus(), (3, 4)), "Tanh": (nn.Tanh(), (3, 4)),
    "Sigmoid": (nn.Sigmoid(), (3, 4)), "Softmax": (nn.Softmax(-1), (3, 4)), "LogSoftmax": (nn.LogSoftmax(-1), (3, 4)),
}

r = lambda t: [float(f"{v:.7g}") for v in t.detach().reshape(-1).tolist()]
out = {}
for name, (layer, shape) in cases.items():
    params = list(layer.parameters())
    with torch.no_grad():
        for i, p in enumerate(params):
            p.copy_(fill(10 + i, p.shape))
    x = fill(0, shape).requires_grad_()
    y = layer(x)
    (y * fill(99, y.shape)).sum().backward()
    out[name] = {"In": list(shape), "Dims": list(y.shape), "Names": list(layer.state_dict()), "Y": r(y),
                 "Grads": [r(x.grad)] + [r(p.grad) for p in params],
                 "Buffers": [r(b) for n, b in layer.named_buffers() if b.dtype == torch.float32]}
print("{\n" + ",\n".join(json.dumps(k) + ": " + json.dumps(v, separators=(",", ":")) for k, v in out.items()) + "\n}")
