"""The check of a cluster's executors as a Spark job: `spark-submit jobs/doctor.py --config conf/demo.yaml`."""

import sys

from streetdeciles.cli import main

if __name__ == "__main__":
    sys.exit(main(["doctor", "--cluster", *sys.argv[1:]]))
