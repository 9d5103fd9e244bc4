"""Writes state.pt, legacy.pt and checkpoint.pt, and prints torch.json: what is in them (PyTorch 2.15).

Usage: python torchfiles.py > torch.json
"""

import collections
import json

import torch

torch.manual_seed(0)
base = torch.arange(24, dtype=torch.float32).reshape(4, 6) / 7
state = collections.OrderedDict(
    f32=torch.randn(3, 4), f64=torch.randn(2, dtype=torch.float64), f16=torch.randn(5).half(), bf16=torch.randn(5).bfloat16(),
    i64=torch.tensor([-(2**62), 7]), i32=torch.tensor([-5, 2**31 - 1], dtype=torch.int32), i16=torch.tensor([[-300]], dtype=torch.int16),
    i8=torch.tensor([-128, 127], dtype=torch.int8), u8=torch.tensor([0, 255], dtype=torch.uint8), flag=torch.tensor([True, False, True]),
    scalar=torch.tensor(2.5), empty=torch.zeros(0, 3), none_of_many=torch.zeros(5, 0, 7),
    whole=base, row=base[2], rows=base[1:3], transposed=base.t(), columns=base[:, 1::2], corner=base[::3, ::5],
    cube=torch.arange(60, dtype=torch.float32).reshape(3, 4, 5).permute(2, 0, 1),
    parameter=torch.nn.Parameter(torch.randn(2, 2)),
)
torch.save(state, "state.pt")
torch.save(state, "legacy.pt", _use_new_zipfile_serialization=False)

net = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
opt = torch.optim.Adam(net.parameters(), lr=0.01)
net(torch.randn(4, 3)).sum().backward()
opt.step()
torch.save(
    {"model": net.state_dict(), "optimizer": opt.state_dict(), "epoch": 3, "best": 0.25, "done": False, "note": "übung", "nothing": None,
     "big": 2**80, "sizes": torch.Size([2, 3]), "wide": torch.tensor([65535], dtype=torch.uint16), "eight": torch.tensor([0.5, 2.0]).to(torch.float8_e4m3fn)},
    "checkpoint.pt")
torch.save(net.state_dict(), "net.pt")

out = {}
for name, t in state.items():
    v = t.detach()
    out[name] = {"dims": list(v.shape), "dtype": str(v.dtype), "data": [float(x) for x in v.double().flatten()] if v.is_floating_point() else [int(x) for x in v.flatten()]}
out["net"] = {name: [float(x) for x in t.double().flatten()] for name, t in net.state_dict().items()}
print(json.dumps(out))
