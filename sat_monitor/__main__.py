"""`python -m sat_monitor`: the command without its script."""

from sat_monitor.cli import main

main()
