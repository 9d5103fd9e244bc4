# Prints ops.json: operations of PyTorch, forward and gradients, on inputs that
# ops_golden_test.go makes by the same formula. Run with PyTorch 2.x:
#   python ops.py > ops.json
import json

import torch
import torch.nn.functional as F


def fill(k, shape, positive=False):
    n = 1
    for d in shape:
        n *= d
    v = ((torch.arange(n) * 37 + k * 11) % 101 - 50).float() / 32
    return (v.abs() + 0.5 if positive else v).reshape(shape)


i64 = torch.int64
P = lambda *shape: ("+", shape)  # a positive input
S = lambda *shape: ("", shape)
mask = torch.tensor([1.0, 0, 0, 1]).bool()
inf = float("inf")


def attend(q, k, v, heads, kv, **kw):  # [batch, time, width] in and out
    split = lambda x, h: x.reshape(*x.shape[:2], h, -1).transpose(1, 2)
    y = F.scaled_dot_product_attention(split(q, heads), split(k, kv), split(v, kv), enable_gqa=kv < heads, **kw)
    return y.transpose(1, 2).reshape(q.shape)


def distances(r, tq, tk):  # [heads, tq+tk-1] to [heads, tq, tk]
    return r[:, torch.arange(tk) - torch.arange(tq)[:, None] + tq - 1]


