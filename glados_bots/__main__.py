"""`glados`, and `python -m glados_bots`. Rendering starts without the other commands, which take longer to load."""

import sys


def main() -> None:
    """Run the command line."""
    if sys.argv[1:2] == ["render"]:
        from glados_bots.cli.render import main as render  # noqa: PLC0415 - see above

        render(sys.argv[2:])
    else:
        from glados_bots.cli.app import main as run  # noqa: PLC0415 - as above

        run()


if __name__ == "__main__":
    main()
