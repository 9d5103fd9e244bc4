# Writes llama.json: a small LlamaForCausalLM of transformers 5.24, with weights
# by the formula of the test, its logits and some gradients. Rows of queries and
# keys are put into the order of GGUF, as llama.cpp's converter does.
import json

import torch
from transformers import LlamaConfig, LlamaForCausalLM

c = LlamaConfig(vocab_size=13, hidden_size=16, intermediate_size=12, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                rms_norm_eps=1e-5, rope_theta=500.0, tie_word_embeddings=True, attn_implementation="eager")
m = LlamaForCausalLM(c).eval()
names = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
         "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
         "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "model.layers": "blk"}


def gguf(name):
    for a, b in names.items():
        name = name.replace(a, b)
    return name


def swap(x):  # pairs side by side ↔ half a head of 4 apart
    return x.reshape(-1, 2, 2, 16).transpose(1, 2).reshape(x.shape)


params = {gguf(n): p for n, p in m.named_parameters()}
with torch.no_grad():
    for k, (name, p) in enumerate(sorted(params.items())):
        i = torch.arange(p.numel())
        v = ((i * 37 + k * 11) % 101 * 37 % 101 - 50).double() / 32
        v = (1 + v / 8 if "norm" in name else v / 4).reshape(p.shape).float()
        p.copy_(swap(v) if "attn_q" in name or "attn_k" in name else v)
ids = torch.tensor([[1, 5, 9, 12, 0, 3], [2, 2, 7, 11, 4, 8]])
y = m(input_ids=ids).logits
w = torch.cos(torch.arange(y.numel()).double()).float().reshape(y.shape)
(y * w).sum().backward()
r = lambda t: [float(f"{v:.7g}") for v in t.detach().reshape(-1).tolist()]
grads = {n: r(swap(p.grad) if "attn_k" in n else p.grad) for n, p in params.items() if n in ("token_embd.weight", "blk.0.attn_k.weight", "blk.1.ffn_gate.weight")}
json.dump({"IDs": ids.reshape(-1).tolist(), "Logits": r(y), "Grads": grads}, open("llama.json", "w"), separators=(",", ":"))
