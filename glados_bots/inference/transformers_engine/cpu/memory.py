"""Memory in huge pages, so that reading weights does not wait for the page tables.

With small ones a step of the small model takes a quarter longer for one sequence, 6 % for sixteen; see
docs/performance.md.
"""

import ctypes
import mmap

import torch

CHUNK = 64 << 20  # bytes; what is not written takes no memory
LINE = 64  # bytes of a cache line


def ask_for_huge_pages(tensor: torch.Tensor) -> None:
    """A wish for a contiguous tensor that has not been written yet; a refusal does not matter."""
    begin = -(-tensor.data_ptr() // mmap.PAGESIZE) * mmap.PAGESIZE
    size = tensor.data_ptr() + tensor.nbytes - begin
    ctypes.CDLL(None).madvise(ctypes.c_void_p(begin), ctypes.c_size_t(size), mmap.MADV_HUGEPAGE)


class Arena:
    """Keeps tensors side by side: most are smaller than a huge page. It gives memory back as a whole, when it goes."""

    def __init__(self) -> None:
        self._chunks: list[torch.Tensor] = []
        self._begin = self._end = 0  # of what is free in the last chunk

    def keep(self, tensor: torch.Tensor) -> int:
        """Copy a tensor, row by row. Returns its address, a multiple of 64, valid as long as this arena."""
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
