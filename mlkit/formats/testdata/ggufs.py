"""Writes small.gguf and prints gguf.json: what the reference says is in it (gguf 0.19.0, NumPy).

Usage: python ggufs.py > gguf.json
"""

import json

import gguf
import numpy as np
from gguf.quants import dequantize, quantize

T = gguf.GGMLQuantizationType
rng = np.random.default_rng(0)
w = gguf.GGUFWriter("small.gguf", "llama")
w.add_context_length(2048)
w.add_name("größe")
w.add_array("names", ["a", "", "längst"])
w.add_array("scores", [0.5, -1.25])
w.add_array("types", [1, 2, 3])
w.add_bool("yes", True)
w.add_float64("d", 1e300)
w.add_int64("i", -(2**62))
w.add_uint8("b", 200)
w.add_int16("h", -300)
out = {}
x = rng.normal(size=(3, 64)).astype(np.float32)
for name, kind in {"q8": T.Q8_0, "q4": T.Q4_0, "q41": T.Q4_1, "half": T.F16, "brain": T.BF16, "q5": T.Q5_0, "k": T.Q8_0}.items():
    source = x if name != "k" else rng.normal(size=(2, 2, 32)).astype(np.float32)
    data = quantize(source, kind)
    w.add_tensor(name, data, raw_dtype=kind)
    out[name] = {"dims": list(source.shape), "data": [float(v) for v in dequantize(data, kind).ravel()]}
w.add_tensor("plain", x[:2, :5].copy())
out["plain"] = {"dims": [2, 5], "data": [float(v) for v in x[:2, :5].ravel()]}
w.add_tensor("ids", np.array([[1, -2, 3]], dtype=np.int32))
out["ids"] = {"dims": [1, 3], "data": [1, -2, 3]}
w.write_header_to_file()
w.write_kv_data_to_file()
w.write_tensors_to_file()
w.close()
print(json.dumps(out))
