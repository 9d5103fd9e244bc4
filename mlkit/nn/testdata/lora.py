# Prints lora.json: layers with low-rank changes by peft 0.21 (PyTorch 2.15):
# outputs, gradients of the factors, and the merged weight. lora_test.go makes
# weights and inputs by the same formula.
#   python lora.py > lora.json
import json

import peft
import torch


def fill(k, shape):
    n = 1
    for d in shape:
        n *= d
    return (((torch.arange(n) * 37 + k * 11) % 101 - 50).float() / 32).reshape(shape)


r = lambda t: [float(f"{v:.7g}") for v in t.detach().reshape(-1).tolist()]
out = {}
for name, layer, dims in (
    ("Linear", torch.nn.Linear(6, 5), (3, 6)),
    ("Conv2D", torch.nn.Conv2d(4, 6, 3, padding=1), (2, 4, 3, 5)),
):
    m = peft.get_peft_model(torch.nn.Sequential(layer), peft.LoraConfig(r=2, lora_alpha=3, target_modules=["0"]))
    params = dict(m.named_parameters())
    with torch.no_grad():
        for k, part in enumerate(("base_layer.weight", "base_layer.bias", "lora_A", "lora_B")):
            p = next(v for n, v in params.items() if part in n)
            p.copy_(fill(k, p.shape))
    y = m(fill(5, dims))
    (y * fill(99, y.shape)).sum().backward()
    grad = lambda part: r(next(v for n, v in params.items() if part in n).grad)
    case = {"Y": r(y), "A": grad("lora_A"), "B": grad("lora_B")}
    case["Merged"] = r(m.merge_and_unload()[0].weight)
    out[name] = case
print(json.dumps(out, separators=(",", ":")))
