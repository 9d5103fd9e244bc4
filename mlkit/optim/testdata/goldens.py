"""Prints goldens.json: 100 steps of each optimizer on one small network.

The network is a 4-6-3 tanh perceptron with softmax cross-entropy on 12 rows,
full batch, in float64, so that the numbers hold no rounding but ours.
PyTorch 2.15, optax 0.2.8, schedulefree 1.4.1.  Usage: python goldens.py > goldens.json
"""

import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import schedulefree
import torch
import torch.nn.functional as F

jax.config.update("jax_enable_x64", True)
torch.set_default_dtype(torch.float64)
rng = np.random.default_rng(0)
f32 = lambda a: np.asarray(a, dtype=np.float32).astype(np.float64)
X = f32(rng.normal(size=(12, 4)))
Y = rng.integers(0, 3, size=12)
NAMES = ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]
SHAPES = [(6, 4), (6,), (3, 6), (3,)]
INIT = [f32(rng.uniform(-0.5, 0.5, size=s)) for s in SHAPES]
STEPS = 100


def loss_of(p):
    h = torch.tanh(F.linear(torch.tensor(X), p[0], p[1]))
    return F.cross_entropy(F.linear(h, p[2], p[3]), torch.tensor(Y))


def rounded(x):
    return [float(f"{v:.9g}") for v in x]


def flat(ts):
    return rounded(np.concatenate([np.asarray(t.detach() if hasattr(t, "detach") else t).ravel() for t in ts]))


def run(make, before=None, schedule=None, average=None, sam=None):
    p = [torch.tensor(w, requires_grad=True) for w in INIT]
    opts = make(p)
    opts = opts if isinstance(opts, list) else [opts]
    sched = schedule(opts[0]) if schedule else None
    free = [o for o in opts if hasattr(o, "train")]  # schedule-free
    for o in free:
        o.train()
    losses, avg = [], None
    for step in range(STEPS):
        for o in opts:
            o.zero_grad()
        loss = loss_of(p)
        loss.backward()
        losses.append(loss.item())
        if sam:
            sam(p)
        if before:
            before(p)
        for o in opts:
            o.step()
        if sched:
            sched.step()
        if average is not None:
            now = [q.detach().clone() for q in p]
            avg = now if avg is None else [average * a + (1 - average) * q for a, q in zip(avg, now)]
    state = {}
    for o in opts:
        for i, q in enumerate(p):
            for name, v in o.state.get(q, {}).items():
                if v is not None:
                    state.setdefault(name, {})[i] = float(f"{v.abs().sum().item():.9g}")
    out = {"loss": rounded(losses), "params": flat(p), "state": state}
    for o in free:
        o.eval()
        avg = p
    if avg:
        out["average"] = flat(avg)
    return out


def penalty(l1, l2, only=range(4)):
    def add(p):
        for i in only:
            p[i].grad += l1 * p[i].detach().sign() + l2 * p[i].detach()
    return add


def sharp(rho, adaptive):
    """Foret et al. 2021, algorithm 1; Kwon et al. 2021 for adaptive."""
    def perturb(p):
        with torch.no_grad():
            old = [q.clone() for q in p]
            g = [q.grad for q in p]
            w = [q.abs() if adaptive else torch.ones_like(q) for q in p]
            n = math.sqrt(sum(((a * b) ** 2).sum().item() for a, b in zip(w, g)))
            for q, a, b in zip(p, w, g):
                q += rho * a * a * b / n
        for q in p:
            q.grad = None
        loss_of(p).backward()
        with torch.no_grad():
            for q, o in zip(p, old):
                q.copy_(o)
    return perturb


def run_optax(tx, lookahead=False):
    def loss(p):
        h = jnp.tanh(X @ p[0].T + p[1])
        return optax.softmax_cross_entropy_with_integer_labels(h @ p[2].T + p[3], Y).mean()

    p = [jnp.asarray(w) for w in INIT]
    if lookahead:
        p = optax.LookaheadParams.init_synced(p)
    s = tx.init(p)
    losses = []
    for _ in range(STEPS):
        l, g = jax.value_and_grad(loss)(p.fast if lookahead else p)
        losses.append(float(l))
        u, s = tx.update(g, s, p)
        p = optax.apply_updates(p, u)
    return {"loss": rounded(losses), "params": flat(p.fast if lookahead else p), "state": {}}


# PyTorch orthogonalises in bfloat16; here in float64, to compare more than two digits.
def newton_schulz(grad, coefficients, steps, eps):
    a, b, c = coefficients
    x = grad.T if grad.size(0) > grad.size(1) else grad
    x = x / x.norm().clamp(min=eps)
    for _ in range(steps):
        g = x @ x.T
        x = a * x + (b * g + c * g @ g) @ x
    return x.T if grad.size(0) > grad.size(1) else x


