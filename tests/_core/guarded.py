"""Arrays beside memory that nobody may touch."""

import ctypes
import faulthandler
import mmap
import os
import traceback

import numpy as np

PROT_NONE = 0


def guarded(values, *, at_end):
    """Return a copy of an array that ends, or begins, at a page that can be neither read nor written."""
    values = np.asarray(values)
    pages = -(-values.nbytes // mmap.PAGESIZE) or 1
    memory = mmap.mmap(-1, (pages + 2) * mmap.PAGESIZE)
    begin = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    libc = ctypes.CDLL(None, use_errno=True)
    for page in (0, pages + 1):
        address = ctypes.c_void_p(begin + page * mmap.PAGESIZE)
        if libc.mprotect(address, ctypes.c_size_t(mmap.PAGESIZE), PROT_NONE):
            raise OSError(ctypes.get_errno(), "mprotect failed")
    first = (pages + 1) * mmap.PAGESIZE - values.nbytes if at_end else mmap.PAGESIZE
    copy = np.frombuffer(memory, values.dtype, values.size, first).reshape(values.shape)
    copy[...] = values
    return copy


def status_of_child(function):
    """Run a function in a child process, and return its exit status: 0 if it returned, -signal if it was killed."""
    child = os.fork()
    if child == 0:
        faulthandler.disable()
        try:
            function()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
