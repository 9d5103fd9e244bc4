"""Times DP-SGD steps of Opacus 1.6 on two networks, batches of 512 MNIST-like images: samples per second.

BenchmarkStep of bench_test.go has the same work. Usage: python opacus_speed.py
"""

import time
import warnings

import torch
from opacus import PrivacyEngine
from torch import nn

warnings.filterwarnings("ignore")
torch.set_num_threads(2)
N = 2048
nets = {
    "mlp": lambda: nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10)),
    "cnn": lambda: nn.Sequential(nn.Conv2d(1, 16, 8, 2, padding=3), nn.Tanh(), nn.MaxPool2d(2, 1), nn.Conv2d(16, 32, 4, 2), nn.Tanh(), nn.MaxPool2d(2, 1),
                                 nn.Flatten(), nn.Linear(512, 32), nn.Tanh(), nn.Linear(32, 10)),
}
for name, make in nets.items():
    x = (torch.arange(N * 784) % 97).float().reshape(N, *((784,) if name == "mlp" else (1, 28, 28))) / 97
    set_ = torch.utils.data.TensorDataset(x, torch.zeros(N, dtype=torch.long))
    for mode in ["hooks", "ghost"]:
        model = make()
        opt = torch.optim.SGD(model.parameters(), 0.01)
        loader = torch.utils.data.DataLoader(set_, batch_size=512)
        loss = nn.CrossEntropyLoss()
        got = PrivacyEngine().make_private(module=model, optimizer=opt, data_loader=loader, criterion=loss, noise_multiplier=1.0, max_grad_norm=1.0,
                                           grad_sample_mode=mode)
        model, opt, loader = got[0], got[1], got[-1]
        if mode == "ghost":
            loss = got[2]
        best = 0
        for _ in range(3):
            start, seen = time.perf_counter(), 0
            for xb, yb in loader:
                opt.zero_grad()
                loss(model(xb), yb).backward()
                opt.step()
                seen += len(xb)
            best = max(best, seen / (time.perf_counter() - start))
        print(f"{name} {mode}: {best:.0f} samples/s")
