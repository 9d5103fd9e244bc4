"""Executes one notebook and reports each cell as a line of JSON.

Usage: python runner.py NOTEBOOK FOLDER KERNEL

It ends when its standard input does. That happens when the program that started
it was killed, so it then also kills the kernel and removes the session's folder.
"""
import asyncio
import json
import os
import shutil
import signal
import sys
import threading
import time

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

reports = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)  # whatever libraries print must not mix with the reports


def report(event, **fields):
    reports.write(json.dumps({"event": event, **fields}) + "\n")
    reports.flush()


def end_with_parent(client):
    while os.read(0, 1):
        pass
    provisioner = getattr(client.km, "provisioner", None)
    if provisioner is not None and provisioner.pgid:
        os.killpg(provisioner.pgid, signal.SIGKILL)
    shutil.rmtree(os.environ["DESCENT_SESSION"], ignore_errors=True)
    os._exit(1)


def cell_result(cell):
    return {"outputs": cell.get("outputs", []), "count": cell.get("execution_count") or 0}


def main(path, folder, kernel):
    notebook = nbformat.read(path, as_version=4)
    started, ended = {}, []

    def on_start(cell, cell_index):
        if cell.cell_type == "code" and cell.source.strip():
            started[cell_index] = time.monotonic()
            report("start", index=cell_index)

    def on_executed(cell, cell_index, execute_reply):  # also when it failed
        ended.append(cell_index)
        seconds = time.monotonic() - started[cell_index]
        report("end", index=cell_index, seconds=seconds, **cell_result(cell))

    client = NotebookClient(
        notebook,
        kernel_name=kernel,
        timeout=None,  # the caller watches the clock
        iopub_timeout=24 * 3600,  # after a few seconds what a busy kernel still has to say would be dropped
        resources={"metadata": {"path": folder}},
        coalesce_streams=False,  # the caller does that, in linear time
        record_timing=False,
        on_cell_start=on_start,
        on_cell_executed=on_executed,
    )
    threading.Thread(target=end_with_parent, args=(client,), daemon=True).start()
    for last in (False, False, True):
        try:
            client.execute()
        except CellExecutionError:
            pass  # the cell's outputs hold the error
        except DeadKernelError:
            report("dead")
        except RuntimeError as e:  # the kernel did not start
            # Its ports were free when they were chosen: another program may have taken
            # one since. JupyterLab, too, then starts it again, with others.
            if not last:
                continue
            report("dead", message=str(e))
        break
    # A display that a later cell updated is only now what a reader sees.
    report("done", cells=[{"index": i, **cell_result(notebook.cells[i])} for i in ended])


main(*sys.argv[1:])
