"""Keeps the beginnings of conversations in the cache: what nobody has used for longest goes first when room is scarce.

The library drops all that it keeps of ended requests as soon as free pages are scarce, and then every conversation is
read from its first word again. A busy service is always in that state.
"""

from collections.abc import Callable
from itertools import islice
from math import ceil
from typing import Any


def evict_oldest_first(processor: Any) -> None:
    """Change a batch processor's scheduler and cache. Call it before the first request."""
    scheduler, cache = processor.scheduler, processor.cache
    for allocator in cache.cache_allocators.values():
        allocator.free_blocks = _last_page_first(allocator)

    def make_room() -> bool:
        cache.pool.try_to_free_sectors()
        missing = scheduler.safety_margin - cache.compute_free_capacity()
        if missing > 0:
            _evict(cache, missing * cache.num_sectors * cache.bytes_per_sector)
            cache.pool.try_to_free_sectors()
        return bool(cache.compute_free_capacity() >= scheduler.safety_margin)

    scheduler._try_to_meet_safety_margin = make_room  # noqa: SLF001 - the library has no hook for what it evicts


def _last_page_first(allocator: Any) -> Callable[..., None]:
    """Pages of one request age from its last to its first: without the first ones the others cannot be found."""
    free = allocator.free_blocks

    def freed(request_id: str, no_cache: bool = False) -> None:
        allocator.block_table.get(request_id, []).reverse()
        free(request_id, no_cache)

    return freed


def _evict(cache: Any, missing: float) -> None:
    """Give back so many bytes of what is kept for nobody, or all of it. The library has it in the order of its age."""
    for allocator in cache.cache_allocators.values():
        ledger = allocator.ledger
        oldest = list(islice(ledger.cached_blocks, ceil(missing / allocator.bytes_per_block)))
        for block in oldest:
            del ledger.cached_blocks[block]
            del ledger.hash_to_block[ledger.block_to_hash.pop(block)]
        cache.pool.free_blocks(allocator.index, oldest)
