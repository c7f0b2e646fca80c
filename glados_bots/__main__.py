"""`python -m glados_bots` is `glados`."""

from glados_bots.cli import main

main()
