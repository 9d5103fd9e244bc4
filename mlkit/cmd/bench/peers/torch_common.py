"""What the PyTorch programs share: layers under our names, our weights and
batches, and the loop."""
from common import *
import copy
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(args.threads)
NAME = "PyTorch " + torch.__version__.split("+")[0]


class Encoder(nn.Module):
    def __init__(self, width, layers, heads):
        super().__init__()
        self.layers, self.norm = nn.ModuleList(Block(width, heads) for _ in range(layers)), nn.LayerNorm(width)

    def forward(self, x, causal=False):
        for l in self.layers:
            x = l(x, causal)
        return self.norm(x)


class Block(nn.Module):
    """A pre-norm layer with the names of TransformerEncoderLayer."""
    def __init__(self, width, heads):
        super().__init__()
        self.self_attn, self.norm1, self.norm2 = Attention(width, heads), nn.LayerNorm(width), nn.LayerNorm(width)
        self.linear1, self.linear2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x, causal):
        x = x + self.self_attn(self.norm1(x), causal)
        return x + self.linear2(F.gelu(self.linear1(self.norm2(x))))


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.in_proj_weight, self.in_proj_bias = nn.Parameter(torch.empty(3 * width, width)), nn.Parameter(torch.empty(3 * width))
        self.out_proj = nn.Linear(width, width)

    def forward(self, x, causal):
        n, time, width = x.shape
        q, k, v = F.linear(x, self.in_proj_weight, self.in_proj_bias).view(n, time, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        return self.out_proj(F.scaled_dot_product_attention(q, k, v, is_causal=causal).transpose(1, 2).reshape(n, time, width))


class Mean(nn.Module):
    def forward(self, x):
        return x.flatten(2).mean(2) if x.dim() == 3 else x.mean((2, 3))


def load(model):
    """The model with our weights, and our batches."""
    missing, unexpected = model.load_state_dict(load_file(args.data + "/weights.safetensors"), strict=False)
    missing = [m for m in missing if not m.endswith("num_batches_tracked")]
    if missing or unexpected:
        raise SystemExit(f"the model is another: it lacks {unexpected}, we lack {missing}")
    stacked = {k: v.long() if v.dtype == torch.int32 else v for k, v in load_file(args.data + "/batches.safetensors").items()}
    count = len(next(iter(stacked.values())))
    return model, [{k: v[i] for k, v in stacked.items()} for i in range(count)]


def channels_last(model, batches):
    return model.to(memory_format=torch.channels_last), [
        {k: v.contiguous(memory_format=torch.channels_last) if v.dim() == 4 else v for k, v in b.items()} for b in batches]


def faster_layout(model, batches, loss):
    """Images as [n, c, h, w] or with the channels last in memory, whichever trains faster."""
    if batches[0].get("x", torch.empty(0)).dim() != 4 or args.quick == "true":
        return model, batches

    def seconds(model, batches):
        best = 1e9
        for _ in range(4):
            t = clock()
            loss(model, batches[0]).backward()
            best = min(best, clock() - t)
        return best
    plain, last = (copy.deepcopy(model), batches), channels_last(copy.deepcopy(model), batches)
    return channels_last(model, batches) if seconds(*last) < seconds(*plain) else (model, batches)


def train(model, batches, loss, make, unit="samples/s", work=None, **more):
    """Reports the losses of the first steps and the best rate of work a step
    (the samples of a batch, unless given)."""
    optimizer = make(model.parameters())

    def step(i):
        l = loss(model, batches[i % len(batches)])
        l.backward()
        optimizer.step()
        optimizer.zero_grad()
        first_step()
        return l.item()
    losses = [step(i) for i in range(COMPARED)]
    per_step = blocks(lambda i: step(i + COMPARED))
    result(NAME, (work or len(next(iter(batches[0].values())))) / min(per_step), unit, per_step, losses=losses, **more)
