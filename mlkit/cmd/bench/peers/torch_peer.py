"""PyTorch, eager, on the CPU."""
from common import *
import torch
from torch import nn
from torch_first_models import model_for

torch.set_num_threads(args.threads)
torch.manual_seed(args.seed)
NAME = "PyTorch " + torch.__version__.split("+")[0]


def train(task):
    xs, ys = mnist(limit=IMAGES[task])
    xs, ys = torch.from_numpy(xs.copy()), torch.from_numpy(ys.astype(np.int64))
    model = model_for(task)
    optimizer, loss_fn = torch.optim.Adam(model.parameters(), 1e-3), nn.CrossEntropyLoss()
    model.train()
    epochs = []
    for _ in range(args.epochs):
        t = time.perf_counter()
        for index in torch.randperm(len(xs)).split(BATCH):
            optimizer.zero_grad()
            loss_fn(model(xs[index].float() / 255), ys[index]).backward()
            optimizer.step()
            first_step()
        epochs.append(time.perf_counter() - t)
    model.eval()
    tx, ty = mnist(train=False)
    with torch.no_grad():
        pred = torch.cat([model(torch.from_numpy(p.copy()).float() / 255).argmax(1) for p in np.array_split(tx, 20)])
    return model, epochs, (pred.numpy() == ty).mean()


if args.task in IMAGES:
    model, epochs, accuracy = train(args.task)
    if args.task == "latency":
        x, best = torch.rand(1, 28, 28), 1e9
        with torch.no_grad():
            for _ in range(20):
                t = time.perf_counter()
                for _ in range(200):
                    model(x)
                best = min(best, (time.perf_counter() - t) / 200)
        result(NAME, best * 1e6, "µs", epochs, accuracy)
    else:
        result(NAME, IMAGES[args.task] / min(epochs), "samples/s", epochs, accuracy)
elif args.task.startswith("linear"):
    x, y = map(torch.from_numpy, line())
    size = 100 if args.task == "linear100" else 32
    model = nn.Linear(1, 1)
    optimizer, loss_fn = torch.optim.SGD(model.parameters(), 0.01), nn.MSELoss()
    times = []
    for _ in range(args.epochs):
        t = time.perf_counter()
        for _ in range(1000):
            for index in torch.randperm(100).split(size):
                optimizer.zero_grad()
                loss_fn(model(x[index]), y[index]).backward()
                optimizer.step()
                first_step()
        times.append(time.perf_counter() - t)
    result(NAME, min(times), "s", times)
elif args.task == "online":
    model = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
    optimizer, loss_fn = torch.optim.SGD(model.parameters(), 0.01), nn.MSELoss()
    x, y, best = torch.rand(1, 20), torch.rand(1, 2), 1e9
    for _ in range(20):
        t = time.perf_counter()
        for _ in range(200):
            optimizer.zero_grad()
            loss_fn(model(x), y).backward()
            optimizer.step()
            first_step()
        best = min(best, (time.perf_counter() - t) / 200)
    result(NAME, 1 / best, "steps/s")
elif args.task == "gemm":
    def prepare(a, b):
        a, b = torch.from_numpy(a), torch.from_numpy(b)
        return lambda: torch.mm(a, b)
    gemm(NAME + " (MKL)", prepare)
