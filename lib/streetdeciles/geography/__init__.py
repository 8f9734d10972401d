"""Where areas are: knows no Spark and no stage."""
