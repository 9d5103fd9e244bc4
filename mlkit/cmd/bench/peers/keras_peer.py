"""Keras on TensorFlow."""
from common import *
import tensorflow as tf
import keras
from keras import layers

tf.config.threading.set_intra_op_parallelism_threads(args.threads)
tf.config.threading.set_inter_op_parallelism_threads(args.threads)
keras.utils.set_random_seed(args.seed)
NAME = f"Keras {keras.__version__} (TensorFlow {tf.__version__})"


class First(keras.callbacks.Callback):
    """Times epochs, and notes the end of the first step."""
    def on_train_begin(self, logs=None):
        self.epochs = []

    def on_epoch_begin(self, epoch, logs=None):
        self.t = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        first_step()

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(time.perf_counter() - self.t)


def model_for(task):
    if task in ("mlp", "latency"):
        body = [layers.Flatten(), layers.Dense(256, "relu"), layers.Dense(128, "relu")]
    elif task == "cnn":
        body = [layers.Reshape((28, 28, 1)), layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(), layers.Conv2D(64, 3, activation="relu"),
                layers.MaxPooling2D(), layers.Flatten(), layers.Dense(128, "relu")]
    else:
        body = [layers.LSTM(128)]
    return keras.Sequential([keras.Input((28, 28)), layers.Rescaling(1 / 255), *body, layers.Dense(10)])


if args.task in ("mlp", "cnn", "lstm", "latency"):
    xs, ys = mnist(limit=IMAGES[args.task])
    model = model_for(args.task)
    model.compile(keras.optimizers.Adam(1e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    first = First()
    model.fit(xs, ys, batch_size=BATCH, epochs=args.epochs, verbose=0, callbacks=[first])
    tx, ty = mnist(train=False)
    accuracy = (model.predict(tx, batch_size=500, verbose=0).argmax(1) == ty).mean()
    if args.task == "latency":
        x, best = np.random.rand(1, 28, 28).astype(np.float32), 1e9
        for _ in range(10):
            t = time.perf_counter()
            for _ in range(50):
                model(x, training=False)
            best = min(best, (time.perf_counter() - t) / 50)
        result(NAME, best * 1e6, "µs", first.epochs, accuracy)
    else:
        result(NAME, IMAGES[args.task] / min(first.epochs), "samples/s", first.epochs, accuracy)
elif args.task.startswith("linear"):
    x, y = line()
    model = keras.Sequential([keras.Input((1,)), layers.Dense(1)])
    model.compile("sgd", "mean_squared_error")
    first, t = First(), time.perf_counter()
    model.fit(x, y, epochs=1000, batch_size=100 if args.task == "linear100" else 32, verbose=0, callbacks=[first])
    result(NAME, time.perf_counter() - t, "s", [time.perf_counter() - t])
