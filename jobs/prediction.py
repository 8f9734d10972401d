"""The prediction stage as a Spark job: `spark-submit jobs/prediction.py --config conf/demo.yaml`."""

import sys

from streetdeciles.cli import main

if __name__ == "__main__":
    sys.exit(main(["prediction", *sys.argv[1:]]))
