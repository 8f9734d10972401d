"""The evaluation stage as a Spark job: `spark-submit jobs/evaluation.py --config conf/demo.yaml`."""

import sys

from streetdeciles.cli import main

if __name__ == "__main__":
    sys.exit(main(["evaluation", *sys.argv[1:]]))
