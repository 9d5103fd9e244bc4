"""Adds the rows of layers.json and losses.json that were made without PyTorch.

Python's floats are float64. GEGLU and PseudoHuberLoss stand in layers.py and
losses.py too, which give the same rows.  Usage: python float64.py
"""

import json
import math


def fill(k, n):
    return [((i * 37 + k * 11) % 101 - 50) / 32 for i in range(n)]


def short(v, digits):
    return [float(f"{a:.{digits}g}") for a in v]


def insert(path, before, row):
    lines = [l for l in open(path).read().split("\n") if l != row + ","]  # a second run changes nothing
    at = next(i for i, l in enumerate(lines) if l.startswith(before))
    lines.insert(at, row + ",")
    open(path, "w").write("\n".join(lines))


def geglu(rows=3, n=4, m=5):  # (gate(x) GELU) times value(x), and its gradients
    phi = lambda a: 0.5 * math.erfc(-a / math.sqrt(2))
    slope = lambda a: phi(a) + a * math.exp(-a * a / 2) / math.sqrt(2 * math.pi)
    x, up = fill(0, rows * n), fill(99, rows * m)
    wg, bg, wv, bv = fill(10, m * n), fill(11, m), fill(12, m * n), fill(13, m)
    y, dx = [], [0.0] * len(x)
    dwg, dbg, dwv, dbv = [0.0] * len(wg), [0.0] * m, [0.0] * len(wv), [0.0] * m
    for r in range(rows):
        for j in range(m):
            g = bg[j] + sum(x[r * n + i] * wg[j * n + i] for i in range(n))
            v = bv[j] + sum(x[r * n + i] * wv[j * n + i] for i in range(n))
            y.append(g * phi(g) * v)
            dg, dv = up[r * m + j] * slope(g) * v, up[r * m + j] * g * phi(g)
            dbg[j] += dg
            dbv[j] += dv
            for i in range(n):
                dx[r * n + i] += dg * wg[j * n + i] + dv * wv[j * n + i]
                dwg[j * n + i] += dg * x[r * n + i]
                dwv[j * n + i] += dv * x[r * n + i]
    out = {"In": [rows, n], "Dims": [rows, m], "Names": ["gate.weight", "gate.bias", "value.weight", "value.bias"], "Y": short(y, 7),
           "Grads": [short(g, 7) for g in (dx, dwg, dbg, dwv, dbv)], "Buffers": []}
    return '"GEGLU": ' + json.dumps(out, separators=(",", ":"))


def pseudo_huber(name, delta, inputs):
    for reduction in ("ReduceMean", "ReduceSum", "ReduceNone"):
        r = [p - t for p, t in zip(inputs["pred"], inputs["target"])]
        l = [delta * delta * (math.sqrt(1 + (a / delta) ** 2) - 1) for a in r]
        weight = [1 + i / 2 for i in range(len(r))]
        if reduction != "ReduceNone":
            k = len(r) if reduction == "ReduceMean" else 1
            l, weight = [math.fsum(l) / k], [1 / k] * len(r)
        d = [w * a / math.sqrt(1 + (a / delta) ** 2) for a, w in zip(r, weight)]
        yield json.dumps({"name": name, "reduction": reduction, "args": ["pred", "target"], "value": short(l, 9),
                          "grads": [short(d, 9), short([-a for a in d], 9)]}, separators=(",", ":"))


insert("layers.json", '"Residual"', geglu())
inputs = json.loads(open("losses.json").read())["inputs"]
for name, delta in ("PseudoHuberLoss", 1), ("PseudoHuberLoss .3", 0.3):
    for row in pseudo_huber(name, delta, inputs):
        insert("losses.json", '{"name":"PoissonNLLLoss"', row)
