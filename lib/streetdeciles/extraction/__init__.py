"""From where a photograph lies to its pixels: what every stage that looks at photographs uses. Knows no Spark."""
