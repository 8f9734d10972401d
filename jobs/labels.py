"""The labels stage as a Spark job: `spark-submit jobs/labels.py --config conf/demo.yaml`."""

import sys

from streetdeciles.cli import main

if __name__ == "__main__":
    sys.exit(main(["labels", *sys.argv[1:]]))
