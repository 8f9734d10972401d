"""Delta tables in Spark's own catalog; skipped where Spark has no jar of Delta, which the wheel delta-spark lacks."""

from __future__ import annotations

from pathlib import Path

import pyspark
import pytest

from streetdeciles.catalog.tables import table_version
from streetdeciles.config import SparkConfig
from streetdeciles.session import spark_session

JARS = Path(pyspark.__file__).parent / "jars"

DELTA = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.sources.default": "delta",
}

pytestmark = pytest.mark.skipif(
    not [*JARS.glob("delta-spark*.jar")],
    reason=f"needs Delta's jars in {JARS}; put delta-spark and delta-storage of Maven Central there",
)


def test_version_of_a_delta_table_is_its_last_commit(tmp_path: Path) -> None:
    conf = {**DELTA, "spark.sql.warehouse.dir": str(tmp_path / "warehouse")}
    with spark_session(SparkConfig(master="local[1]", conf=conf), str(tmp_path)) as spark:
        spark.sql("CREATE TABLE t TBLPROPERTIES (delta.enableDeletionVectors = true) AS SELECT id FROM range(100)")
        versions = [table_version(spark, "default.t")]
        spark.sql("DELETE FROM t WHERE id = 7")
        versions.append(table_version(spark, "default.t"))
        spark.range(3).write.mode("overwrite").option("overwriteSchema", "true").saveAsTable("`default`.`t`")
        versions.append(table_version(spark, "default.t"))
        assert [version.rpartition(" ")[2] for version in versions] == ["0", "1", "2"]
        assert spark.table("default.t").count() == 3
