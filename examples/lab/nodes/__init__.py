"""The lab's nodes: containers that stand for EC2 instances, booted by the cloud when it runs an instance.

`engine.sh` sees to a Docker engine and the network, `image.sh` to the images, and `Fleet` boots nodes from them. By hand:
`python3 -m nodes list`, `python3 -m nodes off i-0123…` (from `examples/lab`; `--help` names all words).

A full node runs systemd, cloud-init and Docker, as on EC2. A slim one, on the same image, has the same nginx, redis, rsyslog
and gateway under small programs in place of systemd and Docker (`slim/`): it is up within a second and takes a push, for
tests that need hundreds. A light one can be logged in to, and no more. With a gate (`gate/`) a node asks the lab before and
after each command that comes over SSH.

What a node is not: `/proc/meminfo`, `/proc/stat` and `/proc/loadavg` are the host's (its limits are real, but only its
control group knows them), there is no instance metadata service, swap is accepted but never used, and the clock and the
kernel's modules cannot be touched. A refused address answers "no route to host" after three seconds, where AWS is silent.
"""

from nodes.docker import NodeError
from nodes.fleet import Fleet, Node

__all__ = ["Fleet", "Node", "NodeError"]
