"""python -m watchkeeper."""

from .launcher.main import main

main()
