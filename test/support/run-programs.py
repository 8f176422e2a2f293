"""Runs programs for run-program.ts, which reads and writes their standard streams as files of the working directory.

A request is a line of JSON: the words of a command, its environment, and the network namespace to run it in. The reply is
one too: the exit status, which is negative after a signal, or why the program could not be started. The end of the requests
is the end of this process and of its working directory.
"""

import ctypes
import json
import os
import shutil
import subprocess

CLONE_NEWNET = 0x40000000

libc = ctypes.CDLL(None, use_errno=True)


def enter(namespace):
    """Enters it with this process: nsenter would be one more program to start for each command."""
    if os.readlink(namespace) == os.readlink("/proc/self/ns/net"):
        return
    with open(namespace) as opened:
        if libc.setns(opened.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), namespace)


def run(words, environment, namespace):
    try:
        enter(namespace)
        with open("stdin", "rb") as stdin, open("stdout", "wb") as stdout, open("stderr", "wb") as stderr:
            return {"status": subprocess.call(words, env=environment, stdin=stdin, stdout=stdout, stderr=stderr)}
    except OSError as error:
        return {"error": str(error)}


with open("request") as requests, open("reply", "w", buffering=1) as replies:
    for request in requests:
        print(json.dumps(run(**json.loads(request))), file=replies)
shutil.rmtree(os.getcwd())
