"""Writes syncnorm-*.safetensors and syncnorm.npz: a network with batch
normalisation before and after PyTorch has trained it on whole batches, of which
SyncBatchNorm on several devices computes the statistics, too.

    python syncnorm.py
"""
import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

torch.manual_seed(0)
torch.set_num_threads(1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.conv2, self.norm2 = nn.Conv2d(4, 3, 3), nn.BatchNorm2d(3)
        self.fc, self.norm3 = nn.Linear(3 * 16, 5), nn.BatchNorm1d(5)
        self.out = nn.Linear(5, 3)

    def forward(self, x):
        x = self.norm(self.conv(x)).relu()
        x = self.norm2(self.conv2(x)).tanh()
        return self.out(self.norm3(self.fc(x.flatten(1))).relu())


m = Net()
save_file(m.state_dict(), "syncnorm-before.safetensors")
x = torch.randn(44, 1, 6, 6) * torch.linspace(0.2, 3, 44)[:, None, None, None] + torch.linspace(-1, 2, 44)[:, None, None, None]
y = torch.randint(0, 3, (44,))
optimizer = torch.optim.SGD(m.parameters(), 0.1, momentum=0.9)
losses = []
for _ in range(3):
    for k in range(0, 44, 16):  # the last batch of an epoch has 12
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(m(x[k:k + 16]), y[k:k + 16])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
save_file(m.state_dict(), "syncnorm-after.safetensors")
np.savez("syncnorm.npz", x=x.numpy(), y=y.numpy().astype(np.int32), losses=np.array(losses, np.float32))
