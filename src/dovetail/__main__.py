"""``python -m dovetail`` is the command line."""

from dovetail.cli import main

if __name__ == "__main__":
    main()
