from __future__ import annotations

import subprocess
import sys

import pytest

# In a process of its own, because one that forks must not have threads that a test left.
FORKING = """
import os, signal, threading, time
from dovetail.running.locks import ProcessLock

lock, taken = ProcessLock(), threading.Event()

def hold():
    with lock:
        taken.set()
        time.sleep(0.2)

threading.Thread(target=hold).start()
taken.wait()
child = os.fork()
if not child:
    signal.alarm(10)
    with lock:
        os._exit(0)
with lock:
    assert os.waitpid(child, 0)[1] == 0
"""


def test_a_lock_that_a_thread_holds_is_open_in_a_forked_process():
    if sys.platform != "linux":
        pytest.skip("only Linux forks safely")
    subprocess.run([sys.executable, "-c", FORKING], check=True, timeout=60)
