"""The lab's images: Debian, Ubuntu and a few of Amazon's, with ids of their own in every region."""

import hashlib
from datetime import datetime, timedelta

from moto.ec2.models.amis import Ami, AmiBackend

DEBIAN, CANONICAL, AMAZON = "136693071363", "099720109477", "137112412989"
_DEBIAN_13 = ("20250814-2204", "20250924-2245", "20251006-2257", "20251117-2299")
_DEBIAN_12 = ("20250814-2204", "20251006-2257", "20251112-2294")
_UBUNTU_24 = ("20250821", "20251022")
_AMAZON_2023 = ("2023.9.20251105.0", "2023.9.20251117.1")


class LabImage(Ami):
    """An image with a size and the fields dsline and others filter by."""

    size_gib = 8
    free_tier_eligible = "true"
    ena_support = True
    image_owner_alias = None

    @property
    def block_device_mappings(self):
        """One root volume."""
        ebs = {
            "SnapshotId": self.ebs_snapshot.id,
            "VolumeSize": self.size_gib,
            "DeleteOnTermination": True,
            "VolumeType": "gp3",
            "Encrypted": False,
        }
        return [{"DeviceName": self.root_device_name, "Ebs": ebs}]

    @property
    def public(self):
        """Everybody may use it."""
        return True

    def get_filter_value(self, filter_name, method_name=None):
        """Also the filters that moto does not know."""
        known = {
            "creation-date": lambda: f"{self.creation_date:%Y-%m-%dT%H:%M:%S}.000Z",
            "free-tier-eligible": lambda: self.free_tier_eligible,
            "is-public": lambda: "true",
            "image-type": lambda: self.image_type,
            "ena-support": lambda: "true",
            "block-device-mapping.volume-type": lambda: "gp3",
        }
        if filter_name in known:
            return known[filter_name]()
        return super().get_filter_value(filter_name, method_name)


def install():
    """Gives every region these images instead of moto's."""
    AmiBackend._load_amis = _load


def _load(self):
    for owner, name, architecture, built, root, description in _catalogue():
        ami_id = "ami-" + hashlib.sha256(f"{self.region_name}/{name}".encode()).hexdigest()[:17]
        self.amis[ami_id] = LabImage(
            self,
            ami_id,
            name=name,
            description=description,
            owner_id=owner,
            owner_alias="amazon" if owner == AMAZON else None,
            public=True,
            virtualization_type="hvm",
            architecture=architecture,
            creation_date=built,
            image_location=f"{'amazon' if owner == AMAZON else owner}/{name}",
            hypervisor="xen",
            root_device_type="ebs",
            root_device_name=root,
            boot_mode="uefi-preferred",
            region_name=self.region_name,
        )


def _catalogue():
    for number, versions in (("13", _DEBIAN_13), ("12", _DEBIAN_12)):
        for version in versions:
            for suffix, architecture in (("amd64", "x86_64"), ("arm64", "arm64")):
                name = f"debian-{number}-{suffix}-{version}"
                yield DEBIAN, name, architecture, _built(version[:8]), "/dev/xvda", f"Debian {number} ({version})"
    for version in _UBUNTU_24:
        for suffix, architecture in (("amd64", "x86_64"), ("arm64", "arm64")):
            name = f"ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-{suffix}-server-{version}"
            description = f"Canonical, Ubuntu, 24.04, {suffix} noble image"
            yield CANONICAL, name, architecture, _built(version), "/dev/sda1", description
    for version in _AMAZON_2023:
        for architecture in ("x86_64", "arm64"):
            name = f"al2023-ami-{version}-kernel-6.1-{architecture}"
            day = _built(version.split(".")[2])
            yield AMAZON, name, architecture, day, "/dev/xvda", f"Amazon Linux 2023 {version} {architecture} HVM"


def _built(day):
    # A release is registered some hours into the day of its name.
    return datetime.strptime(day, "%Y%m%d") + timedelta(hours=9, minutes=17, seconds=42)
