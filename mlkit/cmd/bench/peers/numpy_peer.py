"""NumPy on OpenBLAS, for matrix products alone."""
from common import *


def prepare(a, b):
    out = np.empty((a.shape[0], b.shape[1]), np.float32)
    return lambda: np.matmul(a, b, out=out)


if args.task == "gemm":
    gemm(f"NumPy {np.__version__} (OpenBLAS)", prepare)
