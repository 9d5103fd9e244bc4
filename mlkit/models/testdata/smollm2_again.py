# How often llama.cpp writes the texts of smollm2.json again when it is asked in
# another way: the number of tokens of each of the ten texts (of 256) until the
# first other one.
#
#   python smollm2_again.py SmolLM2-135M-Instruct.Q4_1.gguf
#
# llama-cpp-python 0.3.36, numpy 2. AMD EPYC with AVX-512 (VNNI, BF16), 2026:
#   as before               256 256 256 256 256 …  (the first five were tried)
#   prompt token by token    35   0 256   2  11   7 256  35  69 256
#   flash attention          57   0 256   2   0   7  13   9  35   9
#   32-bit keys and values   35   0   5   2   0   5  63  35  69   9
#   mlkit                   256 256 256 256 256 256 256 256 256 256
import json
import sys

import numpy as np
from llama_cpp import Llama

texts = json.load(open("smollm2.json"))
for name, each, options in [("as before", False, {}), ("prompt token by token", True, {}), ("flash attention", False, {"flash_attn": True}),
                            ("32-bit keys and values", False, {"type_k": 0, "type_v": 0})]:
    m = Llama(sys.argv[1], n_ctx=512, n_threads=1, n_threads_batch=1, verbose=False, **options)
    same = []
    for text in texts:
        m.reset()
        for part in [[i] for i in text["IDs"]] if each else [text["IDs"]]:
            m.eval(part)
        n = 0
        for token in text["Tokens"]:
            if int(np.argmax(m._ctx.get_logits()[:m.n_vocab()])) != token:
                break
            n += 1
            m.eval([token])
        same.append(n)
    print(f"{name:24}", *(f"{n:3}" for n in same))
