# Writes smollm2.json: ten prompts and the 256 tokens with which llama-cpp-python
# 0.3.36 goes on, always the likeliest; and what transformers 5.24 thinks the
# likeliest at the first 24 of these places, and its logit, with the weights as
# float32 (package gguf 0.19):  python smollm2.py MODEL.gguf
import json
import sys

import gguf
import numpy as np
import torch
from llama_cpp import Llama
from transformers import LlamaConfig, LlamaForCausalLM

m = Llama(sys.argv[1], n_ctx=512, n_threads=1, n_threads_batch=1, verbose=False)
frame = ("<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n<|im_start|>user\n",
         "<|im_end|>\n<|im_start|>assistant\n")
asked = ["What is gravity?", "Write a short poem about the sea.", "Explain how a bicycle stays upright.", "List five fruits and their colours.",
         "Translate 'good morning' into French and German.", "Why is the sky blue? Answer in two sentences."]
plain = ["The capital of France is", "Once upon a time, there was a small robot", "def fibonacci(n):", "In 1969, three astronauts"]
out = []
for text in [frame[0] + q + frame[1] for q in asked] + plain:
    ids = m.tokenize(text.encode(), add_bos=False, special=True)
    m.reset()
    m.eval(ids)
    tokens = []
    for _ in range(256):
        tokens.append(int(np.argmax(m._ctx.get_logits()[:m.n_vocab()])))
        m.eval(tokens[-1:])
    out.append({"Prompt": text, "IDs": ids, "Tokens": tokens})
names = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj",
         "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj", "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"}
state = {}
for t in gguf.GGUFReader(sys.argv[1]).tensors:
    w = torch.tensor(gguf.quants.dequantize(t.data, t.tensor_type)).reshape(*[int(n) for n in reversed(t.shape)])
    if "attn_q" in t.name or "attn_k" in t.name:  # heads of 64: from pairs side by side to pairs 32 apart
        w = w.reshape(-1, 32, 2, 576).transpose(1, 2).reshape(w.shape)
    if t.name == "token_embd.weight":
        state["model.embed_tokens.weight"] = state["lm_head.weight"] = w
    elif t.name == "output_norm.weight":
        state["model.norm.weight"] = w
    else:
        _, i, name, _ = t.name.split(".")
        state[f"model.layers.{i}.{names[name]}.weight"] = w
c = LlamaConfig(vocab_size=49152, hidden_size=576, intermediate_size=1536, num_hidden_layers=30, num_attention_heads=9, num_key_value_heads=3,
                rms_norm_eps=1e-5, rope_theta=100000.0, tie_word_embeddings=True)
exact = LlamaForCausalLM(c).eval()
exact.load_state_dict(state)
for o in out:
    with torch.no_grad():
        y = exact(input_ids=torch.tensor([o["IDs"] + o["Tokens"][:23]])).logits[0, len(o["IDs"]) - 1:]
    o["Exact"], o["Top"] = y.argmax(-1).tolist(), [round(v, 3) for v in y.amax(-1).tolist()]
json.dump(out, open("smollm2.json", "w"), separators=(",", ":"))
