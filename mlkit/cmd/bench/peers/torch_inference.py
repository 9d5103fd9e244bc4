"""Predictions in PyTorch: eager, traced and optimized for inference, and with the
channels last, whichever is fastest."""
from torch_inference_models import *
import warnings

warnings.filterwarnings("ignore")
if args.task == "infer-gpt":
    model, batches = load(Written())
    text = batches[0]["ids"][0].tolist()
    with torch.inference_mode():
        y = model.eval()(text).numpy()
        best = min(blocks(lambda _: model(text)))
    result(NAME, best / len(text) * 1e6, "µs", losses=figures(y), size="next token")
    raise SystemExit

model, inputs = trained()


def ways(x):
    yield model, x
    yield torch.jit.optimize_for_inference(torch.jit.trace(model, x)), x
    if args.task == "infer-cnn":
        last = copy.deepcopy(model).to(memory_format=torch.channels_last)
        yield last, x.to(memory_format=torch.channels_last)


for x in inputs:
    with torch.inference_mode():
        calls = [lambda m=m, v=v: m(v) for m, v in ways(x)]
        report(NAME, min(calls, key=seconds), x)
