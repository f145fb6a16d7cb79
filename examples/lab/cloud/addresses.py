"""Gives every instance an address in 198.18.0.0/16 that no other instance of this lab ever had."""

import threading

from cloud import regions

_HOSTS = range(2, 255)
# 17 enabled regions share 255 networks: a region owns every 32nd, beginning with its number.
_STEP = 32
# Whole blocks of networks, each with one for every region.
BLOCKS = 14


class Addresses:
    """Hands out 198.18.<region number>.<n>, and goes on in the region's next network when one is used up."""

    def __init__(self):
        self._lock = threading.Lock()
        self._given = {}
        self._block = None

    def keep_to(self, block):
        """From now on only the block's networks are used, round and round: labs beside each other have one each."""
        if not 0 <= block < BLOCKS:
            raise ValueError(f"there are blocks 0 to {BLOCKS - 1}, not {block}")
        self._block = block

    def take(self, region):
        """The next address of the region; without a block none is ever given twice, not even after a reset."""
        with self._lock:
            index = self._given.get(region, 0)
            self._given[region] = index + 1
        round_number = index // len(_HOSTS)
        blocked = len(regions.ENABLED) * (self._block or 0)
        network = regions.number(region) + (_STEP * round_number if self._block is None else blocked)
        if network >= 256:
            raise RuntimeError(f"the lab's addresses for {region} are used up; restart the lab")
        return f"198.18.{network}.{_HOSTS[index % len(_HOSTS)]}"
