"""Prints goldens.json: attributions of two small networks (Captum 0.9, shap 0.51, scikit-learn, PyTorch 2.15).

Usage: python goldens.py > goldens.json
"""

import itertools
import json
from collections import OrderedDict

import numpy as np
import shap
import torch
from captum.attr import InputXGradient, IntegratedGradients, LayerGradCam, Occlusion, Saliency
from captum.influence import TracInCP
from scipy.optimize import linprog
from sklearn.linear_model import Ridge
from torch import nn
from torch.utils.data import TensorDataset

torch.manual_seed(0)
rng = np.random.default_rng(0)
flat = lambda t: [float(f"{float(v):.9g}") for v in np.asarray(t.detach() if hasattr(t, "detach") else t).ravel()]
out = {}

mlp = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))
for p in mlp.parameters():
    p.data *= 2
x, base, target = torch.randn(1, 6), 0.3 * torch.randn(1, 6), 2
ig = IntegratedGradients(mlp).attribute(x, base, target=target, n_steps=20, method="gausslegendre")
score = lambda a: float(mlp(torch.as_tensor(np.asarray(a), dtype=torch.float32).reshape(1, 6))[0, target].detach())
exact = shap.explainers.Exact(
    lambda rows: mlp(torch.tensor(rows, dtype=torch.float32))[:, target].detach().numpy(), shap.maskers.Independent(base.numpy()))
groups = [0, 0, 1, 2, 2, 2]
sets = list(itertools.product([0, 1], repeat=6))
inputs = [np.where(s, x.numpy()[0], base.numpy()[0]) for s in sets]
d = np.array([1 - np.sqrt(sum(s) / 6) for s in sets])
lime = Ridge(alpha=0.1).fit(sets, [score(a) for a in inputs], sample_weight=np.exp(-(d**2) / 0.75**2))
phi = np.zeros(3)  # by groups, from the definition: the mean over all orders
for order in itertools.permutations(range(3)):
    now = base.numpy()[0].copy()
    for g in order:
        before = score(now)
        now = np.where(np.array(groups) == g, x.numpy()[0], now)
        phi[g] += (score(now) - before) / 6
out["mlp"] = {
    "weights": [flat(p) for p in mlp.parameters()], "x": flat(x), "baseline": flat(base), "target": target, "groups": groups,
    "saliency": flat(Saliency(mlp).attribute(x, target=target)), "times": flat(InputXGradient(mlp).attribute(x, target=target)),
    "integrated": flat(ig), "scores": [score(x), score(base)], "shapley": flat(exact(x.numpy()).values), "grouped": flat(phi[groups]),
    "lime": flat(lime.coef_),
}

trunk = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU())
head = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(4, 3, 3), nn.Flatten())
cnn = nn.Sequential(trunk, head)
image = torch.randn(1, 1, 7, 7)
cam = LayerGradCam(cnn, trunk).attribute(image, target=1, relu_attributions=True)
occlusion = Occlusion(cnn).attribute(image, sliding_window_shapes=(1, 3, 2), strides=(1, 2, 2), baselines=0.5, target=1)
out["cnn"] = {"weights": [flat(p) for p in cnn.parameters()], "x": flat(image), "cam": flat(cam), "occlusion": flat(occlusion)}

layers = rng.dirichlet(np.ones(4), size=(3, 4))
flow = np.eye(4)
for a in layers:
    flow = (0.5 * a + 0.5 * np.eye(4)) @ flow
out["rollout"] = {"layers": [flat(a) for a in layers], "flow": flat(flow)}

# Influence: a small network with tanh, its training samples, two checkpoints; TracIn by Captum, influence from the Hessian as
# a matrix, in float64, of the mean loss, 0.05 / 2 · ‖weights‖², and a damping.
net = nn.Sequential(OrderedDict(first=nn.Linear(3, 4), tanh=nn.Tanh(), second=nn.Linear(4, 3)))
rows, labels = torch.randn(12, 3), torch.randint(0, 3, (12,))
test, answer = torch.randn(1, 3), torch.tensor([1])
points = [{k: v + 0.5 * c for k, v in net.state_dict().items()} for c in range(2)]


def load(model, c):
    model.load_state_dict(points[c])
    return [0.1, 0.02][c]


tracin = TracInCP(net, TensorDataset(rows, labels), [0, 1], load, loss_fn=nn.CrossEntropyLoss(reduction="none"), batch_size=12)
proponents = tracin.influence((test, answer))[0]
itself = tracin.self_influence()

load(net, 0)
net.double()
names = [k for k, _ in net.named_parameters()]
sizes = [p.numel() for p in net.parameters()]
theta = torch.cat([p.detach().ravel() for p in net.parameters()])


def losses(theta, a, y):
    state = {k: v.reshape(p.shape) for (k, p), v in zip(net.named_parameters(), theta.split(sizes))}
    return nn.functional.cross_entropy(torch.func.functional_call(net, state, (a.double(),)), y, reduction="none")


weights = torch.cat([torch.full((n,), float(k.endswith("weight"))) for k, n in zip(names, sizes)]).double()
whole = lambda theta: losses(theta, rows, labels).mean() + 0.05 / 2 * (weights * theta**2).sum()
hessian = torch.func.hessian(whole)(theta) + 0.5 * torch.eye(len(theta))
each = torch.func.jacrev(lambda theta: losses(theta, rows, labels))(theta)
direction = torch.linalg.solve(hessian, torch.func.grad(lambda theta: losses(theta, test, answer)[0])(theta))
out["influence"] = {
    "checkpoints": [[flat(v) for v in c.values()] for c in points], "rows": flat(rows), "labels": labels.tolist(), "test": flat(test),
    "answer": int(answer), "tracin": flat(proponents), "self": flat(itself), "influence": flat(each @ direction / len(rows)),
    "least": float(torch.linalg.eigvalsh(hessian).min()),
}

# Curves of the groups of the first network, by the definition.
order = sorted(range(3), key=lambda g: -np.mean([float(v) for v, h in zip(x[0], groups) if h == g]))
present = [np.isin(groups, order[k:]) for k in range(4)]
mixed = lambda keep: score(np.where(keep, x.numpy()[0], base.numpy()[0]))
out["curves"] = {"deletion": [mixed(k) for k in present], "insertion": [mixed(~k) for k in present]}

# The nearest input of a linear model with another score, by linear programming: x = start + up - down.
slope, start, scale = rng.normal(size=6), rng.normal(size=6), rng.uniform(0.5, 2, 6)
low, high = start - rng.uniform(0.2, 1, 6), start + rng.uniform(0.2, 1, 6)
fixed = [False, False, False, False, True, False]
bounds = [(0, 0 if f else h - s) for f, h, s in zip(fixed, high, start)] + [(0, 0 if f else s - l) for f, l, s in zip(fixed, low, start)]
goal = float(slope @ start + 1.2)
program = linprog(np.concatenate([1 / scale, 1 / scale]), A_ub=[np.concatenate([-slope, slope])], b_ub=[-1.2], bounds=bounds)
out["nearest"] = {
    "slope": flat(slope), "start": flat(start), "scale": flat(scale), "low": flat(low), "high": flat(high), "fixed": fixed, "goal": goal,
    "found": flat(start + program.x[:6] - program.x[6:]), "distance": program.fun,
}
print(json.dumps(out))
