"""Memory in huge pages, so that reading weights does not wait for the page tables.

With small pages, a step of the small model takes a quarter longer for one sequence and 6 % longer for sixteen; see
docs/performance.md.
"""

import ctypes
import mmap

import torch

CHUNK = 64 << 20  # bytes; unwritten parts take no memory
LINE = 64  # bytes per cache line


def ask_for_huge_pages(tensor: torch.Tensor) -> None:
    """Ask the kernel for huge pages for a contiguous, unwritten tensor. If the kernel refuses, nothing breaks."""
    begin = -(-tensor.data_ptr() // mmap.PAGESIZE) * mmap.PAGESIZE
    size = tensor.data_ptr() + tensor.nbytes - begin
    ctypes.CDLL(None).madvise(ctypes.c_void_p(begin), ctypes.c_size_t(size), mmap.MADV_HUGEPAGE)


class Arena:
    """Stores tensors side by side, because most are smaller than a huge page. Frees all memory at once, at its end."""

    def __init__(self) -> None:
        self._chunks: list[torch.Tensor] = []
        self._begin = self._end = 0  # of the free part of the last chunk

    def keep(self, tensor: torch.Tensor) -> int:
        """Copy a tensor in row-major order. Returns its address, a multiple of 64, valid as long as this arena."""
        size = tensor.nbytes
        if self._begin + size > self._end:
            chunk = torch.empty(max(CHUNK, size + LINE), dtype=torch.uint8)
            ask_for_huge_pages(chunk)
            self._chunks.append(chunk)
            self._begin, self._end = -chunk.data_ptr() % LINE, chunk.nbytes
        place = self._chunks[-1][self._begin : self._begin + size]
        place.copy_(tensor.contiguous().view(-1).view(torch.uint8))
        self._begin += size + -size % LINE
        return int(place.data_ptr())
