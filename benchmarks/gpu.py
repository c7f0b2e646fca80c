"""Measures everything that only a GPU can show, in one command: `python benchmarks/gpu.py --out gpu.md`.

It writes one summary in markdown: attention, CUDA graphs, asynchronous batching, LoRAs, quantisation, memory beside the
plan, out of memory, several GPUs, and speed beside `transformers.generate` and vLLM. Each case runs in a process of its
own. A case that fails is a line of the summary. `--device cpu` runs a smaller form of what a CPU can show.

Exit codes: 0 if nothing failed, 1 if a case failed or broke a promise, 2 if there is no GPU or an argument is wrong.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.on_gpu.isolated import CaseError, run_case  # noqa: E402 - found by the path above
from benchmarks.on_gpu.report import Result  # noqa: E402
from benchmarks.on_gpu.sections import SECTIONS  # noqa: E402
from benchmarks.on_gpu.setup import Machine, Setup, fetched, this_machine  # noqa: E402
from glados_bots.errors import ConfigError  # noqa: E402
from glados_bots.inference.model_files.cards import EMBEDDED, Card  # noqa: E402
from glados_bots.inference.model_files.choosing import resolve  # noqa: E402
from glados_bots.inference.settings import ServeSettings  # noqa: E402
from glados_bots.settings import load  # noqa: E402

NO_GPU = "torch sees no GPU here; run this on a machine with one, or take `--device cpu` to try the script itself"
# streams beside other servers, streams of other sections, tokens per answer, rounds; by device, whether it is quick
SIZES = {
    ("cuda", False): ((1, 16, 64), (1, 16), 128, 3),
    ("cuda", True): ((1, 16, 64), (1, 16), 32, 1),
    ("cpu", False): ((1, 4), (1, 4), 16, 2),
    ("cpu", True): ((1, 2), (2,), 8, 1),
}


@dataclass(slots=True)
class Summary:
    """The summary so far, written to a file after each case, so that a run that is cut off leaves what it found."""

    machine: Machine
    out: Path | None
    done: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def text(self, running: Result | None = None, *, complete: bool = False) -> str:
        """The summary in markdown, with the section that is running."""
        title = f"# GLaDOS on a {'GPU' if self.machine.gpus else 'CPU'}"
        lines = [title, "", *self.machine.lines(), *self.done, *(running.lines() if running else ())]
        if self.problems:
            lines += ["## What failed", "", *(f"- {problem}" for problem in self.problems)]
        elif complete:
            lines.append("Nothing failed.")
        return "\n".join(lines if complete else [*lines, "", "This run has not ended."]) + "\n"

    def save(self, running: Result | None = None, *, complete: bool = False) -> None:
        if self.out is not None:
            self.out.write_text(self.text(running, complete=complete), encoding="utf-8")

    def close(self, model: str, result: Result) -> None:
        """Take over a finished section."""
        self.done += result.lines()
        self.problems += [f"{model}, {problem}" for problem in result.problems]
        self.save()


def measure(setup: Setup, names: Sequence[str], summary: Summary, patience_s: float) -> None:
    """All sections of one model."""
    for name in names:
        section = SECTIONS[name](setup)
        result = Result(section)
        for case in () if section.needs else section.cases:
            print(f"{setup.card.name}: {name}, {case.name}", file=sys.stderr, flush=True)
            result.rows |= run_case(case, patience_s)
            summary.save(result)
        summary.close(setup.card.name, result)


def models(wanted: str | None, device: str, token: str | None) -> Iterator[Card]:
    """The wanted model. If none is named, the embedded model and, on a GPU, the one that `auto` chooses."""
    yield resolve(wanted or EMBEDDED, token=token)[0]
    if wanted is None and device == "cuda":
        card, _ = resolve("auto", token=token)
        if card.name != EMBEDDED:
            yield card


def run(options: argparse.Namespace) -> int:
    """Measure and print. Returns the exit code."""
    token = load(ServeSettings).hub_token
    cards = list(models(options.model, options.device, token))
    if options.out is not None:
        options.out.touch()  # before hours of work
    machine = this_machine()
    if options.device == "cuda" and not machine.gpus:
        print(NO_GPU, file=sys.stderr)
        return 2
    summary = Summary(machine, options.out)
    streams, some, tokens, rounds = SIZES[options.device, options.quick]
    for card in cards:
        summary.done += [f"## {card.name}", ""]
        with tempfile.TemporaryDirectory() as scratch:
            setup = Setup(
                card, options.device, machine, ROOT / "data", Path(scratch), streams, some, tokens, rounds, token
            )
            try:
                folder = fetched(card, setup.data, token, options.patience)
            except CaseError as error:
                summary.done += [f"left out, because its weights are not here: {error}", ""]
                summary.problems += [f"{card.name}: {error}"] if options.model or card.name == EMBEDDED else []
                continue
            measure(replace(setup, folder=folder), options.sections, summary, options.patience)
    summary.save(complete=True)
    print(summary.text(complete=True), end="")
    return 1 if summary.problems else 0


def sections(text: str) -> list[str]:
    """Names of sections, separated by commas, in the order of the summary."""
    wanted = [name.strip() for name in text.split(",")]
    unknown = [name for name in wanted if name not in SECTIONS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no section {unknown[0]!r}; there are {', '.join(SECTIONS)}")
    return [name for name in SECTIONS if name in wanted]


def main() -> int:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help=f"card, folder or hub id; without it, {EMBEDDED} and what `auto` chooses")
    parser.add_argument("--sections", type=sections, default=list(SECTIONS), help=",".join(SECTIONS))
    parser.add_argument("--quick", action="store_true", help="shorter answers and one round")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--out", type=Path, help="also write the summary to this file")
    parser.add_argument("--patience", type=float, default=1800, help="seconds per case, and for fetching a model")
    options = parser.parse_args()
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))  # the cases' processes find us here
    if options.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    try:
        return run(options)
    except (ConfigError, OSError) as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
