"""JAX with jit and optax."""
from common import *
os.environ["XLA_FLAGS"] = (os.environ.get("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=" + ("true" if args.threads > 1 else "false")).strip()
import jax, jax.numpy as jnp, optax

NAME = "JAX " + jax.__version__
keys = iter(jax.random.split(jax.random.key(args.seed), 64))


def dense(n, m):
    b = 1 / np.sqrt(n)
    return {"w": jax.random.uniform(next(keys), (n, m), minval=-b, maxval=b), "b": jax.random.uniform(next(keys), (m,), minval=-b, maxval=b)}


def apply(p, x):
    return x @ p["w"] + p["b"]


def norm(p, x):
    m, v = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - m) * jax.lax.rsqrt(v + 1e-5) * p["g"] + p["b"]


def mlp(sizes):
    params = [dense(n, m) for n, m in zip(sizes, sizes[1:])]

    def forward(ps, x):
        x = x.reshape(len(x), -1)
        for p in ps[:-1]:
            x = jax.nn.relu(apply(p, x))
        return apply(ps[-1], x)
    return params, forward


def cnn():
    def conv(o, i):
        b = 1 / np.sqrt(9 * i)
        return {"w": jax.random.uniform(next(keys), (o, i, 3, 3), minval=-b, maxval=b), "b": jnp.zeros((o, 1, 1))}
    params = [conv(32, 1), conv(64, 32), dense(1600, 128), dense(128, 10)]

    def block(p, x):
        x = jax.nn.relu(jax.lax.conv_general_dilated(x, p["w"], (1, 1), "VALID", dimension_numbers=("NCHW", "OIHW", "NCHW")) + p["b"])
        return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")

    def forward(ps, x):
        x = block(ps[1], block(ps[0], x[:, None]))
        return apply(ps[3], jax.nn.relu(apply(ps[2], x.reshape(len(x), -1))))
    return params, forward


def lstm():
    params = {"x": dense(28, 512), "h": dense(128, 512), "head": dense(128, 10)}

    def forward(p, x):
        pre = apply(p["x"], x).swapaxes(0, 1)

        def step(state, g):
            h, c = state
            i, f, o, u = jnp.split(g + apply(p["h"], h), 4, -1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(u)
            return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None
        zero = jnp.zeros((x.shape[0], 128))
        (h, _), _ = jax.lax.scan(step, (zero, zero), pre)
        return apply(p["head"], h)
    return params, forward


def transformer():
    ln = lambda: {"g": jnp.ones(128), "b": jnp.zeros(128)}
    layers = [{"n1": ln(), "qkv": dense(128, 384), "out": dense(128, 128), "n2": ln(), "up": dense(128, 512), "down": dense(512, 128)} for _ in range(2)]
    params = {"embed": dense(28, 128), "pos": jax.random.normal(next(keys), (28, 128)) * 0.02, "layers": layers, "head": dense(128, 10)}

    def forward(p, x):
        x = apply(p["embed"], x) + p["pos"]
        for l in p["layers"]:
            q, k, v = jnp.split(apply(l["qkv"], norm(l["n1"], x)).reshape(*x.shape[:2], 3 * 4, 32), 3, 2)
            a = jax.nn.softmax(jnp.einsum("bqhd,bkhd->bhqk", q, k) / np.sqrt(32.0))
            x = x + apply(l["out"], jnp.einsum("bhqk,bkhd->bqhd", a, v).reshape(x.shape))
            x = x + apply(l["down"], jax.nn.gelu(apply(l["up"], norm(l["n2"], x)), approximate=False))
        return apply(p["head"], x.mean(1))
    return params, forward


def stepper(forward, optimizer, loss):
    @jax.jit
    def step(params, state, x, y):
        grads = jax.grad(lambda p: loss(forward(p, x), y))(params)
        updates, state = optimizer.update(grads, state)
        return optax.apply_updates(params, updates), state
    return step


def cross_entropy(logits, y):
    return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()


def mse(p, y):
    return ((p - y) ** 2).mean()


if args.task in IMAGES:
    xs, ys = mnist(limit=IMAGES[args.task])
    ys = ys.astype(np.int32)
    params, raw = {"mlp": lambda: mlp([784, 256, 128, 10]), "latency": lambda: mlp([784, 256, 128, 10]), "cnn": cnn, "lstm": lstm, "transformer": transformer}[args.task]()
    forward = lambda p, x: raw(p, x.astype(jnp.float32) / 255)
    optimizer = optax.adam(1e-3)
    state, step, rng, epochs = optimizer.init(params), stepper(forward, optimizer, cross_entropy), np.random.RandomState(args.seed), []
    for _ in range(args.epochs):
        t = time.perf_counter()
        order = rng.permutation(len(xs))
        for i in range(0, len(xs), BATCH):
            index = order[i:i + BATCH]
            params, state = step(params, state, xs[index], ys[index])
            first_step(lambda: jax.block_until_ready(params))
        jax.block_until_ready(params)
        epochs.append(time.perf_counter() - t)
    tx, ty = mnist(train=False)
    predict = jax.jit(lambda p, x: forward(p, x).argmax(1))
    accuracy = (np.concatenate([predict(params, p) for p in np.array_split(tx, 20)]) == ty).mean()
    if args.task == "latency":
        f, x, best = jax.jit(raw), np.random.rand(1, 28, 28).astype(np.float32), 1e9
        for _ in range(20):
            t = time.perf_counter()
            for _ in range(200):
                f(params, x).block_until_ready()
            best = min(best, (time.perf_counter() - t) / 200)
        result(NAME, best * 1e6, "µs", epochs, accuracy)
    else:
        result(NAME, IMAGES[args.task] / min(epochs), "samples/s", epochs, accuracy)
elif args.task.startswith("linear"):
    x, y = line()
    size = 100 if args.task == "linear100" else 32
    params, forward = mlp([1, 1])
    optimizer = optax.sgd(0.01)
    state, step, rng, times = optimizer.init(params), stepper(forward, optimizer, mse), np.random.RandomState(args.seed), []
    for _ in range(args.epochs):
        t = time.perf_counter()
        for _ in range(1000):
            order = rng.permutation(100)
            for i in range(0, 100, size):
                index = order[i:i + size]
                params, state = step(params, state, x[index], y[index])
                first_step(lambda: jax.block_until_ready(params))
        jax.block_until_ready(params)
        times.append(time.perf_counter() - t)
    result(NAME, min(times), "s", times)
elif args.task == "online":
    params, forward = mlp([20, 64, 64, 2])
    optimizer = optax.sgd(0.01)
    state, step = optimizer.init(params), stepper(forward, optimizer, mse)
    x, y, best = np.random.rand(1, 20).astype(np.float32), np.random.rand(1, 2).astype(np.float32), 1e9
    for _ in range(20):
        t = time.perf_counter()
        for _ in range(200):
            params, state = step(params, state, x, y)
            first_step(lambda: jax.block_until_ready(params))
        jax.block_until_ready(params)
        best = min(best, (time.perf_counter() - t) / 200)
    result(NAME, 1 / best, "steps/s")
