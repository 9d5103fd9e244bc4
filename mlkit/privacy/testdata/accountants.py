"""Prints accountants.json: what dp_accounting 0.6 computes for Poisson-sampled Gaussian noise.

Usage: python accountants.py > accountants.json
"""

import json

import dp_accounting as dp
from dp_accounting.pld import PLDAccountant
from dp_accounting.rdp import RdpAccountant

cases = [  # phases of (rate, noise, count), delta
    ([(0.01, 1.0, 1000)], 1e-5),
    ([(256 / 60000, 1.1, 14040)], 1e-5),
    ([(512 / 60000, 1.5, 4687)], 1e-5),
    ([(0.1, 4.0, 500)], 1e-6),
    ([(1.0, 3.0, 1)], 1e-5),
    ([(1.0, 20.0, 100)], 1e-5),
    ([(0.5, 0.8, 3)], 1e-5),
    ([(0.001, 0.5, 100)], 1e-7),
    ([(1e-4, 0.8, 50000)], 1e-6),
    ([(0.02, 2.0, 300), (0.005, 0.9, 700)], 1e-5),
    ([(0.01, 0.3, 10)], 1e-5),
    ([(1e-5, 5.0, 10)], 1e-5),
]
out = []
for phases, delta in cases:
    c = {"phases": phases, "delta": delta}
    rdp = RdpAccountant()
    # With its usual interval, 1e-4, the losses of a small rate are less than the grid's step.
    pld = PLDAccountant(value_discretization_interval=1e-5 if phases[0][0] == 1e-4 else 1e-4)
    for rate, noise, count in phases:
        event = dp.SelfComposedDpEvent(dp.PoissonSampledDpEvent(rate, dp.GaussianDpEvent(noise)), count)
        rdp.compose(event)
        pld.compose(event)
    picked = [k for k, a in enumerate(rdp.orders) if a in (1.1, 1.5, 2, 2.5, 3, 4.7, 8, 10.9, 32, 63, 256, 1024)]
    c["orders"] = [float(rdp.orders[k]) for k in picked]
    c["rdp"] = [min(float(rdp.rdp[k]), 1e300) for k in picked]
    c["rdp_epsilon"], c["pld_epsilon"] = float(rdp.get_epsilon(delta)), float(pld.get_epsilon(delta))
    e = c["pld_epsilon"] or 0.01
    c["at"], c["rdp_delta"], c["pld_delta"] = e, float(rdp.get_delta(e)), float(pld.get_delta(e))
    out.append(c)
calibrated = []
for eps, delta, rate, count in [(3.0, 1e-5, 512 / 60000, 4688), (1.19, 1e-5, 0.01, 1500), (0.5, 1e-6, 1.0, 10)]:
    def sigma(make):
        event = lambda s: dp.SelfComposedDpEvent(dp.PoissonSampledDpEvent(rate, dp.GaussianDpEvent(s)), count)
        return float(dp.calibrate_dp_mechanism(make, event, eps, delta, dp.LowerEndpointAndGuess(0.1, 2.0), tol=1e-5))
    calibrated.append({"epsilon": eps, "delta": delta, "rate": rate, "count": count, "rdp": sigma(RdpAccountant), "pld": sigma(PLDAccountant)})
print(json.dumps({"cases": out, "calibrated": calibrated}, indent=1))
