"""Runs programs for run-program.ts, which reads and writes their standard streams as files of the working directory.

A request is a line of JSON: the words of a command, its environment, its directory, and the network namespace to run it in.
The reply is one too: the exit status, which is negative after a signal, or why the program could not be started. The end of
the requests is the end of this process and of its working directory.
"""

import ctypes
import json
import os
import shutil
import subprocess

CLONE_NEWNET = 0x40000000
HOME = "/proc/self/ns/net"

libc = ctypes.CDLL(None, use_errno=True)
home = os.open(HOME, os.O_RDONLY)


def enter(descriptor):
    if libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def call(words, environment, directory):
    with open("stdin", "rb") as stdin, open("stdout", "wb") as stdout, open("stderr", "wb") as stderr:
        return subprocess.call(words, env=environment, cwd=directory, stdin=stdin, stdout=stdout, stderr=stderr)


def run(words, environment, directory, namespace):
    """Enters the namespace with this process: nsenter would be one more program to start for each command."""
    if os.readlink(namespace) == os.readlink(HOME):
        return call(words, environment, directory)
    with open(namespace) as opened:
        enter(opened.fileno())
    try:
        return call(words, environment, directory)
    finally:
        # Otherwise this process would keep the namespace alive.
        enter(home)


def answer(request):
    try:
        return {"status": run(**json.loads(request))}
    except (OSError, ValueError) as error:
        return {"error": str(error)[:1000]}


try:
    with open("request", encoding="utf-8") as requests, open("reply", "w", encoding="utf-8", buffering=1) as replies:
        for request in requests:
            print(json.dumps(answer(request)), file=replies)
finally:
    shutil.rmtree(os.getcwd())
