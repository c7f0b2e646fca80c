"""`llm` runs the function that the model asks for, and prints what the model says then."""

from client import TOOL, llm
from doing import END, do


def finished():
    assert llm("-m", "glados", "--functions", TOOL, "What is the weather in Rome?").strip() == END


def finished_at_once():
    assert llm("-m", "glados", "--no-stream", "--functions", TOOL, "What is the weather in Rome?").strip() == END


do(finished, finished_at_once)
