# Writes wordpiece.vocab.txt, bytebpe.tokenizer.json and gpt2.tokenizer.json,
# small tokenizers of Hugging Face's tokenizers 0.23.3, and tokenizers.json.gz:
# odd texts and the ids that these give them. The files of text, in several
# languages, are what they learn from:
#   python goldens.py TEXT...
import gzip
import json
import random
import sys

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

lines = [l.rstrip("\n") for f in sys.argv[1:] for l in open(f, encoding="utf-8")]
special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|im|>"]
split = {
    "bytebpe": pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]),
    "gpt2": pre_tokenizers.ByteLevel(add_prefix_space=False),
}
bpes = {}
for name, pre in split.items():
    t = Tokenizer(models.BPE())
    t.pre_tokenizer, t.decoder = pre, decoders.ByteLevel()
    if name == "gpt2":
        t.post_processor = processors.ByteLevel(trim_offsets=False)
    t.train_from_iterator(lines, trainers.BpeTrainer(vocab_size=1200, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    t.save(name + ".tokenizer.json", pretty=False)
    bpes[name] = t

wp = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
wp.normalizer, wp.pre_tokenizer, wp.decoder = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer(), decoders.WordPiece(cleanup=False)
wp.train_from_iterator(lines + ["中文 字 漢字", "日本語 한국어", "été naïve ß Ελλάδα Москва שלום سلام"] * 3,
                       trainers.WordPieceTrainer(vocab_size=1500, min_frequency=2, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False))
wp.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
with open("wordpiece.vocab.txt", "w", encoding="utf-8") as f:
    for token, _ in sorted(wp.get_vocab().items(), key=lambda p: p[1]):
        f.write(token + "\n")
cased = Tokenizer.from_str(wp.to_str())
cased.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)

rng = random.Random(1)
words = sorted({w for l in lines for w in l.split()})


def chars(*ranges):
    a, b = rng.choice(ranges)
    return chr(rng.randint(a, b))


def part():
    return rng.choice([
        lambda: rng.choice(words), lambda: rng.choice(words).upper(), lambda: rng.choice(words).title(),
        lambda: rng.choice(["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'", "’s", "''", "can't", "I'll"]),
        lambda: str(rng.randint(0, 10 ** rng.randint(1, 9))), lambda: rng.choice(["3.14", "1,000", "½", "Ⅳ", "²", "٣٤", "१२", "①", "1st"]),
        lambda: " " * rng.randint(1, 5), lambda: rng.choice(["\n", "\r\n", "\t", "\n\n ", "\u00a0", "\u2003", "\u3000", "\u200b", "\u2028", "\u0085", "\x0b", "\ufeff"]),
        lambda: rng.choice(["é", "e\u0301", "ﬁ", "ß", "ẞ", "İ", "ı", "Ǆ", "ς", "Σ", "Å", "Å", "ö\u0304", "\u0301", "ŉ", "Ω"]),
        lambda: rng.choice(["😀", "👩‍👩‍👧‍👦", "🇩🇪", "❤️", "👍🏽", "𝒳", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"]),
        lambda: "".join(chars((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x3040, 0x30FF), (0xAC00, 0xD7A3), (0x20000, 0x2A6DF)) for _ in range(rng.randint(1, 3))),
        lambda: "".join(chars((0x391, 0x3A1), (0x3B1, 0x3C9), (0x410, 0x44F), (0x5D0, 0x5EA), (0x627, 0x63A), (0x905, 0x939), (0xE01, 0xE2E)) for _ in range(rng.randint(1, 4))),
        lambda: "".join(chars((0x20, 0x7E)) for _ in range(rng.randint(1, 5))), lambda: chars((0xA1, 0x17F), (0x300, 0x36F), (0x2010, 0x2027), (0x20A0, 0x20BF), (0x2190, 0x21FF)),
        lambda: rng.choice(["\0", "\x01", "\x1b", "\x7f", "\ufffd", "\u202e", "\ue000", "\u00ad"]),
        lambda: rng.choice(special + ["[CLS]", "[SEP]", "[UNK]", "[MASK]", "##ing", "<|im_start", "Ġ", "Ċ"]),
        lambda: rng.choice("aäß!中") * rng.choice([3, 40, 99, 100, 101, 130]),
    ])()


texts = ["", " ", "\n", "a", "  a", "a  ", "#", "\u0301"]
while len(texts) < 3000:
    texts.append("".join(part() + rng.choice(["", "", " "]) for _ in range(rng.randint(1, 7))))

for t in [wp, cased] + list(bpes.values()):
    t.encode_special_tokens = True  # the names of special tokens are text
out = {"texts": texts, "wordpiece": [], "cased": [], "decoded": [], "bytebpe": [], "gpt2": [], "special": {}}
for i, s in enumerate(texts):
    out["wordpiece"].append(wp.encode(s).ids)
    out["cased"].append(cased.encode(s).ids)
    out["decoded"].append(wp.decode(out["wordpiece"][-1]))
    for name, t in bpes.items():
        out[name].append(t.encode(s).ids)
        assert t.decode(out[name][-1], skip_special_tokens=False) == s
t = bpes["bytebpe"]
t.encode_special_tokens = False
for i, s in enumerate(texts):
    if any(x in s for x in special):
        out["special"][i] = t.encode(s).ids
with open("tokenizers.json.gz", "wb") as f:
    f.write(gzip.compress(json.dumps(out, separators=(",", ":")).encode(), mtime=0))
