"""The grid of widths and batches in JAX."""
from common import *
os.environ["XLA_FLAGS"] = (os.environ.get("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=" + ("true" if args.threads > 1 else "false")).strip()
import functools
import jax, jax.numpy as jnp

NAME = "JAX " + jax.__version__


def loss(params, x, y):
    for w, b in params[:-1]:
        x = jax.nn.relu(x @ w.T + b)
    w, b = params[-1]
    return ((x @ w.T + b - y) ** 2).mean()


@functools.partial(jax.jit, donate_argnums=0)
def update(params, x, y):
    l, grads = jax.value_and_grad(loss)(params, x, y)
    return jax.tree.map(lambda p, g: p - 0.01 * g, params, grads), l


for width, batch in grid_sizes():
    weights, x, y = grid_parts(width, batch)
    params, x, y = [(jnp.asarray(w), jnp.zeros(width)) for w in weights], jnp.asarray(x), jnp.asarray(y)

    def step(_):
        global params
        params, l = update(params, x, y)
        l = float(l)
        first_step()
        return l
    losses = [step(i) for i in range(COMPARED)]
    per_step = blocks(step)
    result(NAME, grid_flops(width, batch) / 1e9 / min(per_step), "GFLOP/s", per_step, losses=losses, size=f"{width}x{batch}")
