"""The lab's nodes: containers that stand for EC2 instances, booted by the cloud when it runs an instance.

`engine.sh` sees to a Docker engine and the network, `image.sh` to the images, and `Fleet` boots nodes from them. By hand:
`python3 -m nodes list`, `python3 -m nodes off i-0123…` (from `examples/lab`; `--help` names all words).

What a node is not: `/proc/meminfo`, `/proc/stat` and `/proc/loadavg` are the host's (its limits are real, but only its
control group knows them), there is no instance metadata service, swap is accepted but never used, and the clock and the
kernel's modules cannot be touched. A refused address answers "no route to host" after three seconds, where AWS is silent.
"""

from nodes.docker import NodeError
from nodes.fleet import Fleet, Node

__all__ = ["Fleet", "Node", "NodeError"]
