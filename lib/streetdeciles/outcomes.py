"""The outcomes that published tables give, by name, with the title that a reader sees."""

from __future__ import annotations

OUTCOMES: dict[str, str] = {
    "imd": "Index of Multiple Deprivation",
    "imd_income": "Income deprivation",
    "imd_employment": "Employment deprivation",
    "imd_education": "Education deprivation",
    "imd_health": "Health deprivation and disability",
    "imd_crime": "Crime",
    "imd_housing": "Barriers to housing and services",
    "imd_living_environment": "Living environment",
    "health_self_reported": "Self-reported health",
    "overcrowding": "Occupancy rating",
    "unemployment": "Unemployment",
    "education_below_level2": "Education",
    "income_mean": "Mean household income",
    "income_median": "Median household income",
}
