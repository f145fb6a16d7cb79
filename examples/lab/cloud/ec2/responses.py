"""EC2's front: our own operations before moto's, one call at a time per region."""

from moto.ec2.exceptions import InvalidKeyPairFormatError
from moto.ec2.responses import EC2Response

from cloud.ec2 import filters, images, instance, lifecycle
from cloud.ec2.describe import Describe, check_ids
from cloud.ec2.groups import Groups
from cloud.ec2.launch import Launch
from cloud.ec2.tags import check_resources, check_tags
from cloud.lab import lab
from cloud.refusals import Refused
from cloud.scope import Scoped

instance.install()
lifecycle.install()
images.install()


class LabEC2(Scoped, Launch, Describe, Groups, EC2Response):
    """moto's EC2 with everything that it is lax about replaced."""

    def call_action(self):
        """Catches up with the clock, checks what all calls have in common, then does the call."""
        with lab.lock(self.region):
            lifecycle.advance(self.ec2_backend)
            check_ids(self.params)
            check_tags(self.params)
            filters.check(self._get_action(), self._filters_from_querystring())
            return super().call_action()

    def create_tags(self):
        """CreateTags: only for what exists."""
        check_resources(self._get_param("Resources", []), self.ec2_backend)
        return super().create_tags()

    def import_key_pair(self):
        """ImportKeyPair: a key that is none is refused in words."""
        try:
            return super().import_key_pair()
        except (InvalidKeyPairFormatError, ValueError, TypeError, IndexError) as error:
            raise Refused("InvalidKey.Format", "Key is not in valid OpenSSH public key format") from error
