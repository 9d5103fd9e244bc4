# Written with Python 3.11, PyTorch 2.15 and NumPy 2.4: python3 quantgoldens.py > quantgoldens.json
# Quantized layers as PyTorch computes them, and as NumPy does, one float32 operation
# at a time (Jacob et al. 2018 with scales that are floats):
#
#   dynamic  torch.ops.quantized.linear_dynamic: weights per channel, engine fbgemm
#   network  a convolution with ReLU and padding, max pooling, a convolution, Flatten and
#            a Linear, in NumPy: bytes between the layers, floats at the end
#   conv     the first convolution of that in PyTorch, torch.ops.quantized.conv2d_relu,
#            as floats: a step of its bytes away at most
#   lstm     an LSTM forward and backward over time: both products by linear_dynamic, per
#            channel, and the cell in float32
#   int4     groups of 32 weights in 4 bits as the package gguf has Q4_0, in NumPy
import json
import warnings

import numpy as np
import torch

warnings.filterwarnings("ignore")
torch.manual_seed(3)
torch.backends.quantized.engine = "fbgemm"
f32 = np.float32


def flat(x):
    return [float(v) for v in np.asarray(x, f32).ravel()]


def rounded(w):
    scales = np.abs(w).reshape(len(w), -1).max(1).astype(f32) / f32(127)
    s = scales.reshape(-1, *[1] * (w.ndim - 1))
    return np.clip(np.rint(w / s), -127, 127).astype(np.int64), scales


def affine(lo, hi):
    lo, hi = min(float(lo), 0.0), max(float(hi), 0.0)
    scale = f32((hi - lo) / 255)
    return scale, int(np.clip(np.rint(-lo / float(scale)), 0, 255))


def bytes_of(w, bias):
    scales = (w.abs().amax(1) / 127).double()
    q = torch.quantize_per_channel(w, scales, torch.zeros(len(w), dtype=torch.long), 0, torch.qint8)
    return torch.ops.quantized.linear_prepack(q, bias)


def dynamic():
    x, layer = torch.randn(5, 37), torch.nn.Linear(37, 12)
    w = layer.weight.detach()
    y = torch.ops.quantized.linear_dynamic(x, bytes_of(w, layer.bias.detach()), False)
    return {"x": flat(x), "weight": flat(w), "bias": flat(layer.bias.detach()), "y": flat(y)}


def lstm():
    x, layer = torch.randn(3, 9, 12), torch.nn.LSTM(12, 20, bidirectional=True, batch_first=True)
    params = [p.detach() for p in layer.parameters()]
    y = torch.zeros(3, 9, 40)
    for side in range(2):
        ih, hh, bih, bhh = params[4 * side:4 * side + 4]
        product, state = bytes_of(ih, bih), bytes_of(hh, bhh)
        gates = torch.ops.quantized.linear_dynamic(x, product, False)
        h = c = torch.zeros(3, 20)
        for t in (range(9), reversed(range(9)))[side]:
            i, f, g, o = (gates[:, t] + torch.ops.quantized.linear_dynamic(h, state, False)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            y[:, t, 20 * side:20 * side + 20] = h
    return {"x": flat(x), "params": [flat(p) for p in params], "y": flat(y)}


def conv(q, zero, w, padding):
    """Sums of a convolution [n, c, h, w], exact."""
    q = np.pad(q - zero, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    k = w.shape[2]
    views = np.lib.stride_tricks.sliding_window_view(q, (k, k), (2, 3))
    return np.einsum("nchwij,ocij->nohw", views, w)


def network():
    n = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
                            torch.nn.Conv2d(8, 10, 3), torch.nn.Flatten(), torch.nn.Linear(10 * 3 * 2, 6))
    x = torch.randn(2, 3, 10, 8)
    with torch.no_grad():
        inputs = [x, n[:3](x), n[:4](x)]
    ranges = [affine(v.min(), v.max()) for v in inputs]
    units = [n[0], n[3], n[5]]
    (s, z), image = ranges[0], x.numpy()
    q = np.clip(np.rint(image * (f32(1) / s)), -z, 255 - z).astype(np.int64) + z
    first = None
    for i, u in enumerate(units):
        s, z = ranges[i]
        w, scales = rounded(u.weight.detach().numpy())
        b = u.bias.detach().numpy()
        sums = conv(q, z, w, u.padding[0]) if i < 2 else (q.reshape(2, -1) - z) @ w.T
        shape = (1, -1, 1, 1) if i < 2 else (1, -1)
        if i == 2:
            y = sums.astype(f32) * (scales * s).reshape(shape) + b.reshape(shape)
            break
        t, zero = ranges[i + 1]
        inverse = f32(1) / t
        v = sums.astype(f32) * (scales * s * inverse).reshape(shape) + (b * inverse).reshape(shape)
        q = np.clip(np.rint(v), 0 if i == 0 else -zero, 255 - zero).astype(np.int64) + zero
        if i == 0:
            first = (w, scales, b, s, z, t, zero)
            q = q.reshape(2, 8, 5, 2, 4, 2).max((3, 5))
    w, scales, b, s, z, t, zero = first
    qw = torch.quantize_per_channel(units[0].weight.detach(), torch.tensor(scales).double(), torch.zeros(8, dtype=torch.long), 0, torch.qint8)
    packed = torch.ops.quantized.conv2d_prepack(qw, units[0].bias.detach(), [1, 1], [1, 1], [1, 1], 1)
    c = torch.ops.quantized.conv2d_relu(torch.quantize_per_tensor(x, float(s), z, torch.quint8), packed, float(t), zero)
    return {"x": flat(x), "params": [flat(p.detach()) for p in n.parameters()], "y": flat(y), "conv": flat(c.dequantize()), "step": float(t)}


def int4():
    w = torch.randn(3, 75).numpy()
    y = np.zeros_like(w)
    for row, out in zip(w, y):
        for i in range(0, len(row), 32):
            g = row[i:i + 32]
            d = g[np.abs(g).argmax()] / f32(-8)
            inverse = f32(1) / d if d else f32(0)
            out[i:i + 32] = (np.minimum(15, np.trunc(g * inverse + f32(8.5))) - 8).astype(f32) * d
    return {"weight": flat(w), "rounded": flat(y)}


print(json.dumps({"dynamic": dynamic(), "network": network(), "int4": int4(), "lstm": lstm()}))
