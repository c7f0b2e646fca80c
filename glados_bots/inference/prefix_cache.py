"""Keeps the beginnings of conversations in the cache: what nobody has used for longest goes first when room is scarce.

The library drops all that it keeps of ended requests as soon as free pages are scarce, and then every conversation is
read from its first word again. A busy service is always in that state. Only where a running request finds no page at
all does everything still go (`offload_requests`).
"""

from collections.abc import Callable
from itertools import islice
from math import ceil
from typing import Any


def evict_oldest_first(processor: Any) -> None:
    """Change the scheduler and the cache of the library's batch processor, before its first request."""
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

    store = cache.can_store_request_tokens

    def stored(state: Any, count: int, dry_run: bool = False) -> bool:
        if store(state, count, dry_run):
            return True
        if dry_run:
            return False
        allocators = cache.cache_allocators.values()
        wanted = sum(each.needs_new_sectors(state.request_id, state.current_len(), count) for each in allocators)
        _evict(cache, (wanted - cache.pool.num_free_sectors) * cache.bytes_per_sector)
        cache.pool.try_to_free_sectors()
        return bool(store(state, count, dry_run))

    scheduler._try_to_meet_safety_margin = make_room  # noqa: SLF001 - the library has no hook for what it evicts
    cache.can_store_request_tokens = stored


def _last_page_first(allocator: Any) -> Callable[..., None]:
    """Pages of one request age from its last to its first: without the first ones the others cannot be found."""
    free = allocator.free_blocks

    def freed(request_id: str, no_cache: bool = False) -> None:
        allocator.block_table.get(request_id, []).reverse()
        free(request_id, no_cache)

    return freed


def _evict(cache: Any, missing: float) -> None:
    """Give back so many bytes of pages kept for nobody, of each allocator; the library has them in order of age."""
    for allocator in cache.cache_allocators.values():
        ledger = allocator.ledger
        oldest = list(islice(ledger.cached_blocks, ceil(missing / allocator.bytes_per_block)))
        for block in oldest:
            del ledger.cached_blocks[block]
            del ledger.hash_to_block[ledger.block_to_hash.pop(block)]
        cache.pool.free_blocks(allocator.index, oldest)
