# Writes smollm2.json: ten prompts and the 256 tokens with which llama-cpp-python
# 0.3.36 goes on, always the likeliest:  python smollm2.py MODEL.gguf
import json
import sys

import numpy as np
from llama_cpp import Llama

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
json.dump(out, open("smollm2.json", "w"), separators=(",", ":"))
