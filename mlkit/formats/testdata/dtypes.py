# dtypes.safetensors: every type of the format (safetensors 0.8.0), and what the
# 256 bytes are as numbers of 8 bits (ml_dtypes 0.6.0, NumPy 2.4.6).
import json, struct
import numpy as np, ml_dtypes
from safetensors import safe_open

arrays = {
    "I8": np.int8([-128, 127]), "I16": np.int16([-32768, 32767]), "U16": np.uint16([0, 65535]), "U32": np.uint32([0, 2**32 - 1]),
    "U64": np.uint64([0, 2**64 - 1]), "C64": np.complex64([1 + 2j]), "I32": np.int32([-(2**31), 1]), "I64": np.int64([-(2**63), 1]),
    "U8": np.uint8([0, 255]), "BOOL": np.array([True, False]), "F64": np.float64([0.1, 1e300]), "F32": np.float32([0.1, -np.inf]),
    "F16": np.float16([0.1, 6e-8]), "BF16": np.array([0.1, 3e38], ml_dtypes.bfloat16),
}
raw = {k: (k, a.shape, a.tobytes()) for k, a in arrays.items()}
for name, bits in [("F4", 4), ("F6_E2M3", 6), ("F6_E3M2", 6)]:
    raw[name] = (name, (8,), bytes(range(bits)))
for name, t in [("F8_E4M3", "float8_e4m3fn"), ("F8_E5M2", "float8_e5m2"), ("F8_E8M0", "float8_e8m0fnu"), ("F8_E4M3FNUZ", "float8_e4m3fnuz"), ("F8_E5M2FNUZ", "float8_e5m2fnuz")]:
    b = np.arange(256, dtype=np.uint8)
    raw[name] = (name, (256,), b.tobytes())
    raw[name + " as float32"] = ("F32", (256,), b.view(getattr(ml_dtypes, t)).astype(np.float32).tobytes())
header, data = {}, b""
for name, (dtype, shape, x) in raw.items():
    header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(x)]}
    data += x
text = json.dumps(header).encode()
with open("dtypes.safetensors", "wb") as f:
    f.write(struct.pack("<Q", len(text)) + text + data)
with safe_open("dtypes.safetensors", "np") as f:
    for name in arrays:
        if name != "BF16":
            np.testing.assert_array_equal(f.get_tensor(name), arrays[name])
    assert set(f.keys()) == set(raw)
