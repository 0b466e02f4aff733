"""`python -m watchkeeper` is the command `watchkeeper`."""

from .launcher.main import main

if __name__ == "__main__":
    main()
