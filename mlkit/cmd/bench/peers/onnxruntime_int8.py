"""Predictions in ONNX Runtime, in float32 and of bytes: the network that PyTorch
exports, its own static quantization in both of its formats, and its dynamic
one."""
from torch_inference_models import *
import os, tempfile, warnings
import logging
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
NAME = "ONNX Runtime " + onnxruntime.__version__
options = onnxruntime.SessionOptions()
options.intra_op_num_threads, options.inter_op_num_threads = args.threads, 1
model, inputs = trained()


class Images(CalibrationDataReader):
    def __init__(self, n):
        self.left = iter(inputs[-1].split(n))

    def get_next(self):
        x = next(self.left, None)
        return None if x is None else {"x": x.numpy()}


def caller(file, x):
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    binding, out = session.io_binding(), np.empty((len(x), 10), np.float32)
    image = x.numpy()
    binding.bind_input("x", "cpu", 0, np.float32, image.shape, image.ctypes.data)
    binding.bind_output("y", "cpu", 0, np.float32, out.shape, out.ctypes.data)

    def predict():
        session.run_with_iobinding(binding)
        return out
    predict.alive = (session, image)  # the binding has pointers only
    return predict


with tempfile.TemporaryDirectory() as folder:
    for x in inputs:
        n = len(x)
        file = os.path.join(folder, f"{n}.onnx")
        torch.onnx.export(model, (x,), file, input_names=["x"], output_names=["y"], opset_version=17, dynamo=False)
        float32 = caller(file, x)
        classes = float32().copy().argmax(1)
        report(NAME, float32, x, suffix=" float32")
        static = []
        for format in QuantFormat.QDQ, QuantFormat.QOperator:
            to = os.path.join(folder, f"{n}{format}.onnx")
            quantize_static(file, to, Images(n), quant_format=format, per_channel=True, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)
            static.append(caller(to, x))
        report(NAME, min(static, key=seconds), x, classes)
        to = os.path.join(folder, f"{n}dynamic.onnx")
        quantize_dynamic(file, to, per_channel=True, weight_type=QuantType.QInt8)
        try:
            dynamic = caller(to, x)
        except Exception as error:  # convolutions are not among what it can run so
            if "NOT_IMPLEMENTED" not in str(error):
                raise
            continue
        report(NAME, dynamic, x, classes, suffix=" dynamic")