import torch.optim._muon as _muon

_muon._zeropower_via_newtonschulz = newton_schulz

T = torch.optim
R = T.lr_scheduler


def minimum():
    p = [torch.tensor(w, requires_grad=True) for w in INIT]
    o = T.LBFGS(p, max_iter=2000, tolerance_grad=1e-10, tolerance_change=0, line_search_fn="strong_wolfe", history_size=15)

    def closure():
        o.zero_grad()
        l = loss_of(p) + 0.5 * 0.01 * sum((q**2).sum() for q in p)
        l.backward()
        return l

    o.step(closure)
    return {"loss": rounded([closure().item()]), "params": flat(p), "state": {}}


def schedules():
    """Learning rates of PyTorch's schedulers for a base rate of 1, 60 steps."""
    def rates(make, n=60):
        w = torch.zeros(1, requires_grad=True)
        o = T.SGD([w], lr=1.0)
        s = make(o)
        out = []
        for _ in range(n):
            out.append(o.param_groups[0]["lr"])
            o.step()
            s.step()
        return rounded(out)

    def plateau(metrics, **c):
        w = torch.zeros(1, requires_grad=True)
        o = T.SGD([w], lr=1.0)
        s = R.ReduceLROnPlateau(o, factor=0.5, patience=2, threshold=0.01, cooldown=1, min_lr=0.1, **c)
        out = []
        for m in metrics:
            s.step(m)
            out.append(o.param_groups[0]["lr"])
        return rounded(out)

    return {
        "StepLR(7, .5)": rates(lambda o: R.StepLR(o, 7, 0.5)),
        "MultiStepLR([5, 20, 21], .3)": rates(lambda o: R.MultiStepLR(o, [5, 20, 21], 0.3)),
        "ExponentialLR(.97)": rates(lambda o: R.ExponentialLR(o, 0.97)),
        "LinearLR(.25, 1, 10)": rates(lambda o: R.LinearLR(o, 0.25, 1, 10)),
        "PolynomialLR(50, 2)": rates(lambda o: R.PolynomialLR(o, 50, 2)),
        "CosineAnnealingLR(59, .1)": rates(lambda o: R.CosineAnnealingLR(o, 59, 0.1)),
        "CosineAnnealingWarmRestarts(8, 2, .05)": rates(lambda o: R.CosineAnnealingWarmRestarts(o, 8, 2, 0.05)),
        "CosineAnnealingWarmRestarts(8, 1, .05)": rates(lambda o: R.CosineAnnealingWarmRestarts(o, 8, 1, 0.05)),
        "OneCycleLR(60)": rates(lambda o: R.OneCycleLR(o, 1.0, 60)),
        "OneCycleLR(60, .4, 10, 100)": rates(
            lambda o: R.OneCycleLR(o, 1.0, 60, pct_start=0.4, div_factor=10, final_div_factor=100)),
        "OneCycleLR(60, three phases)": rates(lambda o: R.OneCycleLR(o, 1.0, 60, three_phase=True)),
        "OneCycleLR(61, three phases, .2, 10, 100)": rates(
            lambda o: R.OneCycleLR(o, 1.0, 61, pct_start=0.2, div_factor=10, final_div_factor=100, three_phase=True)),
        "CyclicLR(.1, 7, 5)": rates(lambda o: R.CyclicLR(o, 0.1, 1.0, 7, 5)),
        "CyclicLR(.1, 4, 4, halved)": rates(lambda o: R.CyclicLR(o, 0.1, 1.0, 4, 4, mode="triangular2")),
        "CyclicLR(.2, 4, 6, .98)": rates(lambda o: R.CyclicLR(o, 0.2, 1.0, 4, 6, mode="exp_range", gamma=0.98)),
        "Sequential(Linear(.2, 1, 4), Exponential(.9), [5])": rates(
            lambda o: R.SequentialLR(o, [R.LinearLR(o, 0.2, 1, 4), R.ExponentialLR(o, 0.9)], [5])),
        "plateau metrics": PLATEAU,
        "ReduceLROnPlateau(.5, 2, .01, cooldown 1, min .1)": plateau(PLATEAU),
        "the same of a hundred times the metrics, absolute": plateau([100 * m for m in PLATEAU], threshold_mode="abs"),
    }


PLATEAU = [1, 0.9, 0.9, 0.899, 0.898, 0.897, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4]

