"""The workloads in PyTorch, each as its users write it for speed on a CPU:
fused optimizers, sparse gradients where they fit, scaled_dot_product_attention,
and the layout of images that is faster here. Weights and batches are ours."""
from torch_common import *


class GPT(nn.Module):
    def __init__(self, width, layers, heads, context, characters=96):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(characters, width), nn.Embedding(context, width)
        self.encoder, self.head = Encoder(width, layers, heads), nn.Linear(width, characters)

    def forward(self, ids):
        return self.head(self.encoder(self.tokens(ids) + self.positions.weight, causal=True))


class WordLSTM(nn.Module):
    def __init__(self, words=10_000, width=256):
        super().__init__()
        self.words, self.lstm = nn.Embedding(words, width), nn.LSTM(width, width, 2, batch_first=True)
        self.bias = nn.Parameter(torch.zeros(words))

    def forward(self, ids):
        return F.linear(self.lstm(self.words(ids))[0], self.words.weight, self.bias)


class Bag(nn.Module):
    def __init__(self, sparse):
        super().__init__()
        self.words, self.out = nn.EmbeddingBag(50_000, 64, mode="mean", sparse=sparse), nn.Linear(64, 2)

    def forward(self, ids):
        return self.out(self.words(ids))


class Frames(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru, self.head = nn.GRU(40, 256, batch_first=True, bidirectional=True), nn.Linear(512, 12)

    def forward(self, x):
        return self.head(self.gru(x)[0].mean(1))


class Residual(nn.Module):
    def __init__(self, body, shortcut):
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x):
        return self.body(x) + (self.shortcut(x) if self.shortcut else x)


def normed(*conv, **more):
    return [nn.Conv2d(*conv, bias=False, **more), nn.BatchNorm2d(conv[1])]


def normed_relu(*conv, **more):
    return [*normed(*conv, **more), nn.ReLU(inplace=True)]


def resnet20():
    layers, width = normed_relu(3, 16, 3, padding=1), 16
    for stage, out in enumerate((16, 32, 64)):
        for block in range(3):
            down = stage > 0 and block == 0
            body = normed_relu(width, out, 3, stride=2 if down else 1, padding=1) + normed(out, out, 3, padding=1)
            layers += [Residual(nn.Sequential(*body), nn.Sequential(*normed(width, out, 1, stride=2)) if down else None), nn.ReLU(inplace=True)]
            width = out
    return nn.Sequential(*layers, Mean(), nn.Linear(64, 10))


def separable():
    layers, width = normed_relu(3, 32, 3, stride=2, padding=1), 32
    for out, stride in ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1)):
        layers += normed_relu(width, width, 3, stride=stride, padding=1, groups=width) + normed_relu(width, out, 1)
        width = out
    return nn.Sequential(*layers, Mean(), nn.Linear(width, 10))


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        block = lambda n, out: nn.Sequential(*normed_relu(n, out, 3, padding=1), *normed_relu(out, out, 3, padding=1))
        self.down, self.bottom = nn.ModuleList([block(1, 16), block(16, 32), block(32, 64)]), block(64, 128)
        self.up, self.out = nn.ModuleList([block(192, 64), block(96, 32), block(48, 16)]), nn.Conv2d(16, 1, 1)

    def forward(self, x):
        skips = []
        for l in self.down:
            x = l(x)
            skips.append(x)
            x = F.max_pool2d(x, 2)
        x = self.bottom(x)
        for l in self.up:
            x = l(torch.cat([skips.pop(), F.interpolate(x, scale_factor=2)], 1))
        return self.out(x)


class ViT(nn.Module):
    def __init__(self, width=192):
        super().__init__()
        self.patches, self.positions = nn.Conv2d(3, width, 4, stride=4), nn.Embedding(64, width)
        self.encoder, self.head = Encoder(width, 4, 3), nn.Linear(width, 10)

    def forward(self, x):
        return self.head(self.encoder(self.patches(x).flatten(2).transpose(1, 2) + self.positions.weight).mean(1))


class VAE(nn.Module):
    def __init__(self, pixels=784, hidden=400, code=20):
        super().__init__()
        self.encode, self.mean, self.log_var = nn.Linear(pixels, hidden), nn.Linear(hidden, code), nn.Linear(hidden, code)
        self.decode, self.out = nn.Linear(code, hidden), nn.Linear(hidden, pixels)

    def forward(self, x, noise):
        h = F.relu(self.encode(x))
        mean, log_var = self.mean(h), self.log_var(h)
        return self.out(F.relu(self.decode(torch.addcmul(mean, noise, (log_var * 0.5).exp())))), mean, log_var


