"""`python -m jettison`."""

import sys

from jettison.cli.main import main

sys.exit(main())
