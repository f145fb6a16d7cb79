"""Percentile statistics (p50, p99.9, ...), which moto does not know."""

import re

from moto.cloudwatch.models import Statistics

_PERCENTILE = re.compile(r"^p(\d{1,2}(?:\.\d+)?|100)$")


def install():
    """Teaches moto's statistics the percentiles."""
    plain = Statistics.get_statistics_for_type

    def with_percentiles(self, stat):
        found = _PERCENTILE.match(stat)
        return _percentile(self.metric_single_values_list, float(found.group(1))) if found else plain(self, stat)

    Statistics.get_statistics_for_type = with_percentiles


def _percentile(values, percent):
    ordered = sorted(values)
    if not ordered:
        return None
    # Between the two nearest ranks, as CloudWatch does for raw values.
    rank = percent / 100 * (len(ordered) - 1)
    low = int(rank)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (rank - low)
