# Prints sequence.golden: python sequence.py > sequence.golden (PyTorch 2, CPU).
# Parameter k of a state_dict holds 0.4·sin(1.3·i + 0.7·k + 0.5), input j
# sin(0.9·i + 2·j); the loss weighs output j's element i with cos(7·j + 3·i + 1).
import math

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


def show(kind, name, t):
    print(kind, name, *t.shape, ":", *("%.7g" % v for v in t.detach().flatten().tolist()))


def case(name, module, inputs, run):
    print("case", name)
    state = module.state_dict() if module else {}
    if module:
        module.zero_grad()
    with torch.no_grad():
        for k, (n, p) in enumerate(state.items()):
            i = torch.arange(p.numel(), dtype=torch.float64)
            p.copy_((0.4 * torch.sin(1.3 * i + 0.7 * k + 0.5)).reshape(p.shape).float())
            print("state", n, *p.shape)
    xs = []
    for j, shape in enumerate(inputs):
        n = torch.Size(shape).numel()
        x = torch.sin(0.9 * torch.arange(n, dtype=torch.float64) + 2 * j).float().reshape(shape)
        xs.append(x.requires_grad_())
    outs = run(*xs)
    loss = 0
    for j, y in enumerate(outs):
        i = torch.arange(y.numel(), dtype=torch.float64)
        loss = loss + (y * torch.cos(7 * j + 3 * i + 1).float().reshape(y.shape)).sum()
        show("out", j, y)
    loss.backward()
    for j, x in enumerate(xs):
        show("input", j, x.grad)
    for n, p in (module.named_parameters() if module else []):
        show("grad", n, p.grad)


lengths = torch.tensor([3, 1, 4])


def packed(module, flat):
    def run(x, *h):
        p = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        out, state = module(p, tuple(h) if flat else h[0])
        out, _ = pad_packed_sequence(out, batch_first=True, total_length=x.shape[1])
        return (out, *state) if flat else (out, state)
    return run


def full(module):
    def run(x):
        out, state = module(x)
        return (out, *state) if isinstance(state, tuple) else (out, state)
    return run


r = dict(batch_first=True, num_layers=2, bidirectional=True)
m = nn.LSTM(2, 3, **r)
case("lstm", m, [(3, 4, 2), (4, 3, 3), (4, 3, 3)], packed(m, True))
m = nn.GRU(2, 3, **r)
case("gru", m, [(3, 4, 2), (4, 3, 3)], packed(m, False))
m = nn.RNN(2, 3, **r)
case("rnn", m, [(3, 4, 2), (4, 3, 3)], packed(m, False))
m = nn.RNN(2, 3, nonlinearity="relu", batch_first=True, bias=False)
case("rnn relu", m, [(3, 4, 2)], full(m))
m = nn.LSTM(2, 3, batch_first=True)
case("lstm plain", m, [(3, 4, 2)], full(m))

m = nn.MultiheadAttention(4, 2, batch_first=True)


def attend(*args, module=m, **kw):  # the weights are for drawing: no gradient through them
    y, w = module(*args, average_attn_weights=False, **kw)
    return y, w.detach()


padding = torch.tensor([[False, False, True, False, False], [False, False, False, False, True]])
causal = torch.triu(torch.ones(5, 5, dtype=torch.bool), 1)
case("attention", m, [(2, 5, 4)], lambda x: attend(x, x, x, key_padding_mask=padding, attn_mask=causal))
case("cross attention", m, [(2, 3, 4), (2, 5, 4)], lambda q, k: attend(q, k, k, key_padding_mask=padding))
case("attention of three", m, [(2, 3, 4), (2, 5, 4), (2, 5, 4)], lambda q, k, v: attend(q, k, v))
case("attention bias", m, [(2, 5, 4), (2, 2, 5, 5)], lambda x, b: attend(x, x, x, attn_mask=b.reshape(4, 5, 5)))
other = nn.MultiheadAttention(4, 2, kdim=3, vdim=5, batch_first=True)
case("attention of other widths", other, [(2, 3, 4), (2, 5, 3), (2, 5, 5)], lambda q, k, v: attend(q, k, v, module=other, key_padding_mask=padding))


