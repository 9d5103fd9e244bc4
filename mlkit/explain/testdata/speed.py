"""Captum 0.9's side of TestSpeedAgainstCaptum (PyTorch 2.15): reads the network as JSON from the first line of the
standard input, then on each line the name of a method and how many times to call it, and answers with the seconds of
processor time that one call took and the values.
"""

import json
import sys
import time
import warnings

import torch
from captum.attr import IntegratedGradients, KernelShap, LayerGradCam, NoiseTunnel, Occlusion, Saliency
from captum.influence import TracInCP
from torch import nn
from torch.utils.data import TensorDataset

warnings.filterwarnings("ignore")
setup = json.loads(sys.stdin.readline())
torch.set_num_threads(setup["threads"])
trunk = nn.Sequential(nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 5, padding=2), nn.ReLU())
net = nn.Sequential(trunk, nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * 7 * 7, 128), nn.ReLU(), nn.Linear(128, 10))
flat = nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10))
for model, weights in [(net, setup["net"]), (flat, setup["flat"])]:
    for p, w in zip(model.parameters(), weights):
        p.data = torch.tensor(w).reshape(p.shape)
net.eval()
x = torch.tensor(setup["x"]).reshape(1, 1, 28, 28)
patches = (torch.arange(28).div(4, rounding_mode="floor")[:, None] * 7 + torch.arange(28).div(4, rounding_mode="floor")[None])[None, None]
images, labels = torch.tensor(setup["images"]).reshape(-1, 1, 28, 28), torch.tensor(setup["labels"])
state = {k: v.clone() for k, v in flat.state_dict().items()}


def load(model, c):
    model.load_state_dict(state)
    return 0.1


# TracIn by its batched form, which is its fastest.
tracin = TracInCP(flat, TensorDataset(images, labels), [0], load, loss_fn=nn.CrossEntropyLoss(reduction="sum"),
                  batch_size=len(images), sample_wise_grads_per_batch=True)
# The quicker of Captum's ways: as many inputs at once as fit, for what has that setting.
methods = {
    "Saliency": lambda: Saliency(net).attribute(x, target=3),
    "IntegratedGradients": lambda: IntegratedGradients(net).attribute(x, target=3, n_steps=50, method="gausslegendre"),
    "SmoothGrad": lambda: NoiseTunnel(Saliency(net)).attribute(x, nt_type="smoothgrad", nt_samples=50, stdevs=0.2, target=3, abs=False),
    "GradCAM": lambda: LayerGradCam(net, trunk).attribute(x, target=3, relu_attributions=True),
    "Occlusion": lambda: Occlusion(net).attribute(x, (1, 5, 5), strides=(1, 2, 2), target=3, perturbations_per_eval=64),
    "KernelSHAP": lambda: KernelShap(net).attribute(x, target=3, feature_mask=patches, n_samples=400, perturbations_per_eval=64),
    "TracIn": lambda: tracin.influence((images[:1], labels[:1])),
}
print("ready", flush=True)
for line in sys.stdin:
    name, times = line.split()
    begin = time.process_time()
    for _ in range(int(times)):
        values = methods[name]()
    seconds = (time.process_time() - begin) / int(times)
    print(json.dumps({"seconds": seconds, "values": values.detach().double().ravel().tolist()}), flush=True)
