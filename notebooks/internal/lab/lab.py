"""Starts JupyterLab.

Usage: python lab.py LIST ARGUMENT...

LIST has the notebooks that it signs first, as sign.py has it; the ARGUMENTs are
Jupyter's.

It ends when its standard input does. That happens when the program that started
it was killed, so it then also ends the kernels and removes the session's folder.
"""
import errno
import os
import shutil
import signal
import sys
import threading
import time

from jupyter_server.serverapp import ServerApp
from jupyterlab.labapp import LabApp
from jupyterlab_server.handlers import LabHandler
from tornado.netutil import bind_sockets

import sign  # from the folder of this script


orphaned = threading.Event()


def end_with_parent():
    while os.read(0, 1):
        pass
    orphaned.set()
    os.kill(os.getpid(), signal.SIGTERM)  # the server shuts its kernels down
    time.sleep(15)
    if Server.initialized():  # and it did not manage in time
        for kernel in list(Server.instance().kernel_manager._kernels.values()):
            if kernel.provisioner is not None and kernel.provisioner.pgid:
                os.killpg(kernel.provisioner.pgid, signal.SIGKILL)
    forget()
    os._exit(1)


def forget():
    shutil.rmtree(os.environ["DESCENT_SESSION"], ignore_errors=True)


class Server(ServerApp):
    """Listens on the port from the moment it has found it.

    Jupyter's own server lets the port go that it found free, writes it into its
    file, and only then listens: meanwhile others can take the port, and readers
    of the file are refused. Here they wait until the server answers.
    """

    def _find_http_port(self):
        last = min(self.port + self.port_retries, 65535)
        for port in range(self.port, last + 1):
            try:
                self._sockets = bind_sockets(port, self.ip)
            except OSError as e:
                if e.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise
                why = e.strerror
            else:
                self.port = self._sockets[0].getsockname()[1]
                return
        ports = f"port {last}" if self.port == last else f"any port from {self.port} to {last}"
        self.log.critical(f"cannot listen on {ports} ({why}): choose another with -port")
        self.exit(1)

    def _bind_http_server_tcp(self):
        self.http_server.add_sockets(self._sockets)
        return True


page = LabHandler.get


def get(self, mode=None, workspace=None, tree=None):
    """Shows a phone one document at a time: beside the list of files no room is left for
    a chapter. The list opens by its icon."""
    if tree and "Mobi" in self.request.headers.get("User-Agent", ""):
        mode = "doc"
    return page(self, mode, workspace, tree)


LabHandler.get = get

listed, *arguments = sys.argv[1:]
LabApp.serverapp_class = Server
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # until the server has a handler of its own
threading.Thread(target=end_with_parent, daemon=True).start()
try:
    sign.sign(sign.load(listed))
    LabApp.launch_instance(arguments)
finally:
    if orphaned.is_set():  # otherwise whoever started this still wants the log
        forget()
