"""Predictions in ONNX Runtime, of the network that PyTorch exports."""
from torch_inference_models import *
import io, warnings
import onnxruntime

warnings.filterwarnings("ignore")
NAME = "ONNX Runtime " + onnxruntime.__version__
options = onnxruntime.SessionOptions()
options.intra_op_num_threads, options.inter_op_num_threads = args.threads, 1
model, inputs = trained()
for x in inputs:
    file = io.BytesIO()
    torch.onnx.export(model, (x,), file, input_names=["x"], output_names=["y"], opset_version=17, dynamo=False)  # static shapes: what it can optimize most
    session = onnxruntime.InferenceSession(file.getvalue(), options, providers=["CPUExecutionProvider"])
    binding, out = session.io_binding(), np.empty((len(x), 10), np.float32)
    image = x.numpy()
    binding.bind_input("x", "cpu", 0, np.float32, image.shape, image.ctypes.data)
    binding.bind_output("y", "cpu", 0, np.float32, out.shape, out.ctypes.data)

    def predict():
        session.run_with_iobinding(binding)
        return out
    report(NAME, predict, x)
