# Prints gru_before.json: a bidirectional GRU of two features and three units in
# onnxruntime, with its default linear_before_reset=0, on sequences of 3, 1 and 4
# steps. gru_before_test.go makes weights and inputs by the same formulas.
#   python gru_before.py > gru_before.json
import json

import numpy as np

import onnxruntime
from onnx import TensorProto as P, helper as h

IN, H, LENGTHS = 2, 3, [3, 1, 4]
# Parameter k in our order of names and of gates (r, z, n) to ONNX's (z, r, h).
par = lambda k, *s: (0.4 * np.sin(1.3 * np.arange(np.prod(s)) + 0.7 * k + 0.5)).reshape(s).astype(np.float32)
gates = lambda p: np.concatenate([p[H : 2 * H], p[:H], p[2 * H :]])
w, r, b = [], [], []
for d in range(2):
    w.append(gates(par(4 * d, 3 * H, IN)))
    r.append(gates(par(4 * d + 1, 3 * H, H)))
    b.append(np.concatenate([gates(par(4 * d + 2, 3 * H)), gates(par(4 * d + 3, 3 * H))]))
x = np.sin(0.9 * np.arange(3 * 4 * IN)).reshape(3, 4, IN).transpose(1, 0, 2).astype(np.float32)
feeds = {"x": x, "w": np.stack(w), "r": np.stack(r), "b": np.stack(b), "l": np.array(LENGTHS, np.int32)}
node = h.make_node("GRU", ["x", "w", "r", "b", "l"], ["y", "yh"], hidden_size=H, direction="bidirectional")
info = [h.make_tensor_value_info(k, P.INT32 if k == "l" else P.FLOAT, v.shape) for k, v in feeds.items()]
out = [h.make_tensor_value_info(k, P.FLOAT, None) for k in ("y", "yh")]
model = h.make_model(h.make_graph([node], "g", info, out), opset_imports=[h.make_opsetid("", 14)], ir_version=8)
y, yh = onnxruntime.InferenceSession(model.SerializeToString()).run(None, feeds)
r7 = lambda a: [float(f"{v:.7g}") for v in a.ravel().tolist()]
# [time, direction, batch, H] to [batch, time, directions·H]
print(json.dumps({"Out": r7(y.transpose(2, 0, 1, 3)), "H": r7(yh)}))
