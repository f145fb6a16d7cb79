"""The arguments of `docker run` that make a container a node."""

import os
import pathlib

_HERE = pathlib.Path(__file__).parent
NETWORK = "dsline-lab"
# The machine itself, as nodes see it. The lab's DNS may answer there; if nothing does, a node hears so at once.
GATEWAY = "198.18.0.1"
STOP_SIGNAL = "SIGRTMIN+3"

# Everything is allowed (Docker runs inside) but what would reach the host's kernel. `swapon` says yes and does nothing:
# first boot makes a swap file on small nodes, and the host must not swap into it. EPERM for clock and modules is what a
# program without the right gets anywhere.
SECCOMP = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [
        {"names": ["swapon", "swapoff"], "action": "SCMP_ACT_ERRNO", "errnoRet": 0},
        {
            "names": [
                "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load",
                "settimeofday", "stime", "clock_settime", "adjtimex", "clock_adjtime",
            ],
            "action": "SCMP_ACT_ERRNO",
            "errnoRet": 1,
        },
    ],
}  # fmt: skip

# SYS_RESOURCE is missing on some hosts, and a container cannot be given what its host lacks. Without SYSLOG rsyslogd
# cannot drain the host's kernel log, without SYS_TIME and SYS_MODULE systemd does not try either.
_DROPPED = ("SYS_RESOURCE", "SYS_TIME", "SYS_MODULE", "SYSLOG")


def basics(hostname: str, address: str, memory_mib: int, vcpus: float, dns: str) -> list[str]:
    """What all kinds of node share: name, address and the limits of the instance type."""
    return [
        "--pull", "never",
        "--hostname", hostname,
        "--network", NETWORK,
        "--ip", address,
        "--dns", dns,
        "--memory", f"{memory_mib}m",
        "--memory-swap", f"{memory_mib * 2}m",
        # Docker refuses more CPUs than there are.
        "--cpus", str(min(float(vcpus), float(os.cpu_count() or 1))),
    ]  # fmt: skip


def full(seed: str, seccomp: str) -> list[str]:
    """A node that runs systemd, cloud-init and a Docker engine of its own."""
    dropped = [word for name in _DROPPED for word in ("--cap-drop", name)]
    return [
        "--cap-add", "ALL", *dropped,
        "--security-opt", f"seccomp={seccomp}",
        "--security-opt", "apparmor=unconfined",
        "--security-opt", "systempaths=unconfined",
        "--tmpfs", "/run:exec",
        "--tmpfs", "/run/lock",
        # The node's own control group is the root of all that it sees: nothing in it can get out of its limits.
        "--cgroupns", "private",
        # Overlay file systems cannot be stacked: the inner engine's layers need a real one.
        "--volume", "/var/lib/docker",
        "--volume", f"{seed}:/var/lib/cloud/seed/nocloud:ro",
        "--stop-signal", STOP_SIGNAL,
        # `sudo reboot` in the node ends its first process with an error; an instance comes back from that.
        "--restart", "on-failure",
        "--env", "container=docker",
        # Debian 13's systemd wants this word before it runs on control groups v1.
        "--env", "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1",
    ]  # fmt: skip


def light(seed: str) -> list[str]:
    """A node that is no more than a system to log in to."""
    return ["--init", "--volume", f"{seed}:/seed:ro"]


def slim(seed: str) -> list[str]:
    """A node on the full one's image whose daemons are started by small programs instead of systemd and Docker."""
    return [
        "--init",
        "--entrypoint", "/lab/start",
        "--volume", f"{seed}:/seed:ro",
        "--volume", f"{_HERE / 'slim'}:/lab:ro",
        "--volume", f"{_HERE / 'image' / 'light-start'}:/lab-light-start:ro",
    ]  # fmt: skip


def gate(address_file: str) -> list[str]:
    """Lets every command that comes over SSH ask the lab first; the file holds the lab's address."""
    return [
        "--volume", f"{_HERE / 'gate'}:/lab-gate:ro",
        "--volume", f"{_HERE / 'gate' / 'sshd.conf'}:/etc/ssh/sshd_config.d/20-lab-gate.conf:ro",
        "--volume", f"{address_file}:/etc/lab-gate:ro",
    ]  # fmt: skip
