# Writes llama.gguf, a small model in the format of llama.cpp, by its package
# gguf 0.19: python llamagguf.py
import gguf
import numpy as np

w = gguf.GGUFWriter("llama.gguf", "llama")
w.add_block_count(2)
w.add_embedding_length(64)
w.add_head_count(4)
w.add_head_count_kv(2)
w.add_feed_forward_length(96)
w.add_layer_norm_rms_eps(1e-5)
w.add_rope_freq_base(1000.0)
w.add_rope_dimension_count(16)
letters = [chr(b) if 33 <= b <= 126 or 161 <= b <= 172 or 174 <= b else None for b in range(256)]
n = 0
for b in range(256):
    if letters[b] is None:
        letters[b], n = chr(256 + n), n + 1
tokens = ["<|end|>"] + letters + ["th", "the"]
w.add_tokenizer_model("gpt2")
w.add_tokenizer_pre("smollm")
w.add_token_list(tokens)
w.add_token_types([3] + [1] * 258)
w.add_token_merges(["t h", "th e"])
w.add_eos_token_id(0)
rng = np.random.default_rng(1)


def tensor(name, *shape, kind=None):
    x = (rng.standard_normal(shape) * 0.1 + (1 if "norm" in name else 0)).astype(np.float32)
    if kind is None:
        w.add_tensor(name + ".weight", x)
    else:
        w.add_tensor(name + ".weight", gguf.quants.quantize(x, kind), raw_dtype=kind)


Q = gguf.GGMLQuantizationType
tensor("token_embd", 259, 64, kind=Q.Q8_0)
tensor("output_norm", 64)
for i, kind in enumerate([Q.Q4_1, Q.Q4_0]):
    b = f"blk.{i}."
    tensor(b + "attn_norm", 64)
    tensor(b + "ffn_norm", 64)
    for name, out, inp in [("attn_q", 64, 64), ("attn_k", 32, 64), ("attn_v", 32, 64), ("ffn_gate", 96, 64), ("ffn_up", 96, 64)]:
        tensor(b + name, out, inp, kind=kind)
    tensor(b + "attn_output", 64, 64)  # not quantized
    tensor(b + "ffn_down", 64, 96, kind=Q.Q8_0)
w.write_header_to_file()
w.write_kv_data_to_file()
w.write_tensors_to_file()
w.close()
