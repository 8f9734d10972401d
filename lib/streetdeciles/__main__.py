"""`python -m streetdeciles`."""

import sys

from streetdeciles.cli import main

sys.exit(main())
