"""The models of the book's section 6 in PyTorch, as the notebooks train them:
the same layers, starts, optimizers, schedules, batches and epochs."""
from common import *
import copy, math
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

torch.set_num_threads(args.threads)
torch.manual_seed(args.seed)
NAME = "PyTorch " + torch.__version__.split("+")[0]


def over_time(x, lengths):
    """The mean of x [n, time, width] over each one's length; beyond it are zeros."""
    return x.sum(1) / lengths[:, None]


def run(rnn, x, lengths):
    out, _ = rnn(pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))
    return pad_packed_sequence(out, batch_first=True)[0]


def embedding(words):
    e = nn.Embedding(words, 64, padding_idx=0)
    e.weight.data *= 0.1
    return e


class Speakers(nn.Module):
    def __init__(self, words):
        super().__init__()
        self.gru = nn.GRU(12, 128, batch_first=True, bidirectional=True)
        self.head, self.dropout = nn.Linear(256, 9), nn.Dropout(0.5)

    def forward(self, x, lengths):
        return self.head(self.dropout(over_time(run(self.gru, x, lengths), lengths)))


class LSTM(nn.Module):
    def __init__(self, words):
        super().__init__()
        self.words, self.lstm = embedding(words), nn.LSTM(64, 64, batch_first=True, bidirectional=True)
        self.out, self.dropout = nn.Linear(128, 1), nn.Dropout(0.5)

    def forward(self, x, lengths):
        h = run(self.lstm, self.dropout(self.words(x.long())), lengths)
        return self.out(self.dropout(over_time(h, lengths)))[:, 0]


class Transformer(nn.Module):
    def __init__(self, words):
        super().__init__()
        self.words = embedding(words)
        layer = nn.TransformerEncoderLayer(64, 4, 128, dropout=0.3, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, norm=nn.LayerNorm(64), enable_nested_tensor=False)
        self.out, self.dropout = nn.Linear(64, 1), nn.Dropout(0.5)
        at = torch.arange(400)[:, None] / 10000 ** (torch.arange(0, 64, 2) / 64)
        self.positions = torch.stack([at.sin(), at.cos()], 2).reshape(400, 64)

    def forward(self, x, lengths):
        x = (self.words(x.long()) * 10 + self.positions[:x.shape[1]]) * 0.1
        hidden = torch.arange(x.shape[1]) >= lengths[:, None]
        y = self.encoder(self.dropout(x), src_key_padding_mask=hidden)
        return self.out(self.dropout(over_time(y * ~hidden[:, :, None], lengths)))[:, 0]


class Digits(nn.Sequential):
    def __init__(self, words):
        super().__init__(nn.Conv2d(1, 16, 5, padding=2, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Conv2d(16, 32, 5, padding=2, bias=False), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Flatten(), nn.Linear(32 * 7 * 7, 128), nn.ReLU(), nn.Dropout(0.4), nn.Linear(128, 10))

    def forward(self, x, lengths):
        return super().forward(x.float()[:, None] / 255)


def part(name):
    """x, lengths and labels of a part, None if there is none."""
    if not args.data:
        x, y = mnist(name == "train")
        return (torch.from_numpy(x.copy()), torch.full([len(x)], 28), torch.from_numpy(y.astype(np.int64))) if name != "tune" else None
    f = np.load(args.data)
    if name + "_x" not in f:
        return None
    return torch.from_numpy(f[name + "_x"]), torch.from_numpy(f[name + "_lengths"].astype(np.int64)), torch.from_numpy(f[name + "_y"].astype(np.int64))


def accuracy(x, lengths, y):
    model.eval()
    with torch.no_grad():
        p = torch.cat([model(x[i][:, :lengths[i].max()], lengths[i]) for i in torch.arange(len(x)).split(250)])
    return ((p > 0) == (y > 0) if binary else p.argmax(1) == y).float().mean().item()


x, lengths, y = part("train")
tune, test = part("tune"), part("test")
words = int(np.load(args.data)["vocabulary"][0]) if args.data else 0
model = {"digits": Digits, "speakers": Speakers, "reviews-lstm": LSTM, "reviews-transformer": Transformer}[args.task](words)
batch = {"digits": 100, "speakers": 16}.get(args.task, 64)
binary, noise = args.task.startswith("reviews"), 0.5 if args.task == "speakers" else 0
steps = args.epochs * math.ceil(len(x) / batch)
rate = None
if args.task == "digits":
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, steps, pct_start=0.3, div_factor=25, final_div_factor=1e4, cycle_momentum=False)
elif args.task == "speakers":
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    rate = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: (s + 1) / 20 if s < 20 else (1 + math.cos(math.pi * min(1, (s - 20) / steps))) / 2)
else:
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3, weight_decay=0.05)
loss_fn = nn.BCEWithLogitsLoss() if binary else nn.CrossEntropyLoss()

epochs, best, kept = [], -1, None
for _ in range(args.epochs):
    model.train()
    t = time.perf_counter()
    for i in torch.randperm(len(x)).split(batch):
        n = lengths[i]
        xs, ys = x[i][:, :n.max()], y[i]
        if noise:
            xs = xs + noise * torch.randn_like(xs)  # beyond the ends nobody reads
        optimizer.zero_grad()
        loss_fn(model(xs, n), ys.float() if binary else ys).backward()
        optimizer.step()
        if rate:
            rate.step()
        first_step()
    if tune and (a := accuracy(*tune)) > best:  # part of the epoch, as on our side
        best, kept = a, copy.deepcopy(model.state_dict())
    epochs.append(time.perf_counter() - t)
if kept:
    model.load_state_dict(kept)
result(NAME, len(x) * args.epochs / sum(epochs), "samples/s", epochs, accuracy(*test))