def rotary(x, width, heads, base, position, adjacent):  # by complex numbers
    n = width * heads
    pairs = x[..., :n].unflatten(-1, (heads, width // 2, 2) if adjacent else (heads, 2, width // 2))
    pairs = pairs if adjacent else pairs.transpose(-1, -2)
    angles = torch.outer(torch.arange(x.shape[-2]).double() + position, base ** (-torch.arange(0, width, 2).double() / width))
    z = torch.view_as_complex(pairs.double().contiguous()) * torch.polar(torch.ones_like(angles), angles)[:, None]
    pairs = torch.view_as_real(z).float()
    pairs = pairs if adjacent else pairs.transpose(-1, -2)
    return torch.cat([pairs.flatten(-3), x[..., n:]], -1)


cases = {
    "Add": (lambda a, b: a + b, S(2, 3), S(3)),
    "Sub": (lambda a, b: a - b, S(2, 1), S(2, 3)),
    "Mul": (lambda a, b: a * b, S(2, 1, 3), S(4, 1)),
    "Div": (lambda a, b: a / b, S(2, 3), P(2, 1)),
    "Maximum": (torch.maximum, S(3, 4), S(4)),
    "Minimum tie": (lambda a: torch.minimum(a, a.flip(0)), S(3, 4)),
    "Pow": (torch.pow, P(3, 4), S(4)),
    "PowScalar": (lambda a: a.pow(2.5), P(6)),
    "PowScalar negative": (lambda a: a.pow(-3), S(6)),
    "Where": (lambda a, b: torch.where(mask, a, b), S(3, 4), S(3, 1)),
    "MaskedFill": (lambda a: a.masked_fill(torch.ones(4, 4).triu(1).bool(), -2), S(2, 4, 4)),
    "Clamp": (lambda a: a.clamp(-0.5, 1), S(20)),
    "Abs": (torch.abs, S(9)), "Square": (torch.square, S(9)), "Neg": (torch.neg, S(9)),
    "Reciprocal": (torch.reciprocal, S(9)), "Sqrt": (torch.sqrt, P(9)), "Rsqrt": (torch.rsqrt, P(9)),
    "Exp": (torch.exp, S(9)), "Expm1": (torch.expm1, S(9)), "Log": (torch.log, P(9)), "Log1p": (torch.log1p, P(9)),
    "Sin": (torch.sin, S(9)), "Cos": (torch.cos, S(9)), "Erf": (torch.erf, S(9)),
    "Tanh": (torch.tanh, S(9)), "Sigmoid": (torch.sigmoid, S(9)), "ReLU": (F.relu, S(9)),
    "LeakyReLU": (lambda a: F.leaky_relu(a, 0.2), S(9)), "ELU": (lambda a: F.elu(a, 0.7), S(9)), "SELU": (F.selu, S(9)),
    "GELU": (F.gelu, S(9)), "GELUTanh": (lambda a: F.gelu(a, approximate="tanh"), S(9)), "SiLU": (F.silu, S(9)),
    "Mish": (F.mish, S(9)), "Softplus": (lambda a: F.softplus(a, beta=2), S(9)), "HardTanh": (F.hardtanh, S(9)),
    "ReLU6": (lambda a: F.relu6(a * 6), S(9)), "HardSigmoid": (lambda a: F.hardsigmoid(a * 4), S(9)),
    "HardSwish": (lambda a: F.hardswish(a * 4), S(9)), "Softsign": (F.softsign, S(9)), "LogSigmoid": (F.logsigmoid, S(9)),
    "Sum": (lambda a: a.sum((0, 2)), S(2, 3, 4)), "Sum all": (lambda a: a.sum(), S(2, 3)),
    "Mean": (lambda a: a.mean(1), S(2, 3, 4)),
    "Var": (lambda a: a.var((0, 2), correction=1), S(2, 3, 4)), "Var biased": (lambda a: a.var(-1, correction=0), S(2, 3, 4)),
    "Norm": (lambda a: a.norm(dim=1), S(2, 3, 4)),
    "Max": (lambda a: a.amax((0, 2)), S(2, 3, 4)), "Max ties": (lambda a: a.clamp(max=0.5).amax(-1), S(4, 6)),
    "Min": (lambda a: a.amin(1), S(2, 3, 4)),
    "LogSumExp": (lambda a: torch.logsumexp(a, (0, 2)), S(2, 3, 4)),
    "Softmax": (lambda a: a.softmax(-1), S(3, 5)), "Softmax axis": (lambda a: a.softmax(1), S(2, 4, 3)),
    "LogSoftmax": (lambda a: a.log_softmax(-1), S(3, 5)), "LogSoftmax axis": (lambda a: a.log_softmax(0), S(4, 3)),
    "MatMul": (torch.matmul, S(3, 1, 2, 4), S(2, 4, 3)),
    "Solve": (lambda a, b: torch.linalg.solve(a + 2 * torch.eye(3), b), S(3, 3), S(3, 2)), "Solve batch": (lambda a, b: torch.linalg.solve(a + 2 * torch.eye(3), b), S(2, 1, 3, 3), S(2, 3, 2)),
    "Cholesky": (lambda a: torch.linalg.cholesky(a @ a.mT + torch.eye(3)), S(2, 3, 4)),
    "QR q": (lambda a: torch.linalg.qr(a.square())[0], S(2, 4, 3)), "QR r": (lambda a: torch.linalg.qr(a.square())[1], S(2, 4, 3)),
    "QR wide": (lambda a: torch.linalg.qr(a)[0] @ torch.linalg.qr(a)[1].square(), S(2, 4)), "QR square": (lambda a: torch.linalg.qr(a.square())[0].square() @ torch.linalg.qr(a.square())[1], S(3, 3)),
    "Transpose": (lambda a: a.transpose(0, 2), S(2, 3, 4)), "Permute": (lambda a: a.permute(2, 0, 3, 1), S(2, 3, 2, 2)),
    "Slice": (lambda a: a[:, 1:-1], S(2, 5, 2)), "SliceStep": (lambda a: a[..., 1::2], S(2, 6)), "Select": (lambda a: a[:, -1], S(2, 3, 2)),
    "Flip": (lambda a: a.flip(0, 2), S(2, 3, 2)), "Expand": (lambda a: a.expand(2, -1, 4), S(3, 1)),
    "Concat": (lambda a, b: torch.cat([a, b, a], 1), S(2, 3), S(2, 1)), "Stack": (lambda a, b: torch.stack([a, b], -1), S(2, 3), S(2, 3)),
    "Split": (lambda a: torch.mul(*[p.sum(1) for p in a.split([1, 2], 1)]), S(2, 3)),
    "Pad": (lambda a: F.pad(a, (1, 0, 2, 1), value=2), S(2, 2, 3)),
    "IndexSelect": (lambda a: a.index_select(1, torch.tensor([2, 0, 2])), S(2, 3, 2)),
    "EmbedBag mean": (lambda a: F.embedding_bag(torch.tensor([2, 0, 2, 1, 0, 1]), a, torch.tensor([0, 4, 4]), mode="mean", padding_idx=1), S(3, 2)),
    "EmbedBag sum": (lambda a: F.embedding_bag(torch.tensor([[2, 0, 2], [1, 1, 0]]), a, mode="sum"), S(3, 2)),
    "Rows": (lambda a: F.embedding(torch.tensor([[2, 0], [2, 1]]), a), S(3, 2)),
    "Gather": (lambda a: a.gather(1, torch.tensor([[2, 0], [1, 1]])), S(2, 3)),
    "ScatterAdd": (lambda a, b: a.scatter_add(1, torch.tensor([[2, 0], [1, 1]]), b), S(2, 3), S(2, 2)),
    "ScatterSet": (lambda a, b: a.scatter(1, torch.tensor([[2, 0], [1, 0]]), b), S(2, 3), S(2, 2)),
    "ScatterMax": (lambda a, b: a.scatter_reduce(1, torch.tensor([[2, 0], [1, 0]]), b, "amax"), S(2, 3), S(2, 2)),
    "CumSum": (lambda a: a.cumsum(1), S(2, 4, 3)), "CumSum last": (lambda a: a.cumsum(-1), S(2, 5)),
    "CumProd": (lambda a: a.cumprod(0), S(4, 3)), "CumProd zeros": (lambda a: a.clamp(min=0).cumprod(1), S(4, 6)),
    "Prod": (lambda a: a.prod(1), S(2, 4, 2)), "Prod zeros": (lambda a: a.clamp(min=0).prod(0), S(3, 8)),
    "Sort": (lambda a: a.sort(1)[0], S(2, 5, 2)), "Sort descending": (lambda a: a.sort(-1, descending=True)[0], S(2, 7)),
    "TopK": (lambda a: a.topk(3, 0)[0], S(5, 4)),
    "Roll": (lambda a: a.roll(-4, 1), S(2, 3, 2)), "Tile": (lambda a: a.tile(2, 1, 3), S(2, 2, 2)),
    "PadWith reflect": (lambda a: F.pad(a, (3, 1, 1, 2), mode="reflect"), S(1, 2, 3, 4)),
    "PadWith replicate": (lambda a: F.pad(a, (3, 1, 0, 2), mode="replicate"), S(1, 2, 3, 4)),
    "PadWith circular": (lambda a: F.pad(a, (4, 1, 1, 3), mode="circular"), S(1, 2, 3, 4)),
    "Unfold": (lambda a: F.unfold(a, (2, 3), dilation=(2, 1), padding=(1, 0), stride=(1, 2)), S(2, 2, 4, 5)),
    "Fold": (lambda a: F.fold(a, (4, 5), (2, 3), padding=(1, 1), stride=(2, 2)), S(2, 12, 9)),
    "PixelShuffle": (lambda a: F.pixel_shuffle(a, 2), S(2, 8, 2, 3)), "PixelUnshuffle": (lambda a: F.pixel_unshuffle(a, 2), S(1, 2, 4, 6)),
    "Resize": (lambda a: F.interpolate(a, size=(5, 3), mode="bilinear"), S(2, 1, 3, 7)),
    "Resize cubic": (lambda a: F.interpolate(a, size=(7, 4), mode="bicubic"), S(2, 1, 3, 6)),
    "Resize antialias": (lambda a: F.interpolate(a, size=(3, 9), mode="bilinear", antialias=True), S(1, 2, 8, 5)),
    "Resize cubic antialias": (lambda a: F.interpolate(a, size=(3, 4), mode="bicubic", antialias=True), S(1, 2, 8, 11)),
    "Einsum matmul": (lambda a, b: torch.einsum("ij,jk->ki", a, b), S(2, 3), S(3, 4)),
    "Einsum heads": (lambda a, b: torch.einsum("bqhd,bkhd->bhqk", a, b), S(2, 3, 2, 4), S(2, 2, 2, 4)),
    "Einsum diagonal": (lambda a: torch.einsum("iji->ij", a), S(3, 2, 3)),
    "Einsum three": (lambda a, b, c: torch.einsum("ab,bc,dca->d", a, b, c), S(2, 3), S(3, 4), S(2, 4, 2)),
    "Einsum outer": (lambda a, b: torch.einsum("i,j", a, b), S(2), S(3)), "Einsum trace": (lambda a: torch.einsum("ii", a), S(3, 3)),
    "Tril": (lambda a: a.tril(0), S(2, 3, 4)), "Triu": (lambda a: a.triu(-1), S(4, 3)),
    "Conv2D": (lambda x, w, b: F.conv2d(x, w, b, stride=(2, 1), padding=(1, 2), dilation=(1, 2)), S(2, 2, 5, 4), S(3, 2, 3, 2), S(3)),
    "Conv2D groups": (lambda x, w: F.conv2d(x, w, groups=2), S(2, 4, 3, 3), S(4, 2, 2, 2)),
    "Conv2D depthwise": (lambda x, w, b: F.conv2d(x, w, b, padding=1, groups=3), S(1, 3, 4, 4), S(6, 1, 3, 3), S(6)),
    "Conv2D more": (lambda x, w, b: F.conv2d(F.pad(x, (1, 2, 0, 1)), w, b, stride=2), S(2, 2, 6, 5), S(3, 2, 3, 2), S(3)),
    "Conv2D depthwise more": (lambda x, w: F.conv2d(F.pad(x, (1, 2, 1, 2)), w, stride=2, groups=3), S(1, 3, 8, 6), S(3, 1, 5, 5)),
    "Conv1D": (lambda x, w, b: F.conv1d(x, w, b, stride=2, padding=1, dilation=2), S(2, 2, 7), S(3, 2, 3), S(3)),
    "ConvTranspose2D": (lambda x, w, b: F.conv_transpose2d(x, w, b, stride=(2, 3), padding=(1, 0), output_padding=(1, 2)), S(2, 2, 3, 2), S(2, 3, 3, 2), S(3)),
    "ConvTranspose1D": (lambda x, w, b: F.conv_transpose1d(x, w, b, stride=3, padding=1, output_padding=2, groups=2, dilation=2), S(2, 4, 5), S(4, 2, 3), S(4)),
    "ConvTranspose2D groups": (lambda x, w: F.conv_transpose2d(x, w, groups=2, dilation=2), S(1, 4, 2, 2), S(4, 1, 2, 2)),
    "MaxPool2D": (lambda x: F.max_pool2d(x, 3, stride=(2, 1), padding=1, ceil_mode=True), S(1, 2, 4, 4)),
    "MaxPool2D dilated": (lambda x: F.max_pool2d(x, 2, stride=1, dilation=2), S(1, 2, 4, 4)),
    "MaxPool1D": (lambda x: F.max_pool1d(x, 2), S(2, 2, 5)),
    "AvgPool2D": (lambda x: F.avg_pool2d(x, 3, stride=2, padding=1, ceil_mode=True), S(1, 2, 4, 5)),
    "AvgPool2D exclude": (lambda x: F.avg_pool2d(x, (3, 2), stride=(1, 2), padding=(1, 0), count_include_pad=False), S(1, 2, 4, 4)),
    "AvgPool1D": (lambda x: F.avg_pool1d(x, 2, stride=1), S(2, 2, 5)),
    "AdaptiveAvgPool2D": (lambda x: F.adaptive_avg_pool2d(x, (2, 3)), S(2, 2, 5, 4)),
    "MaxPool2DIndices": (lambda x: F.max_pool2d(x, 3, stride=2, padding=1, return_indices=True)[0], S(2, 2, 5, 4)),
    "AdaptiveMaxPool2D": (lambda x: F.adaptive_max_pool2d(x, (2, 3)), S(2, 2, 5, 4)),
    "MaxUnpool2D": (lambda x: F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2, output_size=(5, 4)), S(2, 2, 5, 4)),
    "UpsampleNearest": (lambda x: F.interpolate(x, size=(4, 5)), S(2, 1, 2, 3)),
    "UpsampleBilinear": (lambda x: F.interpolate(x, size=(4, 5), mode="bilinear", align_corners=False), S(2, 1, 2, 3)),
    "UpsampleBilinear corners": (lambda x: F.interpolate(x, size=(3, 5), mode="bilinear", align_corners=True), S(2, 1, 2, 3)),
    "LayerNorm": (lambda x, w, b: F.layer_norm(x, (2, 3), w, b), S(3, 2, 3), S(2, 3), S(2, 3)),
    "Rotary": (lambda x: rotary(x, 8, 2, 10000, 2, False), S(2, 3, 16)),
    "Rotary adjacent": (lambda x: rotary(x, 8, 2, 500, 0, True), S(2, 3, 19)),
    "RMSNorm": (lambda x, w: F.rms_norm(x, (5,), w, 1e-5), S(3, 5), S(5)),
    "GroupNorm": (lambda x, w, b: F.group_norm(x, 2, w, b), S(2, 4, 3), S(4), S(4)),
    "InstanceNorm": (lambda x: F.instance_norm(x), S(2, 3, 2, 2)),
    "BatchNorm": (lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), S(4, 3, 2, 2), S(3), S(3)),
    "BatchNorm rows": (lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), S(5, 3), S(3), S(3)),
    "BatchNorm evaluation": (lambda x, w, b: F.batch_norm(x, torch.full((3,), 0.25), torch.full((3,), 2.0), w, b), S(4, 3, 2), S(3), S(3)),
    "Attention mask": (lambda q, k, v, b: attend(q, k, v, 2, 2, attn_mask=b + torch.tensor([0, 0, -inf, 0, 0])), S(2, 3, 4), S(2, 5, 4), S(2, 5, 4), S(3, 5)),
    "Attention mask of heads": (lambda q, k, v, b: attend(q, k, v, 2, 2, attn_mask=b), S(2, 3, 4), S(2, 5, 4), S(2, 5, 4), S(2, 2, 3, 5)),
    "Attention grouped": (lambda q, k, v: attend(q, k, v, 4, 2, is_causal=True), S(2, 5, 8), S(2, 5, 4), S(2, 5, 4)),
    "Attention relative": (lambda q, k, v, r: attend(q, k, v, 4, 1, attn_mask=distances(r, 3, 5)), S(1, 3, 8), S(1, 5, 2), S(1, 5, 2), S(4, 7)),
    "LocalResponseNorm": (lambda x: F.local_response_norm(x, 3, 0.5, 0.75, 2), S(2, 5, 2)),
    "LocalResponseNorm even": (lambda x: F.local_response_norm(x, 4, 0.5, 0.5, 1), S(1, 6, 1, 2)),
}

out = {}
for name, (f, *inputs) in cases.items():
    xs = [fill(k, shape, sign == "+").requires_grad_() for k, (sign, shape) in enumerate(inputs)]
    y = f(*xs)
    (y * fill(99, y.shape)).sum().backward()
    r = lambda t: [float(f"{v:.7g}") for v in t.detach().reshape(-1).tolist()]
    out[name] = {"In": [list(s) for _, s in inputs], "Positive": [sign == "+" for sign, _ in inputs],
                 "Dims": list(y.shape), "Y": r(y), "Grads": [r(x.grad) for x in xs]}
print("{\n" + ",\n".join(json.dumps(k) + ": " + json.dumps(v, separators=(",", ":")) for k, v in out.items()) + "\n}")
