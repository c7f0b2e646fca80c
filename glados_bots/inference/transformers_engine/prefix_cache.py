"""Keeps the beginnings of conversations in the cache: what nobody has used for longest goes first when room is scarce.

What is kept is found again within its domain only (a caller, and a LoRA): else the count and the time of what was found
would tell one caller what another has asked, and a LoRA would go on from what another has read.

The library drops all that it keeps of ended requests as soon as free pages are scarce, and then every conversation is
read from its first word again. A busy service is always in that state. Only where a running request finds no page at
all does everything still go (`offload_requests`).
"""

import hashlib
from collections.abc import Callable
from itertools import islice
from math import ceil
from typing import Any

DOMAIN = ":"  # what follows it in a request's id is the request's domain
LARGEST_TOKEN = 2**31 - 1  # of the library's chain of hashes


def separate_prefixes(cache: Any, vocabulary: int) -> None:
    """Let requests of one domain share pages only.

    The library finds pages by a chain of hashes from the first token on. A first token beyond the vocabulary, made of
    it and of the domain, begins a chain of its own.
    """

    def begun(request_id: str, tokens: list[int]) -> list[int]:
        domain = request_id.partition(DOMAIN)[2]
        seed = hashlib.blake2b(f"{domain} {tokens[0]}".encode(), digest_size=8).digest()
        return [vocabulary + int.from_bytes(seed) % (LARGEST_TOKEN - vocabulary), *tokens[1:]]

    def marking(mark: Callable[..., None]) -> Callable[..., None]:
        return lambda request_id, tokens, count: mark(request_id, begun(request_id, tokens), count)

    search = cache.search_prefix_match
    cache.search_prefix_match = lambda request_id, prompt: search(request_id, begun(request_id, prompt))
    for allocator in cache.cache_allocators.values():
        allocator.mark_complete_blocks = marking(allocator.mark_complete_blocks)


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


def count_found(cache: Any, found: dict[str, int]) -> None:
    """Write down for each request how many tokens of its prompt are read already."""
    search = cache.search_prefix_match

    def counted(request_id: str, prompt: list[int]) -> int:
        found[request_id] = int(search(request_id, prompt))
        return found[request_id]

    cache.search_prefix_match = counted
