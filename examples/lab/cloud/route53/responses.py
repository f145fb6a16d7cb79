"""Route 53's front: our own operations before moto's."""

from moto.route53.responses import Route53

from cloud.route53.checks import Checks
from cloud.route53.tags import Tags
from cloud.route53.zones import Zones


class LabRoute53(Zones, Checks, Tags, Route53):
    """moto's Route 53 with everything that it is lax about replaced."""
