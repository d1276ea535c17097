"""Grafana's dashboards as code, with Grafana's own foundation SDK.

`python -m dashboards` writes them to templates/grafana/dashboards, from where they go into
Grafana's image: a deploy needs no SDK, and a change shows in a review as what Grafana will read.
"""
