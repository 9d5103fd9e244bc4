"""PyTorch's DistributedDataParallel with gloo: as many processes as the task's
name says, a batch of 128 for each."""
from common import *
import socket
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn
from torch_first_models import model_for

NAME = "PyTorch " + torch.__version__.split("+")[0]
TASK, RANKS = args.task.rsplit("-", 1)
RANKS = int(RANKS.removesuffix("ranks").removesuffix("rank"))


def work(rank, port):
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    if RANKS > 1:
        if hasattr(os, "sched_setaffinity"):  # common pins to one processor, which is for one process
            os.sched_setaffinity(0, range(os.cpu_count()))
        dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=RANKS)
    xs, ys = mnist(limit=IMAGES[TASK])
    xs, ys = torch.from_numpy(xs.copy()), torch.from_numpy(ys.astype(np.int64))
    model = model_for(TASK)
    if RANKS > 1:
        model = nn.parallel.DistributedDataParallel(model, gradient_as_bucket_view=True)
    optimizer, loss_fn = torch.optim.Adam(model.parameters(), 1e-3, fused=True), nn.CrossEntropyLoss()
    epochs = []
    for _ in range(args.epochs):
        order = torch.randperm(len(xs))  # the same on all ranks
        t = time.perf_counter()
        for index in order.split(BATCH * RANKS):
            mine = index[rank * len(index) // RANKS:(rank + 1) * len(index) // RANKS]
            optimizer.zero_grad()
            loss_fn(model(xs[mine].float() / 255), ys[mine]).backward()
            optimizer.step()
            first_step()
        epochs.append(time.perf_counter() - t)
    if rank == 0:
        result(NAME + " DDP", IMAGES[TASK] / min(epochs), "samples/s", epochs)
    if RANKS > 1:
        dist.barrier()
        dist.destroy_process_group()


if __name__ == "__main__":
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    if RANKS == 1:
        work(0, port)
    else:
        mp.spawn(work, (port,), RANKS)
