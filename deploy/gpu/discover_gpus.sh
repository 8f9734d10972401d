#!/bin/sh
# Spark's discovery script for NVIDIA GPUs: prints {"name": "gpu", "addresses": ["0", "1"]}.
# It runs on each machine of the cluster; README.md in this folder describes the settings.
set -eu

found=$(nvidia-smi --query-gpu=index --format=csv,noheader)
addresses=$(echo "$found" | sed -n 's/^ *\([0-9][0-9]*\) *$/"\1"/p' | paste -s -d ',' - | sed 's/,/, /g')
if [ -z "$addresses" ]; then
    echo "nvidia-smi lists no GPU on $(uname -n); its output: $found" >&2
    exit 1
fi
echo "{\"name\": \"gpu\", \"addresses\": [$addresses]}"
