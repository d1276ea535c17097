#!/bin/sh
exec python3 /usr/share/grafana/double.py "$@"