class Speller(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.lstm = nn.Conv1d(80, 256, 5, stride=2, padding=2), nn.LSTM(256, 256, batch_first=True, bidirectional=True)
        self.head = nn.Linear(512, 40)

    def forward(self, x):
        return self.head(self.lstm(F.relu(self.conv(x)).transpose(1, 2))[0])


class Factors(nn.Module):
    def __init__(self):
        super().__init__()
        self.factors = nn.Embedding(100_000, 64, sparse=True)

    def forward(self, ids):
        pairs = self.factors(ids)
        return (pairs[:, 0] * pairs[:, 1]).sum(1)


class Translator(nn.Module):
    def __init__(self, words=8000, width=256, time=32):
        super().__init__()
        more = dict(dropout=0.0, activation="gelu", batch_first=True, norm_first=True)
        self.words, self.positions = nn.Embedding(words, width), nn.Embedding(time, width)
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(width, 4, 4 * width, **more), 2, nn.LayerNorm(width), enable_nested_tensor=False)
        self.decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(width, 4, 4 * width, **more), 2, nn.LayerNorm(width))
        self.head = nn.Linear(width, words)
        self.causal = nn.Transformer.generate_square_subsequent_mask(time)

    def forward(self, source, lengths, target):
        embed = lambda ids: self.words(ids) + self.positions.weight
        padding = torch.arange(source.shape[1]) >= lengths[:, None]
        padding = torch.zeros(padding.shape).masked_fill_(padding, -torch.inf)
        memory = self.encoder(embed(source), src_key_padding_mask=padding)
        return self.head(self.decoder(embed(target), memory, tgt_mask=self.causal, tgt_is_causal=True, memory_key_padding_mask=padding))


def mlp_normed():
    layers, width = [], 256
    for _ in range(3):
        layers += [nn.Linear(width, 512), nn.LayerNorm(512), nn.GELU(), nn.Dropout(0)]
        width = 512
    return nn.Sequential(*layers, nn.Linear(width, 10))


def audio():
    layers = [nn.Conv1d(1, 64, 16, stride=4, padding=6), nn.ReLU(inplace=True)]
    for d in (1, 2, 4, 8, 16, 32):
        layers.append(Residual(nn.Sequential(nn.Conv1d(64, 64, 3, dilation=d, padding=d, bias=False), nn.BatchNorm1d(64), nn.ReLU(inplace=True)), None))
    return nn.Sequential(*layers, Mean(), nn.Linear(64, 35))


def numbers(model, b):
    return F.mse_loss(model(b["x"]), b["y"])


def pixels(model, b):
    return F.binary_cross_entropy_with_logits(model(b["x"]), b["y"])


def pairs(model, b):
    return F.binary_cross_entropy_with_logits(model(b["ids"]), b["y"])


def evidence(model, b):
    image, mean, log_var = model(b["x"], b["y"])
    divergence = -0.5 * (1 + log_var - mean ** 2 - log_var.exp()).sum(1).mean()
    return F.binary_cross_entropy_with_logits(image, b["x"]) * b["x"].shape[1] + divergence


def spelled(model, b):
    p = model(b["x"]).log_softmax(2).transpose(0, 1)
    n = p.shape[1]
    return F.ctc_loss(p, b["labels"], torch.full((n,), p.shape[0]), torch.full((n,), b["labels"].shape[1]))


def translated(model, b):
    target = torch.cat([torch.ones_like(b["labels"][:, :1]), b["labels"][:, :-1]], 1)
    return F.cross_entropy(model(b["ids"], b["lengths"], target).flatten(0, 1), b["labels"].flatten())


def classes(model, b):
    return F.cross_entropy(model(b["x"]), b["labels"])


def tokens(model, b):
    return F.cross_entropy(model(b["ids"]).flatten(0, -2), b["labels"].flatten())


def adam(p, lr=1e-3):
    return torch.optim.Adam(p, lr, fused=True)


def adamw(p, lr=3e-4):
    return torch.optim.AdamW(p, lr, fused=True)


def momentum(lr, penalty=0.0):
    return lambda p: torch.optim.SGD(p, lr, momentum=0.9, weight_decay=penalty, fused=True)


def clipped(make):
    """make's optimizer on gradients of a norm of 1 at most."""
    def build(p):
        p = list(p)
        optimizer = make(p)

        def clip(*_):
            torch.nn.utils.clip_grad_norm_(p, 1.0, foreach=True)
        optimizer.register_step_pre_hook(clip)
        return optimizer
    return build


TASKS = {
    "mlp-tabular": (lambda: nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1)), numbers, adam),
    "mlp-normed": (mlp_normed, classes, lambda p: adamw(p, 1e-3)),
    "vae": (VAE, evidence, adam),
    "mlp-wide": (lambda: nn.Sequential(nn.Linear(1024, 2048), nn.ReLU(), nn.Linear(2048, 2048), nn.ReLU(), nn.Linear(2048, 1000)), classes, momentum(0.01)),
    "gpt-256": (lambda: GPT(256, 4, 4, 128), tokens, adamw),
    "gpt-384": (lambda: GPT(384, 6, 6, 256), tokens, adamw),
    "lm-lstm": (WordLSTM, tokens, clipped(adam)),
    "bag-adam": (lambda: Bag(False), tokens, adam),
    "bag-sgd": (lambda: Bag(True), tokens, lambda p: torch.optim.SGD(p, 0.5)),
    "recommender": (Factors, pairs, lambda p: torch.optim.Adagrad(p, 0.05)),
    "translator": (Translator, translated, adamw),
    "speller": (Speller, spelled, adam),
    "audio": (audio, classes, adam),
    "gru": (Frames, classes, adam),
    "resnet20": (resnet20, classes, momentum(0.1, 1e-4)),
    "separable": (separable, classes, adam),
    "unet": (UNet, pixels, adam),
    "vit": (ViT, classes, adamw),
}


model, batches = load(TASKS[args.task][0]())
model, batches = faster_layout(model.train(), batches, TASKS[args.task][1])
train(model, batches, *TASKS[args.task][1:])
