"""The section `spark`."""

from __future__ import annotations

from streetdeciles.config.section import Section


class SparkConfig(Section):
    """The Spark session that streetdeciles builds itself; under spark-submit the cluster's settings apply instead."""

    master: str = "local[*]"
    """Where Spark runs: `local[*]` uses all cores of this machine, `spark://host:7077` a cluster."""
    driver_memory: str = "2g"
    """The memory of the JVM on this machine, e.g. 2g; a larger value is needed for tables with many files."""
    conf: dict[str, str] = {}
    """Further settings of Spark, by their names, e.g. spark.sql.shuffle.partitions."""
