"""What RunInstances refuses before it makes anything."""

import base64
import binascii

from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS, INSTANCE_TYPES

from cloud.lab import lab
from cloud.refusals import Refused

_MAX_USER_DATA = 16384
_TAGGABLE = ("instance", "volume", "network-interface", "spot-instances-request", "elastic-gpu")


def check_launch(parameters, backend):
    """Raises `Refused` for a RunInstances call that AWS would not carry out; returns its image."""
    _check_counts(parameters)
    image = _image(parameters, backend)
    _check_user_data(parameters.get("UserData"))
    _check_type(parameters, backend.region_name)
    _check_architecture(parameters["InstanceType"], image)
    _check_volumes(parameters, image)
    _check_token(parameters.get("ClientToken"))
    for specification in parameters.get("TagSpecifications") or []:
        if specification.get("ResourceType") not in _TAGGABLE:
            kind = specification.get("ResourceType")
            message = f"'{kind}' is not a valid taggable resource type for this operation."
            raise Refused("InvalidParameterValue", message)
    return image


def credits_of(parameters):
    """The credit mode the instance will have; None for types without credits."""
    wanted = (parameters.get("CreditSpecification") or {}).get("CpuCredits")
    return checked_credits(parameters["InstanceType"], wanted)


def checked_credits(instance_type, wanted):
    """The given mode, or the family's default, for a burstable type; refuses anything else."""
    if not INSTANCE_TYPES[instance_type]["BurstablePerformanceSupported"]:
        if wanted:
            message = f"CreditSpecification is not supported for the instance type {instance_type}"
            raise Refused("InvalidParameterCombination", message)
        return None
    if wanted not in (None, "standard", "unlimited"):
        raise Refused("InvalidParameterValue", f"Invalid value '{wanted}' for CpuCredits; use standard or unlimited")
    return wanted or ("standard" if instance_type.startswith("t2.") else "unlimited")


def _check_counts(parameters):
    for name in ("MinCount", "MaxCount"):
        if parameters.get(name) is None:
            raise Refused("MissingParameter", f"The request must contain the parameter {name}")
        if int(parameters[name]) < 1:
            raise _invalid(name, parameters[name], "It must be at least 1.")
    if int(parameters["MinCount"]) > int(parameters["MaxCount"]):
        raise _invalid("MinCount", parameters["MinCount"], "It exceeds MaxCount.")


def _image(parameters, backend):
    image_id = parameters.get("ImageId")
    if not image_id:
        raise Refused("MissingParameter", "The request must contain the parameter ImageId")
    if not image_id.startswith("ami-"):
        raise Refused("InvalidAMIID.Malformed", f'Invalid id: "{image_id}" (expecting "ami-...")')
    image = backend.amis.get(image_id)
    if image is None:
        raise Refused("InvalidAMIID.NotFound", f"The image id '[{image_id}]' does not exist")
    return image


def _check_user_data(encoded):
    if not encoded:
        return
    try:
        plain = base64.b64decode(str(encoded), validate=True)
    except binascii.Error:
        raise Refused("InvalidParameterValue", "Invalid BASE64 encoding of user data.") from None
    if len(plain) > _MAX_USER_DATA:
        raise Refused("InvalidParameterValue", f"User data is limited to {_MAX_USER_DATA} bytes")


def _check_type(parameters, region):
    wanted = parameters.get("InstanceType")
    if not wanted:
        raise Refused("MissingParameter", "The request must contain the parameter InstanceType")
    if wanted not in INSTANCE_TYPES:
        raise Refused("InvalidParameterValue", f"Invalid value '{wanted}' for InstanceType.")
    if not any(offer["InstanceType"] == wanted for offer in INSTANCE_TYPE_OFFERINGS["region"].get(region, [])):
        message = f"The requested configuration is currently not supported: {wanted} is not offered in {region}."
        raise Refused("Unsupported", message)
    zone = (parameters.get("Placement") or {}).get("AvailabilityZone")
    offers = INSTANCE_TYPE_OFFERINGS["availability-zone"].get(region, [])
    zones = sorted(offer["Location"] for offer in offers if offer["InstanceType"] == wanted)
    if zone and zone.startswith(region) and zones and zone not in zones and zone in {o["Location"] for o in offers}:
        raise Refused(
            "Unsupported",
            f"Your requested instance type ({wanted}) is not supported in your requested Availability Zone ({zone}). "
            f"Please retry your request by not specifying an Availability Zone or choosing {', '.join(zones)}.",
        )
    if lab.settings.free_plan and not INSTANCE_TYPES[wanted]["FreeTierEligible"]:
        raise Refused(
            "InvalidParameterCombination",
            "The specified instance type is not eligible for Free Tier. For a list of Free Tier instance types, run "
            "'describe-instance-types' with the filter 'free-tier-eligible=true'.",
        )


def _check_architecture(instance_type, image):
    supported = INSTANCE_TYPES[instance_type]["ProcessorInfo"]["SupportedArchitectures"]
    if image.architecture not in supported:
        raise Refused(
            "InvalidParameterValue",
            f"The architecture '{supported[-1]}' of the specified instance type does not match the architecture "
            f"'{image.architecture}' of the specified AMI. Specify an instance type and an AMI that have matching "
            "architectures, and try again.",
        )


def _check_volumes(parameters, image):
    for mapping in parameters.get("BlockDeviceMappings") or []:
        size = (mapping.get("Ebs") or {}).get("VolumeSize")
        if mapping.get("DeviceName") == image.root_device_name and size is not None and int(size) < image.size_gib:
            raise Refused(
                "InvalidBlockDeviceMapping",
                f"Volume of size {size}GB is smaller than snapshot '{image.ebs_snapshot.id}', expect size >= "
                f"{image.size_gib}GB",
            )


def _check_token(token):
    if token and (len(token) > 64 or not token.isascii()):
        raise _invalid("clientToken", token, "It may have 64 ASCII characters.")


def _invalid(name, value, reason):
    return Refused("InvalidParameterValue", f"Value ({value}) for parameter {name} is invalid. {reason}")
