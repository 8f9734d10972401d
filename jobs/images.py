"""The images stage as a Spark job: `spark-submit jobs/images.py --config conf/demo.yaml`."""

import sys

from streetdeciles.cli import main

if __name__ == "__main__":
    sys.exit(main(["images", *sys.argv[1:]]))
