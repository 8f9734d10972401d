"""All stages as one Spark job: `spark-submit jobs/pipeline.py --config conf/demo.yaml`."""

import sys

from streetdeciles.cli import main

if __name__ == "__main__":
    sys.exit(main(["run", *sys.argv[1:]]))
