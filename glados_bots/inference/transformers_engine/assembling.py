"""Puts together what answers the requests of one model: its weights, tokenizer, eyes and schedulers."""

import logging
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, TypeVar

from glados_bots.conversation import Message
from glados_bots.inference.engine import EngineOptions
from glados_bots.inference.model_files import shapes, weights
from glados_bots.inference.model_files.before_loading import admission
from glados_bots.inference.model_files.cards import Card
from glados_bots.inference.prompts.encoding import Encoder
from glados_bots.inference.transformers_engine import trial
from glados_bots.inference.transformers_engine.batching import CachePlan, for_pictures, loaded_shape, memory_for_cache
from glados_bots.inference.transformers_engine.dense.scheduler import DenseScheduler
from glados_bots.inference.transformers_engine.loading import Loaded, load_model
from glados_bots.inference.transformers_engine.paged import PagedScheduler
from glados_bots.inference.transformers_engine.sampling.sampler import Sampler
from glados_bots.inference.transformers_engine.scheduler import Scheduler
from glados_bots.inference.transformers_engine.trial import Trial
from glados_bots.inference.transformers_engine.vision.eyes import Eyes, opened_eyes
from glados_bots.inference.transformers_engine.vision.sight import Sight
from glados_bots.inference.transformers_engine.vision.twin import twin_of

S = TypeVar("S", PagedScheduler, DenseScheduler)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Assembled:
    """What answers the requests of one model. Nothing of it runs yet."""

    loaded: Loaded
    encoder: Encoder
    ends: Collection[int]  # tokens that end an answer
    scheduler: Scheduler
    sight: Sight | None  # only of a model that sees
    trial: Trial | None  # only of a model class that nobody has tested


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes schedulers that share everything but the model object and the memory."""

    loaded: Loaded
    sampler: Sampler
    options: EngineOptions
    ends: Collection[int]
    vocabulary: int

    def __call__(self, kind: type[S], model: Any, plan: CachePlan) -> S:
        parts = (model, self.sampler, self.loaded.loras, self.options, plan)
        return kind(*parts, ends=self.ends, vocabulary=self.vocabulary)


def assembled(card: Card, options: EngineOptions, sampler: Sampler) -> Assembled:
    """Fetch and load a model. Blocks. Raises ConfigError if it does not fit, or cannot be served."""
    # 1. Files: check the config before fetching the large ones
    admission.refuse_by_hub(card, options.hf_token)
    admission.refuse_too_large(card, options)
    folder = weights.fetch(card, options.data_dir, options.hf_token)
    found = admission.admitted(card, folder)
    # 2. Weights and LoRAs
    loaded = load_model(folder, card, options)
    model = loaded.model.eval()
    shape, memory = loaded_shape(model), memory_for_cache(options, model)
    # 3. Prompts, and the tokens that end an answer
    config = model.config.get_text_config()
    wanted = shapes.wanted_window(card, shapes.window_of(config), options.context_length)
    window = shapes.served_window(card, shape, wanted, memory)
    encoder = Encoder(card, folder, config, window)
    ends = encoder.ends(model.generation_config)
    eyes = opened_eyes(folder, card, model, encoder)
    # 4. The trial of an untested model class: its plain answer, before its attention is replaced
    is_tested = type(model).__name__ in trial.TESTED
    tried = None if is_tested else Trial(model, encoder.encode([Message("user", trial.QUESTION)]))
    # 5. What computes the tokens, and the window that its cache really has room for
    make = Maker(loaded, sampler, options, ends, encoder.vocabulary)
    scheduler, sight = schedulers(found.way, make, CachePlan(shape, window, memory), eyes)
    encoder.context = shapes.served_window(card, shape, window, scheduler.room)
    log.info("window: %d tokens", encoder.context)
    return Assembled(loaded, encoder, ends, scheduler, sight, tried)


def schedulers(way: str | None, make: Maker, plan: CachePlan, eyes: Eyes | None) -> tuple[Scheduler, Sight | None]:
    """One scheduler, and for a paged model that sees a second one, with the same weights. Args: way: see `Support`."""
    model, sight = make.loaded.model, None
    if way == "dense":
        dense = make(DenseScheduler, model, plan)
        return dense, _sight(model, eyes, dense, plan) if eyes else None
    if eyes:
        plan, pictures = for_pictures(plan)
        sight = _sight(model, eyes, make(DenseScheduler, twin_of(model, make.loaded.loras), pictures), pictures)
    return make(PagedScheduler, model, plan), sight  # last, because it replaces the model's attention


def _sight(model: Any, eyes: Eyes, scheduler: DenseScheduler, plan: CachePlan) -> Sight:
    window = shapes.tokens_in(plan.shape, plan.window, plan.memory)
    log.info("it sees pictures; window of turns with pictures: %d tokens", window)
    return Sight(model, eyes, scheduler, window)
