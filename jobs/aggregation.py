"""The aggregation stage as a Spark job: `spark-submit jobs/aggregation.py --config conf/demo.yaml`."""

import sys

from streetdeciles.cli import main

if __name__ == "__main__":
    sys.exit(main(["aggregation", *sys.argv[1:]]))
