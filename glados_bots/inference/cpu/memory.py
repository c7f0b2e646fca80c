"""Memory in huge pages, so that reading weights and cache does not wait for the page tables.

With small pages one step of the small model takes a fifth longer (docs/performance.md).
"""

import ctypes

import torch

HUGE_PAGES = 14  # MADV_HUGEPAGE
MEMORY_PAGE = 4096
CHUNK = 64 << 20  # bytes; what is not written takes no memory
LINE = 64  # bytes of a cache line


def ask_for_huge_pages(tensor: torch.Tensor) -> None:
    """A wish for memory that has not been written yet; the system may refuse it, and that does not matter."""
    begin = -(-tensor.data_ptr() // MEMORY_PAGE) * MEMORY_PAGE
    size = tensor.data_ptr() + tensor.nbytes - begin
    ctypes.CDLL(None).madvise(ctypes.c_void_p(begin), ctypes.c_size_t(size), HUGE_PAGES)


class Arena:
    """Keeps tensors side by side: most are smaller than a huge page. It gives memory back as a whole, when it goes."""

    def __init__(self) -> None:
        self._chunks: list[torch.Tensor] = []
        self._begin = self._end = 0  # of what is free in the last chunk

    def keep(self, tensor: torch.Tensor) -> int:
        """Copy a tensor; returns its address, which begins a cache line."""
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
