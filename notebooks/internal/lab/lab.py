"""Starts JupyterLab on a folder.

Usage: python lab.py FOLDER ARGUMENT...

It ends when its standard input does. That happens when the program that started
it was killed, so it then also ends the kernels and removes the session's folder.
"""
import os
import pathlib
import shutil
import signal
import sys
import threading
import time

from jupyterlab.labapp import LabApp


orphaned = threading.Event()


def end_with_parent():
    while os.read(0, 1):
        pass
    orphaned.set()
    os.kill(os.getpid(), signal.SIGTERM)  # the server shuts its kernels down
    time.sleep(15)
    os._exit(1)


def trust(folder):
    """Signs the notebooks of the book, whose scripts and HTML Jupyter would not show otherwise."""
    import nbformat
    from nbformat.sign import NotebookNotary

    notary = NotebookNotary()
    for path in pathlib.Path(folder).glob("*.ipynb"):
        try:
            notary.sign(nbformat.read(path, as_version=4))
        except Exception as e:
            print(f"{path} is not trusted: {e}", file=sys.stderr)


folder, *arguments = sys.argv[1:]
threading.Thread(target=end_with_parent, daemon=True).start()
trust(folder)
try:
    LabApp.launch_instance(arguments)
finally:
    if orphaned.is_set():  # otherwise whoever started this still wants the log
        shutil.rmtree(os.environ["DESCENT_SESSION"], ignore_errors=True)
