"""scikit-learn's SGDRegressor on the document's line: batch size 1."""
from common import *
import sklearn
from sklearn.linear_model import SGDRegressor

if args.task == "linear":
    x, y = line()
    times = []
    for _ in range(args.epochs):
        model = SGDRegressor(penalty=None, learning_rate="constant", eta0=0.01, max_iter=1000, tol=None, random_state=args.seed)
        t = time.perf_counter()
        model.fit(x, y.ravel())
        times.append(time.perf_counter() - t)
        first_step()
    result(f"scikit-learn {sklearn.__version__} (batch 1)", min(times), "s", times)
