"""Prints audits.json: bounds of ε from attacks (SciPy 1.x).

one_run is the program of appendix D of Steinke, Nasr & Jagielski 2023, rates
are Clopper & Pearson's intervals. Usage: python audits.py > audits.json
"""

import json
import math

from scipy.stats import beta, binom


def p_value(m, r, v, eps, delta):
    q = 1 / (1 + math.exp(-eps))
    alpha = below = 0
    for i in range(1, v + 1):
        below += binom.pmf(v - i, r, q)
        alpha = max(alpha, below / i)
    return min(1, binom.sf(v - 1, r, q) + alpha * delta * 2 * m)


def one_run(m, r, v, delta, p):
    lo, hi = 0, 1
    if p_value(m, r, v, 0, delta) >= p:
        return 0
    while p_value(m, r, v, hi, delta) < p:
        lo, hi = hi, hi + 1
    for _ in range(40):
        mid = (lo + hi) / 2
        lo, hi = (mid, hi) if p_value(m, r, v, mid, delta) < p else (lo, mid)
    return lo


def rates(found, members, wrong, others, delta, confidence):
    a = (1 - confidence) / 2
    low = beta.ppf(a, found, members - found + 1) if found else 0
    high = beta.ppf(1 - a, wrong + 1, others - wrong) if wrong < others else 1
    return max(0, math.log((low - delta) / high)) if low > delta else 0


runs = [(100, 100, 100, 1e-5, 0.05), (1000, 200, 150, 1e-5, 0.05), (100, 40, 20, 1e-5, 0.05), (500, 500, 300, 0, 0.01), (200, 100, 97, 1e-3, 0.05)]
both = [(500, 1000, 10, 1000, 1e-5, 0.95), (0, 10, 0, 10, 1e-5, 0.95), (20, 20, 0, 20, 1e-5, 0.9), (5, 100, 100, 100, 0, 0.95)]
print(json.dumps({"OneRun": [[*r, one_run(*r)] for r in runs], "Rates": [[*r, rates(*r)] for r in both]}))
