"""The grid of widths and batches in PyTorch."""
from torch_common import *

for width, batch in grid_sizes():
    weights, x, y = grid_parts(width, batch)
    layers = []
    for w in weights:
        layers += [nn.Linear(width, width), nn.ReLU()]
        layers[-2].weight.data, layers[-2].bias.data = torch.from_numpy(w), torch.zeros(width)
    train(nn.Sequential(*layers[:-1]), [{"x": torch.from_numpy(x), "y": torch.from_numpy(y)}], lambda model, b: F.mse_loss(model(b["x"]), b["y"]),
          lambda p: torch.optim.SGD(p, 0.01, fused=True), "GFLOP/s", grid_flops(width, batch) / 1e9, size=f"{width}x{batch}")
