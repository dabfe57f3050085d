"""``python -m srnet.cli``."""

from srnet.cli import main

if __name__ == "__main__":
    main()
