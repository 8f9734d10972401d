"""The training stage as a Spark job: `spark-submit jobs/training.py --config conf/demo.yaml`."""

import sys

from streetdeciles.cli import main

if __name__ == "__main__":
    sys.exit(main(["training", *sys.argv[1:]]))
