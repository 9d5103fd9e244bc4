"""What the peers' programs share: arguments, MNIST, and the result line.

Each program does a task the way its own users write it, and prints one JSON
object. The time of an epoch is the training loop alone; start-up is from the
start of the process (BENCH_START, nanoseconds) to the end of the first step.
"""
import argparse, gzip, json, os, time

parser = argparse.ArgumentParser()
parser.add_argument("--task", required=True)
parser.add_argument("--threads", type=int, required=True)
parser.add_argument("--epochs", type=int, required=True)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--mnist", default="")
parser.add_argument("--data", default="")  # an npz file, for the models of the book; a folder, for workloads
parser.add_argument("--quick", default="false")  # small and short: the figures mean nothing
parser.add_argument("--seconds", type=float, default=1)  # that a workload is measured for
parser.add_argument("--cputime", default="false")  # processor time instead of the clock's
args = parser.parse_args()

# Before the frameworks are imported: they read these once.
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = str(args.threads)
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
if args.threads == 1 and hasattr(os, "sched_setaffinity"):
    # JAX has no switch for its threads; one processor is what it understands.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import numpy as np

BATCH = 128
GEMM = ["64x64x64", "128x128x128", "256x256x256", "512x512x512", "1024x1024x1024", "128x256x784",
        "784x256x128", "128x128x256", "128x10x128", "3136x64x288", "21632x32x9"]
IMAGES = {"mlp": 60000, "cnn": 12800, "lstm": 12800, "transformer": 6400, "latency": 12800}


def mnist(train=True, limit=None):
    """Images as bytes [n, 28, 28] and labels."""
    prefix = "train" if train else "t10k"
    with gzip.open(f"{args.mnist}/{prefix}-images-idx3-ubyte.gz") as f:
        x = np.frombuffer(f.read(-1 if limit is None else 16 + 784 * limit), np.uint8, offset=16).reshape(-1, 28, 28)
    with gzip.open(f"{args.mnist}/{prefix}-labels-idx1-ubyte.gz") as f:
        y = np.frombuffer(f.read(), np.uint8, offset=8)
    return x, y[:limit]


def line():
    """The document's hundred points."""
    rng = np.random.RandomState(42)
    x = rng.rand(100, 1)
    y = 2 * x + 1 + rng.randn(100, 1)
    return x.astype(np.float32), y.astype(np.float32)


_first = None  # when the first step ended


def first_step(wait=None):
    """Call after every training step; wait makes sure that the first is done."""
    global _first
    if _first is None:
        if wait:
            wait()
        _first = time.time_ns()


def peak_mb():
    try:
        with open("/proc/self/status") as f:
            for l in f:
                if l.startswith("VmHWM"):
                    return int(l.split()[1]) / 1024
    except OSError:
        pass
    import resource
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def result(framework, value, unit, epochs=(), accuracy=None, **more):
    out = dict(framework=framework, task=args.task, threads=args.threads, value=value, unit=unit,
               epochs_s=[round(e, 6) for e in epochs], peak_rss_mb=round(peak_mb(), 1), **more)
    if accuracy is not None:
        out["accuracy"] = round(float(accuracy), 4)
    if _first:
        out["startup_ms"] = round((_first - int(os.environ["BENCH_START"])) / 1e6, 1)
    print(json.dumps(out), flush=True)


def gemm(framework, prepare):
    """prepare(a, b) returns a function that multiplies them once."""
    rng = np.random.RandomState(1)
    for size in GEMM:
        m, n, k = map(int, size.split("x"))
        f = prepare(rng.rand(m, k).astype(np.float32), rng.rand(k, n).astype(np.float32))
        f()
        best, reps, spent = 1e9, max(1, int(2e8 / (2 * m * n * k))), 0.0
        while spent < 0.4:
            t = time.perf_counter()
            for _ in range(reps):
                f()
            t = time.perf_counter() - t
            best, spent = min(best, t / reps), spent + t
        result(framework, 2 * m * n * k / best / 1e9, "GFLOP/s", size=size)


COMPARED = 3  # steps whose losses are compared
clock = time.process_time if args.cputime == "true" else time.perf_counter


def blocks(step):
    """Seconds a step: the means of blocks of a fifth of a second at least, as
    many as fit into the time of args.seconds. step(i) takes step i."""
    spent, i, means = 0.0, 0, []
    while True:
        steps, t = 0, clock()
        while True:
            step(i)
            i, steps = i + 1, steps + 1
            block = clock() - t
            if block >= 0.2 or spent + block >= args.seconds:
                break
        means.append(block / steps)
        spent += block
        if spent >= args.seconds:
            return means


GRID = [(w, b) for w in (64, 256, 512, 1024, 2048) for b in (1, 16, 64, 256, 1024, 4096)]


def grid_sizes():
    """Widths and batches of the grid."""
    return [(64, 1), (64, 16), (256, 16)] if args.quick == "true" else GRID


def grid_numbers(stream, *dims):
    """Numbers in [-1, 1) that all sides of the grid compute alike: a hash of
    the stream and the place."""
    x = np.arange(int(np.prod(dims)), dtype=np.uint32) + np.uint32((stream + 1) * 0x9E3779B9 & 0xFFFFFFFF)
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x ^= x >> np.uint32(shift)
        x *= np.uint32(factor)
    x ^= x >> np.uint32(16)
    return (x.astype(np.float32) / np.float32(2.0**31) - np.float32(1)).reshape(dims)


def grid_parts(width, batch):
    """Four weights, inputs and targets."""
    weights = [grid_numbers(i, width, width) * np.float32((3 / width) ** 0.5) for i in range(4)]
    return weights, grid_numbers(4, batch, width), grid_numbers(5, batch, width)


def grid_flops(width, batch):
    """Operations of a step: no gradient of the input."""
    return 11 * 2 * width * width * batch
