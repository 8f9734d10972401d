"""Tables in a catalog (Unity Catalog, Hive, Spark's own): copied before a run reads them, and replaced after it."""
