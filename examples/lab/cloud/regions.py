"""Which regions this account may use; the others refuse every call, as AWS does."""

# The regions every account has without opting in; the place in this list is the lab's network number, so append only.
ENABLED = (
    "us-east-1",
    "ap-southeast-1",
    "eu-west-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "ap-south-1",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-west-2",
    "eu-west-3",
    "eu-north-1",
    "sa-east-1",
)

_REGIONAL = ("ec2", "cloudwatch", "servicequotas", "ssm")


def refusal(call):
    """(code, message) when the call's region may not be used for its service, else None."""
    if call.service in _REGIONAL and call.region not in ENABLED:
        # AWS knows the key only in enabled regions, so there it looks like a wrong one.
        if call.service == "ec2":
            return "AuthFailure", "AWS was not able to validate the provided access credentials"
        return "UnrecognizedClientException", "The security token included in the request is invalid."
    if call.service == "route53" and call.region != "us-east-1":
        return "SignatureDoesNotMatch", "Credential should be scoped to a valid region, not '%s'. " % call.region
    return None


def number(region):
    """The lab's network number of an enabled region, from 1."""
    return ENABLED.index(region) + 1
