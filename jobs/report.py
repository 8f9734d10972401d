"""The report stage as a Spark job: `spark-submit jobs/report.py --config conf/demo.yaml`."""

import sys

from streetdeciles.cli import main

if __name__ == "__main__":
    sys.exit(main(["report", *sys.argv[1:]]))
