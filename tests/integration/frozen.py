"""Threads that hang, for tests of those who should notice."""
import ctypes
import os

import pytest


class Frozen:
    """One thread of a process, stopped alone, as a debugger does."""
    SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17

    def __init__(self, pid, name):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.tid = next(t for t in map(int, os.listdir(f"/proc/{pid}/task"))
                        if self.name(pid, t) == name)
        if self.ptrace(self.SEIZE):
            pytest.skip("no debugging here")
        self.ptrace(self.INTERRUPT)
        os.waitpid(self.tid, 0x40000000)    # __WALL

    @staticmethod
    def name(pid, tid):
        with open(f"/proc/{pid}/task/{tid}/comm") as f:
            return f.read().strip()

    def ptrace(self, request):
        return self.libc.ptrace(request, ctypes.c_long(self.tid), None, None)

    def reap(self):
        """Once it was killed, its process ends only when this has seen it."""
        try:
            os.waitpid(self.tid, os.WNOHANG | 0x40000000)
        except ChildProcessError:
            pass

    def thaw(self):
        self.ptrace(self.DETACH)
