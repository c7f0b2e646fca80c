"""An installation without the extra `inference` runs all that needs no model, and says what the rest lacks."""

import subprocess
import sys

import pytest

from glados_bots.cli.usage_errors import MODEL_LIBRARIES, not_installed
from tests.cli.calls import ROOT

pytestmark = pytest.mark.slow  # a process for each call
WITHOUT = f"import sys; sys.modules |= dict.fromkeys({sorted(MODEL_LIBRARIES)})\n"
CALL = "sys.argv = ['glados', *sys.argv[1:]]; from glados_bots.cli.app import main; main()"
ECHO = """
from glados_bots.inference.run import build_engine
from glados_bots.inference.settings import ServeSettings
build_engine(ServeSettings(engine="echo"))
"""


def run(script: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT + script, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


@pytest.mark.parametrize("words", ["serve", "models plan smollm2_135m", "models pull ORG/NAME"])
def test_a_command_that_needs_a_model_names_the_extra_in_one_line(words: str) -> None:
    ran = run(CALL, *words.split())
    (line,) = [line for line in ran.stderr.splitlines() if line.startswith("glados: ")]
    assert line.endswith(" is not installed; run `pip install 'glados-bots[inference]'`")
    assert (ran.returncode, "Traceback" in ran.stderr) == (2, False)


def test_doctor_looks_at_all_the_rest() -> None:
    ran = run(CALL, "doctor")
    assert ran.stderr == ""
    assert "torch: not installed" in ran.stdout
    assert "GLADOS_WEB_PORT" in ran.stdout


def test_the_engine_echo_needs_none_of_them() -> None:
    ran = run(ECHO)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_another_module_that_is_missing_is_a_fault_of_ours() -> None:
    with pytest.raises(ModuleNotFoundError):
        not_installed(ModuleNotFoundError("No module named 'x'", name="x"))
