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
    started = {}

    def on_start(cell, cell_index):
        if cell.cell_type == "code" and cell.source.strip():
            started[cell_index] = time.monotonic()
            report("start", index=cell_index)

    # The client merges a cell's streams only after the last of its hooks, so the
    # end of a cell is reported around the whole call.
    class Client(NotebookClient):
        async def async_execute_cell(self, cell, cell_index, **options):
            try:
                return await super().async_execute_cell(cell, cell_index, **options)
            except DeadKernelError:
                started.pop(cell_index)  # it never ended
                raise
            finally:
                if cell_index in started:
                    seconds = time.monotonic() - started[cell_index]
                    report("end", index=cell_index, seconds=seconds, **cell_result(cell))

    client = Client(
        notebook,
        kernel_name=kernel,
        timeout=None,  # the caller watches the clock
        resources={"metadata": {"path": folder}},
        coalesce_streams=True,
        record_timing=False,
        on_cell_start=on_start,
    )
    threading.Thread(target=end_with_parent, args=(client,), daemon=True).start()
    try:
        client.execute()
    except CellExecutionError:
        pass  # the cell's outputs hold the error
    except DeadKernelError:
        report("dead")
    except RuntimeError as e:  # the kernel did not start
        report("dead", message=str(e))
    # A display that a later cell updated is only now what a reader sees.
    cells = [(i, c) for i, c in enumerate(notebook.cells) if i in started]
    report("done", cells=[{"index": i, **cell_result(c)} for i, c in cells])


main(*sys.argv[1:])