runs = {
    "SGD": run(lambda p: T.SGD(p, 0.1)),
    "SGD L2": run(lambda p: T.SGD(p, 0.1, weight_decay=0.01)),
    "Momentum": run(lambda p: T.SGD(p, 0.05, momentum=0.9)),
    "Momentum dampened": run(lambda p: T.SGD(p, 0.05, momentum=0.9, dampening=0.3)),
    "Nesterov": run(lambda p: T.SGD(p, 0.05, momentum=0.9, nesterov=True)),
    "AdaGrad": run(lambda p: T.Adagrad(p, 0.05)),
    "AdaGrad decay": run(lambda p: T.Adagrad(p, 0.05, lr_decay=0.01, initial_accumulator_value=0.1)),
    "RMSProp": run(lambda p: T.RMSprop(p, 0.005)),
    "RMSProp centered": run(lambda p: T.RMSprop(p, 0.003, alpha=0.9, centered=True, momentum=0.5)),
    "AdaDelta": run(lambda p: T.Adadelta(p, 1.0)),
    "Adam": run(lambda p: T.Adam(p, 0.01)),
    "Adam L2": run(lambda p: T.Adam(p, 0.01, weight_decay=0.02)),
    "Adam elastic": run(lambda p: T.Adam(p, 0.01), before=penalty(0.01, 0.02, [0, 2])),
    "AMSGrad": run(lambda p: T.Adam(p, 0.01, betas=(0.8, 0.9), amsgrad=True)),
    "AdamW": run(lambda p: T.AdamW(p, 0.01, weight_decay=0.1)),
    "Adafactor": run(lambda p: T.Adafactor(p, 0.02, eps=(2**-23, 1e-3), weight_decay=0.1)),
    "AdaMax": run(lambda p: T.Adamax(p, 0.01)),
    "NAdam": run(lambda p: T.NAdam(p, 0.01)),
    "NAdamW": run(lambda p: T.NAdam(p, 0.01, weight_decay=0.1, decoupled_weight_decay=True)),
    "NAdam decayed": run(lambda p: T.NAdam(p, 0.01, momentum_decay=0.1)),
    "RAdam": run(lambda p: T.RAdam(p, 0.01)),
    "Muon": run(lambda p: [T.Muon([p[0], p[2]], 0.02), T.AdamW([p[1], p[3]], 0.003)]),
    "Muon RMS": run(lambda p: [T.Muon([p[0], p[2]], 0.01, nesterov=False, weight_decay=0, adjust_lr_fn="match_rms_adamw"),
                               T.AdamW([p[1], p[3]], 0.003)]),
    "Muon of one matrix": run(lambda p: [T.Muon([p[0]], 0.02, ns_steps=3), T.AdamW([p[1], p[2], p[3]], 0.003)]),
    "Groups": run(lambda p: T.AdamW([{"params": [p[0], p[1]], "lr": 0.001}, {"params": [p[2], p[3]]}], 0.01)),
    "Global norm": run(lambda p: T.SGD(p, 0.5), before=lambda p: torch.nn.utils.clip_grad_norm_(p, 0.1)),
    "Value": run(lambda p: T.SGD(p, 0.5), before=lambda p: torch.nn.utils.clip_grad_value_(p, 0.02)),
    "Scheduled": run(lambda p: T.Adam(p, 0.02), schedule=lambda o: R.OneCycleLR(o, 0.02, 100, cycle_momentum=False)),
    "Momentum cycled": run(lambda p: T.SGD(p, 0.1, momentum=0.9), schedule=lambda o: R.OneCycleLR(o, 0.1, 100, three_phase=True)),
    "Nesterov cycled": run(lambda p: T.SGD(p, 0.05, momentum=0.9, nesterov=True), schedule=lambda o: R.CyclicLR(o, 0.005, 0.05, 7, 5)),
    "AdamW cycled": run(lambda p: T.AdamW(p, 0.02), schedule=lambda o: R.OneCycleLR(o, 0.02, 100)),
    "Schedule-free SGD": run(lambda p: schedulefree.SGDScheduleFree(p, 0.5, weight_decay=0.01, warmup_steps=10, foreach=False)),
    "Schedule-free AdamW": run(lambda p: schedulefree.AdamWScheduleFree(p, 0.02, weight_decay=0.1, warmup_steps=10, foreach=False)),
    "EMA": run(lambda p: T.Adam(p, 0.01), average=0.95),
    "SAM": run(lambda p: T.SGD(p, 0.1, momentum=0.9), sam=sharp(0.05, False)),
    "ASAM": run(lambda p: T.SGD(p, 0.1, momentum=0.9), sam=sharp(0.5, True)),
    "LAMB": run_optax(optax.lamb(0.01, weight_decay=0.02)),
    "Lion": run_optax(optax.lion(0.002, weight_decay=0.05)),
    "Lookahead": run_optax(optax.lookahead(optax.adam(0.01), 5, 0.5), True),
    "LBFGS": minimum(),
}
data = {
    "x": rounded(X.ravel()), "y": Y.tolist(), "init": [rounded(w.ravel()) for w in INIT],
    "runs": runs, "schedules": schedules(),
}
print(json.dumps(data, separators=(",", ":")).replace('},"', '},\n"').replace('],"', '],\n"'))
