"""The first group's networks under the names of our weights."""
from torch_common import *


class Rows(nn.Module):
    """An LSTM that reads an image row by row."""
    def __init__(self):
        super().__init__()
        self.lstm, self.head = nn.LSTM(28, 128, batch_first=True), nn.Linear(128, 10)

    def forward(self, x):
        return self.head(self.lstm(x.view(-1, 28, 28))[0][:, -1])


class ToRows(nn.Module):
    def forward(self, x):
        return x.view(-1, 28, 28)


class Positions(nn.Module):
    def __init__(self, time, width):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(time, width))

    def forward(self, x):
        return x + self.weight


class Average(nn.Module):
    def forward(self, x):
        return x.mean(1)


def transformer():
    encoder = Encoder(128, 2, 4)
    encoder.norm = nn.Identity()
    return nn.Sequential(ToRows(), nn.Linear(28, 128), Positions(28, 128), encoder, Average(), nn.Linear(128, 10))


MODELS = {
    "infer-mlp": lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10)),
    "infer-cnn": lambda: nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
                                       nn.Flatten(), nn.Linear(1600, 128), nn.ReLU(), nn.Linear(128, 10)),
    "infer-lstm": Rows,
    "infer-transformer": transformer,
}


def trained():
    """The network with our weights, and images of each batch size."""
    model, batches = load(MODELS[args.task.replace("int8-", "infer-")]())
    x = batches[0]["x"]
    return model.eval(), [x[:n].contiguous() for n in ((1, 2) if args.quick == "true" else (1, 128))]


class Written(nn.Module):
    """A causal transformer that reads one token after the other and remembers keys and values."""
    def __init__(self, width=256, layers=4, heads=4, context=128, characters=96):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(characters, width), nn.Embedding(context, width)
        self.encoder, self.head, self.heads = Encoder(width, layers, heads), nn.Linear(width, characters), heads
        self.cache = [torch.empty(2, heads, context, width // heads) for _ in range(layers)]

    def forward(self, text):
        for i in range(len(text)):
            x = self.tokens.weight[text[i]] + self.positions.weight[i]
            for l, cache in zip(self.encoder.layers, self.cache):
                q, k, v = F.linear(l.norm1(x), l.self_attn.in_proj_weight, l.self_attn.in_proj_bias).view(3, self.heads, -1)
                cache[0, :, i], cache[1, :, i] = k, v
                y = F.scaled_dot_product_attention(q[None, :, None], cache[None, 0, :, :i + 1], cache[None, 1, :, :i + 1])
                x = x + l.self_attn.out_proj(y.flatten())
                x = x + l.linear2(F.gelu(l.linear1(l.norm2(x))))
            logits = self.head(self.encoder.norm(x))
        return logits


def figures(y):
    """Of logits: the mean absolute and the mean squared one."""
    return [float(np.abs(y).mean()), float((y ** 2).mean())]


def seconds(f):
    """The best time of twenty calls."""
    best = 1e9
    for _ in range(20):
        t = clock()
        f()
        best = min(best, clock() - t)
    return best


def report(name, predict, x, classes=None, suffix=""):
    """The time of one image, or the rate of many, and figures of the logits or, of
    bytes, the share of the images with the classes of float32."""
    y = np.asarray(predict())
    n = len(x)
    best = min(blocks(lambda _: predict()))
    first_step()
    value, unit = (best * 1e6, "µs") if n == 1 else (n / best, "samples/s")
    more = {"losses": figures(y)} if classes is None else {"accuracy": float((y.argmax(1) == classes).mean())}
    result(name, value, unit, size=f"batch {n}{suffix}", **more)
