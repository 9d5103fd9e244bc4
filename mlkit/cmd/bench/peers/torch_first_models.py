"""The PyTorch models of the first tasks."""
import torch
from torch import nn


class Rows(nn.Module):
    """An LSTM that reads an image row by row."""
    def __init__(self):
        super().__init__()
        self.lstm, self.head = nn.LSTM(28, 128, batch_first=True), nn.Linear(128, 10)

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.head(out[:, -1])


class Tokens(nn.Module):
    """A small transformer over the rows."""
    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(28, 128)
        self.position = nn.Parameter(torch.randn(28, 128) * 0.02)
        layer = nn.TransformerEncoderLayer(128, 4, 512, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)
        self.encoder, self.head = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), nn.Linear(128, 10)

    def forward(self, x):
        return self.head(self.encoder(self.embed(x) + self.position).mean(1))


def model_for(task):
    if task in ("mlp", "latency"):
        return nn.Sequential(nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10))
    if task == "cnn":
        return nn.Sequential(nn.Unflatten(1, (1, 28)), nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(),
                             nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1600, 128), nn.ReLU(), nn.Linear(128, 10))
    return Rows() if task == "lstm" else Tokens()
