"""Predictions in PyTorch, in float32 and of bytes: static quantization of layers
that follow each other, dynamic quantization of Linear layers and LSTMs."""
from torch_inference_models import *
import warnings
from torch.ao import quantization

warnings.filterwarnings("ignore")
torch.backends.quantized.engine = "x86"
model, inputs = trained()


def static():
    """The model between two stubs, with its ReLUs in the layers before them."""
    m = quantization.QuantWrapper(copy.deepcopy(model)).eval()
    layers = list(m.module)
    pairs = [[f"module.{i}", f"module.{i + 1}"] for i in range(len(layers) - 1)
             if isinstance(layers[i], (nn.Linear, nn.Conv2d)) and isinstance(layers[i + 1], nn.ReLU)]
    m = quantization.fuse_modules(m, pairs)
    m.qconfig = quantization.get_default_qconfig("x86")
    m = quantization.prepare(m)
    m(inputs[-1])
    return quantization.convert(m)


with torch.inference_mode():
    dynamic = quantization.quantize_dynamic(model, {nn.Linear, nn.LSTM}, dtype=torch.qint8)
    static = static() if args.task not in ("int8-transformer", "int8-lstm") else None  # no chains of layers
    for x in inputs:
        classes = model(x).numpy().argmax(1)
        report(NAME, lambda: model(x), x, suffix=" float32")
        if static is not None:
            report(NAME, lambda: static(x), x, classes)
        report(NAME, lambda: dynamic(x), x, classes, suffix=" dynamic")
