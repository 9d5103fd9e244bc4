"""Prints goldens.json: attributions of two small networks (Captum 0.9, shap 0.51, scikit-learn, PyTorch 2.15).

Usage: python goldens.py > goldens.json
"""

import itertools
import json

import numpy as np
import shap
import torch
from captum.attr import InputXGradient, IntegratedGradients, LayerGradCam, Occlusion, Saliency
from sklearn.linear_model import Ridge
from torch import nn

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
print(json.dumps(out))
