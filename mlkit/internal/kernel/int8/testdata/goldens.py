# Written with Python 3.11 and NumPy 2.4: python3 goldens.py > goldens.json
# Products of bytes and what becomes of them, computed by NumPy in int64 and in
# float32, one operation at a time. The inputs follow from a generator that the
# test has, too.
import json

import numpy as np

f32 = np.float32


class Draw:
    def __init__(self, seed):
        self.state = seed

    def bits(self):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return self.state >> 40  # 24 bits

    def whole(self, lo, hi, n):
        return np.array([lo + self.bits() % (hi - lo + 1) for _ in range(n)], np.int64)

    def real(self, n):
        return np.array([self.bits() for _ in range(n)], f32) * f32(2**-23) - f32(1)


def case(rows, k, n, relu, zero, seed):
    d = Draw(seed)
    a, w = d.whole(0, 255, rows * k).reshape(rows, k), d.whole(-127, 127, n * k).reshape(n, k)
    scale, bias = np.abs(d.real(n)) * f32(1e-2), d.real(n) * f32(50)
    sums = a @ w.T - zero * w.sum(1)
    x = sums.astype(f32) * scale + bias
    low, high = f32(0 if relu else -zero), f32(255 - zero)
    q = np.rint(np.clip(x, low, high)).astype(np.int64) + zero
    if relu:
        x = np.maximum(x, f32(0))
    return {"rows": rows, "k": k, "n": n, "relu": relu, "zero": zero, "seed": seed,
            "bytes": q.ravel().tolist(), "floats": [float(v) for v in x.ravel()]}


cases = [case(1, 3, 1, False, 0, 1), case(7, 17, 10, True, 0, 2), case(13, 64, 40, False, 131, 3),
         case(5, 100, 70, True, 77, 4), case(2, 33, 16, False, 255, 5)]
print(json.dumps(cases))
