# Prints what TestSinCos compares: the CRC-32 of the cosines and sines, by pairs,
# that glibc gives for SmolLM2's angles at 2,048 positions (glibc 2.36; powf,
# cosf and sinf are of 2.28 and later).  python sincos.py
import ctypes
import zlib

import numpy as np

m = ctypes.CDLL("libm.so.6")
for f, n in ((m.cosf, 1), (m.sinf, 1), (m.powf, 2)):
    f.restype, f.argtypes = ctypes.c_float, [ctypes.c_float] * n
step = np.float32(m.powf(100000.0, -2 / 64))
out = []
for position in range(2048):
    angle = np.float32(position)
    for _ in range(32):
        out += [m.cosf(angle), m.sinf(angle)]
        angle = np.float32(angle * step)
print(zlib.crc32(np.array(out, dtype="<f4").tobytes()))