def slopes(n):  # https://github.com/ofirpress/attention_with_linear_biases, fairseq/models/transformer.py
    def power_of_2(n):
        start = 2 ** (-(2 ** -(math.log2(n) - 3)))
        return [start * start**i for i in range(n)]

    if math.log2(n).is_integer():
        return power_of_2(n)
    closest = 2 ** math.floor(math.log2(n))
    return power_of_2(closest) + slopes(2 * closest)[0::2][:n - closest]


case("alibi", None, [(6, 7)], lambda x: (x - torch.tensor(slopes(6))[:, None] * torch.arange(-4, 3).abs(),))


class RelativePositions(nn.Module):  # T5's, mesh_tensorflow/transformer/transformer_layers.py
    def __init__(self, bidirectional):
        super().__init__()
        self.weight, self.bidirectional = nn.Parameter(torch.zeros(32, 2)), bidirectional

    def forward(self, distance, buckets=32, most=128):
        ret, n = 0, -distance
        if self.bidirectional:
            buckets //= 2
            ret, n = (n < 0).long() * buckets, n.abs()
        else:
            n = n.clamp(min=0)
        exact = buckets // 2
        large = exact + (torch.log(n.float() / exact) / math.log(most / exact) * (buckets - exact)).long()
        return self.weight[ret + torch.where(n < exact, n, large.clamp(max=buckets - 1))].T


for name, positions, distances in (("", RelativePositions(True), range(-139, 140)), (" causal", RelativePositions(False), range(-139, 3))):
    case("relative positions" + name, positions, [], lambda: (positions(torch.tensor(distances)),))

for pre in (False, True):
    kind = "pre-norm" if pre else "post-norm"
    c = dict(dropout=0.0, batch_first=True, norm_first=pre, activation="gelu" if pre else "relu")
    e = nn.TransformerEncoderLayer(4, 2, 6, **c)
    case("encoder layer " + kind, e, [(2, 5, 4)], lambda x: (e(x, src_mask=causal, src_key_padding_mask=padding),))
    d = nn.TransformerDecoderLayer(4, 2, 6, **c)
    case("decoder layer " + kind, d, [(2, 3, 4), (2, 5, 4)],
         lambda x, mem: (d(x, mem, tgt_mask=causal[:3, :3], memory_key_padding_mask=padding),))
    if pre:
        case("encoder layer bias", e, [(2, 5, 4), (5, 5)], lambda x, b: (e(x, src_mask=b),))
c = dict(dropout=0.0, batch_first=True, norm_first=True)
e = nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 6, **c), 2, nn.LayerNorm(4), enable_nested_tensor=False)
case("encoder", e, [(2, 5, 4)], lambda x: (e(x),))
d = nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, 6, **c), 2, nn.LayerNorm(4))
case("decoder", d, [(2, 3, 4), (2, 5, 4)], lambda x, mem: (d(x, mem),))

emb = nn.Embedding(5, 3, padding_idx=1)
case("embedding", emb, [], lambda: (emb(torch.tensor([[0, 1, 4], [4, 1, 2]])),))

labels = torch.tensor([[1, 1, 2], [3, 2, 0], [0, 0, 0]])
for reduction in ("none", "mean"):
    case("ctc " + reduction, None, [(3, 6, 4)], lambda x: (
        nn.functional.ctc_loss(x.log_softmax(-1).transpose(0, 1), labels, torch.tensor([6, 4, 5]),
                               torch.tensor([3, 2, 0]), blank=0, reduction=reduction).reshape(-1),))
# The first row cannot spell 1 1 in 2 steps.
case("ctc impossible", None, [(2, 3, 4)], lambda x: (
    nn.functional.ctc_loss(x.log_softmax(-1).transpose(0, 1), torch.tensor([[1, 1], [2, 0]]), torch.tensor([2, 3]),
                           torch.tensor([2, 2]), blank=3, reduction="none", zero_infinity=True),))
