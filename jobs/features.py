"""The features stage as a Spark job: `spark-submit jobs/features.py --config conf/demo.yaml`."""

import sys

from streetdeciles.cli import main

if __name__ == "__main__":
    sys.exit(main(["features", *sys.argv[1:]]))
