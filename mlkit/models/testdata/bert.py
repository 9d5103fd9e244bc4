# Writes bert.json: a small BertModel of transformers 5.24 with weights by the
# formula of the test, its vectors and some gradients; and, given the folder of
# all-MiniLM-L6-v2 and files of text, minilm.json.gz: sentences and the vectors
# that sentence-transformers 6.2 gives them, in half precision.
#   python bert.py [FOLDER TEXT...]
import base64
import gzip
import json
import math
import sys

import numpy as np
import torch
from transformers import BertConfig, BertModel

c = BertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12, max_position_embeddings=10,
               attn_implementation="eager")
m = BertModel(c).eval()
with torch.no_grad():
    for k, (name, p) in enumerate(sorted(m.named_parameters())):
        i = torch.arange(p.numel())
        v = ((i * 37 + k * 11) % 101 * 37 % 101 - 50).double() / 32
        p.copy_((1 + v / 8 if name.endswith("LayerNorm.weight") else v / 4).reshape(p.shape))
ids = torch.tensor([[2, 7, 9, 11, 3], [2, 29, 3, 0, 0]])
lengths, segments = [5, 3], torch.tensor([[0, 0, 0, 1, 1], [0, 0, 1, 0, 0]])
mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
out = []
for seg in (None, segments):
    m.zero_grad()
    y = m(input_ids=ids, attention_mask=mask, token_type_ids=seg)
    x = y.last_hidden_state
    keep = mask[:, :, None].float()
    w = torch.cos(torch.arange(x.numel()).double()).float().reshape(x.shape)
    (x * w * keep).sum().backward()
    r = lambda t: [float(f"{v:.7g}") for v in t.detach().reshape(-1).tolist()]
    grads = {n: r(p.grad) for n, p in m.named_parameters() if n in ("embeddings.word_embeddings.weight", "encoder.layer.0.attention.self.query.weight", "encoder.layer.1.output.LayerNorm.bias")}
    out.append({"Segments": seg.reshape(-1).tolist() if seg is not None else None, "Vectors": r(x * keep), "Pooled": r(y.pooler_output), "Grads": grads})
json.dump({"IDs": ids.reshape(-1).tolist(), "Lengths": lengths, "Cases": out}, open("bert.json", "w"), separators=(",", ":"))

if len(sys.argv) > 1:
    from sentence_transformers import SentenceTransformer

    s = SentenceTransformer(sys.argv[1], device="cpu")
    texts = []
    for f in sys.argv[2:]:
        lines = [l.strip() for l in open(f, encoding="utf-8") if l.strip()]
        texts += lines[:60]
    texts += ["", " ", "!", "naïve café — ÉTÉ", "中文 句子", "Ω≈ç√∫˜µ≤", "word " * 300, "antidisestablishmentarianism " * 40, "x" * 101, "😀 smile"]
    v = s.encode(texts, batch_size=16).astype(np.float16)
    ids = [s[0].tokenizer(t, truncation=True, max_length=256)["input_ids"] for t in texts]
    g = {"Sentences": texts, "IDs": ids, "Vectors": base64.b64encode(v.tobytes()).decode()}
    open("minilm.json.gz", "wb").write(gzip.compress(json.dumps(g, separators=(",", ":")).encode(), mtime=0))
