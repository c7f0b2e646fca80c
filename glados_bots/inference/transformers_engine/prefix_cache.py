"""Keeps the beginnings of conversations in the cache. When room is scarce, the least recently used pages go first.

Only requests of the same domain (one caller and one LoRA) find cached pages. Otherwise the number of cached tokens and
the response time would tell one caller what another has asked, and one LoRA would continue from pages of another.

As soon as free pages are scarce, the library alone would drop all pages of ended requests, and every conversation would
be read from its first word again. A busy service is always in that state. The library still drops everything if a
running request finds no page at all (`offload_requests`).
"""

import hashlib
from collections.abc import Callable
from itertools import islice
from math import ceil
from typing import Any

DOMAIN = ":"  # in a request's id, the request's domain follows this character
LARGEST_TOKEN = 2**31 - 1  # largest token id in the library's chain of hashes


def separate_prefixes(cache: Any, vocabulary: int) -> None:
    """Let only requests of one domain share pages.

    The library finds pages by a chain of hashes that begins with the first token. We replace that token with one beyond
    the vocabulary, made from it and the domain, so each domain has its own chain.
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
    """Change the eviction order in the library's batch processor. Call this before its first request."""
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
    """Free a request's pages from last to first, so that the first are the newest: the others depend on them."""
    free = allocator.free_blocks

    def freed(request_id: str, no_cache: bool = False) -> None:
        allocator.block_table.get(request_id, []).reverse()
        free(request_id, no_cache)

    return freed


def _evict(cache: Any, missing: float) -> None:
    """Free `missing` bytes of unused cached pages in each allocator, the oldest first (the library's own order)."""
    for allocator in cache.cache_allocators.values():
        ledger = allocator.ledger
        oldest = list(islice(ledger.cached_blocks, ceil(missing / allocator.bytes_per_block)))
        for block in oldest:
            del ledger.cached_blocks[block]
            del ledger.hash_to_block[ledger.block_to_hash.pop(block)]
        cache.pool.free_blocks(allocator.index, oldest)


def count_found(cache: Any, found: dict[str, int]) -> None:
    """Store in `found`, for each request, how many tokens of its prompt are cached."""
    search = cache.search_prefix_match

    def counted(request_id: str, prompt: list[int]) -> int:
        found[request_id] = int(search(request_id, prompt))
        return found[request_id]

    cache.search_prefix_match = counted
