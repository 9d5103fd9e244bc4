"""Opacus 1.6's side of TestSpeedAgainstOpacus (PyTorch): reads the number of threads from the first line of the
standard input, then on each line a network, a mode (torch: plain, hooks: Opacus' default, ghost), the size of a batch and
a number of samples, and answers with the seconds of processor time that steps on so many samples took. Batches are
cut from one tensor, which costs nothing: no loader is measured.
"""

import sys
import time
import warnings

import torch
from opacus import PrivacyEngine
from torch import nn

warnings.filterwarnings("ignore")
torch.set_num_threads(int(sys.stdin.readline()))
nets = {
    "mlp": lambda: nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10)),
    "cnn": lambda: nn.Sequential(nn.Conv2d(1, 16, 8, 2, padding=3), nn.Tanh(), nn.MaxPool2d(2, 1),
                                 nn.Conv2d(16, 32, 4, 2), nn.Tanh(), nn.MaxPool2d(2, 1),
                                 nn.Flatten(), nn.Linear(512, 32), nn.Tanh(), nn.Linear(32, 10)),
}
N = 2048
images = (torch.arange(N * 784) % 97).float() / 97
made = {}


def make(name, mode, batch):
    x = images.reshape(N, 784) if name == "mlp" else images.reshape(N, 1, 28, 28)
    y = torch.zeros(N, dtype=torch.long)
    model, loss = nets[name](), nn.CrossEntropyLoss()
    opt = torch.optim.SGD(model.parameters(), 0.01)
    if mode != "torch":
        loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=batch)
        got = PrivacyEngine().make_private(module=model, optimizer=opt, data_loader=loader, criterion=loss, noise_multiplier=1.0,
                                           max_grad_norm=1.0, grad_sample_mode=mode, poisson_sampling=False)
        model, opt = got[0], got[1]
        if mode == "ghost":
            loss = got[2]

    def steps(samples):
        for at in range(0, samples, batch):
            opt.zero_grad()
            loss(model(x[at % N: at % N + batch]), y[at % N: at % N + batch]).backward()
            opt.step()

    return steps


print("ready", flush=True)
for line in sys.stdin:
    name, mode, batch, samples = line.split()
    key = name, mode, batch
    if made and next(iter(made))[::2] != key[::2]:
        made.clear()  # with the samples' gradients
    if key not in made:
        made[key] = make(name, mode, int(batch))
    begin = time.process_time()
    made[key](int(samples))
    print(time.process_time() - begin, flush=True)
