from pathlib import Path

from setuptools import find_packages, setup

version = "0.1.0"

setup(
    name="streetdeciles",
    version=version,
    description="Maps of social, environmental and health inequality from street-level photographs, on Spark",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8")
    if Path(__file__).with_name("README.md").exists()
    else "",
    long_description_content_type="text/markdown",
    license="MIT",
    python_requires=">=3.11,<3.13",
    package_dir={"": "lib"},
    packages=find_packages("lib"),
    package_data={"streetdeciles": ["py.typed", "log4j2.properties", "*/*.sql", "report/templates/*"]},
    entry_points={"console_scripts": ["streetdeciles = streetdeciles.cli:main"]},
)
