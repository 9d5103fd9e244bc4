"""Runs pip with a Python that need not have it: ensurepip brings a wheel.

    python -I -c runpip.py ARGUMENT...    as pip itself
    python -I -c runpip.py                prints pip's settings for `install` as JSON
"""
import ast
import contextlib
import glob
import io
import json
import os
import runpy
import sys
import sysconfig


def find():
    try:
        import pip
    except ImportError:
        import ensurepip

        folders = [os.path.join(os.path.dirname(ensurepip.__file__), "_bundled"), sysconfig.get_config_var("WHEEL_PKG_DIR") or ""]
        wheels = [w for folder in folders for w in glob.glob(os.path.join(folder, "pip-*.whl"))]
        if not wheels:
            sys.exit("this Python has neither pip nor a wheel of it")
        sys.path.insert(0, wheels[0])


def pip(*arguments):
    sys.argv = ["pip", *arguments]
    try:
        runpy.run_module("pip", run_name="__main__", alter_sys=True)
    except SystemExit as e:
        return e.code or 0


def settings():
    """pip's settings from all its files and the environment, each level over the one before."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        pip("config", "list")
    levels = {"global": {}, "install": {}, ":env:": {}}
    for line in text.getvalue().splitlines():
        key, _, value = line.partition("=")
        level, _, name = key.rpartition(".")
        if level in levels:
            levels[level][name] = str(ast.literal_eval(value))
    merged = {}
    for level in levels.values():
        merged.update(level)
    return merged


find()
if len(sys.argv) > 1:
    sys.exit(pip(*sys.argv[1:]))
print(json.dumps(settings()))
