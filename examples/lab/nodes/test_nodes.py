"""What nodes promise, on real ones: `python3 -m unittest -v nodes.test_nodes` from `examples/lab`, as root.

DSLINE_TESTS_FULL=yes boots full nodes where others will do, and asks how fast the light one is.
"""

import concurrent.futures
import os
import pathlib
import random
import shutil
import socket
import subprocess
import tempfile
import textwrap
import time
import unittest

from nodes import Fleet, NodeError, docker, seed

HERE = pathlib.Path(__file__).parent
FULL = os.environ.get("DSLINE_TESTS_FULL") == "yes"
# Takes the memory that its argument names (MiB), says so, and sleeps for as long as a second one says.
HOG = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int n, char **a) {
    size_t size = (n > 1 ? atoi(a[1]) : 0) * 1048576UL;
    char *m = malloc(size + 1);
    for (size_t i = 0; i < size; i += 4096) m[i] = 1;
    printf("took %zu\\n", size >> 20); fflush(stdout);
    sleep(n > 2 ? atoi(a[2]) : 0);
    return 0;
}
"""
COMPOSE = """
services:
  gateway:
    build: .
    command: ["/hog", "1", "600"]
    restart: unless-stopped
"""


def setUpModule():
    """An engine, the images, and keys for everybody."""
    global work, fleet, operator, host, addresses
    for script in ("engine.sh", "image.sh"):
        subprocess.run([HERE / script], check=True)
    work = pathlib.Path(tempfile.mkdtemp(prefix="dsline-nodes-"))
    fleet = Fleet(work)
    for name in ("operator", "host"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", work / name], check=True)
    operator = (work / "operator.pub").read_text().strip()
    host = (work / "host").read_text(), (work / "host.pub").read_text().strip()
    start = random.randrange(1, 200)
    addresses = (f"198.18.254.{number}" for number in range(start, 255))


def tearDownModule():
    """Leaves no container."""
    fleet.sweep()
    shutil.rmtree(work)


def user_data() -> str:
    """What dsline's first boot does, in small."""
    return textwrap.dedent("""\
        #cloud-config
        ssh_keys:
          ed25519_private: |
        {private}
          ed25519_public: {public}
        users:
          - name: dsline
            shell: /bin/bash
            sudo: "ALL=(ALL) NOPASSWD:ALL"
            ssh_authorized_keys: ["{operator}"]
        swap: {{filename: /swap.img, size: 64M}}
        packages: [nginx, redis-server]
        write_files:
          - path: /etc/lab-test
            content: written
        runcmd:
          - [sh, -c, "echo ran > /var/lib/lab-test"]
        """).format(private=textwrap.indent(host[0].rstrip(), "    "), public=host[1], operator=operator)


def ssh(address: str, command: str, text: str | None = None, user: str = "dsline", wait: float = 60) -> str:
    """Runs a command on a node whose host key must be the one that the user data brought."""
    known = work / f"known-{address}"
    known.write_text(f"{address} {' '.join(host[1].split()[:2])}\n")
    done = subprocess.run(
        ["ssh", "-F", "none", "-i", work / "operator", "-o", f"UserKnownHostsFile={known}", "-o", "BatchMode=yes",
         "-o", "StrictHostKeyChecking=yes", "-o", f"ConnectTimeout={wait:.0f}", f"{user}@{address}", command],
        input=text, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    if done.returncode != 0:
        raise AssertionError(f"{command!r} on {address}: {done.returncode} {done.stdout} {done.stderr}")
    return done.stdout.strip()


def answers(address: str, wait: float = 1) -> bool:
    """Whether an SSH server greets there."""
    try:
        with socket.create_connection((address, 22), timeout=wait) as line:
            line.settimeout(wait)
            return line.recv(4) == b"SSH-"
    except OSError:
        return False


def wait_for(is_so, what: str, limit: float = 300) -> None:
    """Returns as soon as it is so."""
    end = time.monotonic() + limit
    while not is_so():
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come about within {limit:.0f} s")
        time.sleep(0.02)


def await_ssh(address: str) -> None:
    """Returns at the first greeting."""
    wait_for(lambda: answers(address), f"a greeting of {address}")


def boot_full(name: str, address: str, memory: int = 1024) -> tuple[float, float]:
    """Boots a full node; seconds until SSH greeted and until cloud-init was done."""
    start = time.monotonic()
    fleet.boot(name, address, memory, 2, user_data(), hostname=f"ip-{address.replace('.', '-')}")
    await_ssh(address)
    greeted = time.monotonic() - start
    ssh(address, "cloud-init status --wait || sudo cloud-init status --long")
    return greeted, time.monotonic() - start


def boot_light(name: str, address: str) -> float:
    """Boots a light node; seconds until SSH greeted."""
    start = time.monotonic()
    fleet.boot(name, address, 256, 1, user_data(), kind="light", hostname=name)
    await_ssh(address)
    return time.monotonic() - start


class Full(unittest.TestCase):
    """One full node, disturbed in alphabetical order."""

    @classmethod
    def setUpClass(cls):
        cls.name, cls.address = "i-full", next(addresses)
        cls.times = boot_full(cls.name, cls.address)
        print(f"one full node: ssh {cls.times[0]:.1f} s, cloud-init done {cls.times[1]:.1f} s")

    def test_a_cloud_init_did_what_the_user_data_said(self):
        self.assertIn("status: done", ssh(self.address, "cloud-init status --long"))
        self.assertIn("recoverable_errors: {}", ssh(self.address, "cloud-init status --long"))
        self.assertEqual(ssh(self.address, "cat /etc/lab-test; sudo cat /var/lib/lab-test"), "writtenran")
        self.assertEqual(ssh(self.address, "id -un; sudo id -u").split(), ["dsline", "0"])
        self.assertEqual(ssh(self.address, "hostname"), f"ip-{self.address.replace('.', '-')}")

    def test_b_services_run_and_none_failed(self):
        self.assertEqual(ssh(self.address, "systemctl is-system-running --wait"), "running")
        for unit in ("ssh", "nginx", "redis-server", "docker", "rsyslog"):
            self.assertEqual(ssh(self.address, f"systemctl is-active {unit}"), "active", unit)
        for check in ("nginx -t", "rsyslogd -N1", "logrotate -d /etc/logrotate.conf", "nft list tables"):
            ssh(self.address, f"sudo {check}")

    def test_c_the_host_keeps_its_kernel(self):
        swaps = pathlib.Path("/proc/swaps").read_text()
        mine = pathlib.Path("/proc/sys/vm/overcommit_memory").read_text().strip()
        other = "1" if mine != "1" else "2"
        ssh(self.address, "sudo fallocate -l 64M /var/lib/docker/s; sudo mkswap -q /var/lib/docker/s; "
            f"sudo chmod 600 /var/lib/docker/s; sudo swapon /var/lib/docker/s; sudo sysctl -w vm.overcommit_memory={other}")  # fmt: skip
        self.assertEqual(ssh(self.address, "cat /proc/sys/vm/overcommit_memory"), other)
        self.assertEqual(pathlib.Path("/proc/sys/vm/overcommit_memory").read_text().strip(), mine)
        self.assertEqual(pathlib.Path("/proc/swaps").read_text(), swaps)
        with self.assertRaises(AssertionError):
            ssh(self.address, "sudo date -s 2001-01-01")
        self.assertNotEqual(
            ssh(self.address, "cat /proc/sys/kernel/random/boot_id"),
            pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
        )

    def test_d_nested_containers_are_built_offline_and_inside_the_limit(self):
        (work / "hog.c").write_text(HOG)
        subprocess.run(["gcc", "-static", "-Os", "-s", "-o", work / "hog", work / "hog.c"], check=True)
        ssh(self.address, "mkdir -p app; cat > app/compose.yaml", COMPOSE)
        ssh(self.address, "cat > app/Dockerfile", 'FROM scratch\nCOPY hog /hog\nENTRYPOINT []\nCMD ["/hog"]\n')
        subprocess.run(
            ["docker", "cp", work / "hog", f"dsline-{fleet.lab}-{self.name}:/home/dsline/app/hog"], check=True,
            capture_output=True,
        )  # fmt: skip
        for compose in ("docker compose", "docker-compose"):
            ssh(self.address, f"cd app && sudo {compose} up --build --detach --quiet-pull 2>&1")
            self.assertIn("running", ssh(self.address, f"cd app && sudo {compose} ps --format '{{{{.State}}}}'"))
            outer = docker.call("inspect", "--format", "{{.Id}}", f"dsline-{fleet.lab}-{self.name}")
            # Seen from the host, the inner process is in groups below the node's.
            (inner,) = (line.split()[0] for line in docker.call("top", outer, "-eo", "pid,comm").splitlines() if "hog" in line)
            groups = pathlib.Path(f"/proc/{inner}/cgroup").read_text().splitlines()
            limiting = [g for g in groups if g.split(":")[1] in ("memory", "cpu", "cpu,cpuacct") or len(groups) == 1]
            self.assertTrue(limiting and all(outer in group for group in limiting), groups)
            ssh(self.address, f"cd app && sudo {compose} down 2>&1")
        ssh(self.address, "cd app && sudo docker build -q -t hog . 2>&1")
        self.assertEqual(ssh(self.address, "sudo docker run --rm hog /hog 100"), "took 100")
        # More than the node has (1 GiB): the node's limit ends it, although the container has none of its own.
        self.assertEqual(ssh(self.address, "sudo docker run --rm hog /hog 1500; echo $?"), "137")
        await_ssh(self.address)

    def test_e_a_paused_node_is_silent_and_comes_back(self):
        fleet.pause(self.name)
        self.assertFalse(answers(self.address))
        self.assertEqual([node.state for node in fleet.list()], ["paused"])
        fleet.resume(self.name)
        await_ssh(self.address)

    def test_f_a_cut_node_is_unreachable_and_keeps_its_address(self):
        fleet.cut(self.name)
        self.assertFalse(answers(self.address))
        self.assertTrue(fleet.list()[0].cut)
        inside = docker.call("exec", f"dsline-{fleet.lab}-{self.name}", "ip", "-brief", "address", "show", "eth0")
        self.assertIn(self.address, inside)
        fleet.mend(self.name)
        await_ssh(self.address)
        self.assertFalse(fleet.list()[0].cut)

    def test_g_a_node_without_power_is_dead_and_comes_back_as_it_was(self):
        machine = ssh(self.address, "cat /etc/machine-id; sync")
        boot = ssh(self.address, "cat /proc/sys/kernel/random/boot_id")
        fleet.power_off(self.name)
        self.assertFalse(answers(self.address))
        self.assertEqual([node.state for node in fleet.list()], ["off"])
        start = time.monotonic()
        fleet.power_on(self.name)
        await_ssh(self.address)
        print(f"power on: ssh {time.monotonic() - start:.1f} s")
        self.assertEqual(ssh(self.address, "cloud-init status --wait >/dev/null; cat /etc/machine-id"), machine)
        self.assertNotEqual(ssh(self.address, "cat /proc/sys/kernel/random/boot_id"), boot)
        self.assertEqual(ssh(self.address, "cat /etc/lab-test"), "written")
        self.assertEqual(ssh(self.address, "sudo docker image inspect hog --format ok"), "ok")

    def test_h_a_cut_survives_a_reboot(self):
        fleet.cut(self.name)
        start = time.monotonic()
        fleet.reboot(self.name)
        print(f"reboot: {time.monotonic() - start:.1f} s until its first process runs again")
        wait_for(self.listens_to_ssh, "the node's own SSH server")
        self.assertFalse(answers(self.address))
        fleet.mend(self.name)
        await_ssh(self.address)

    def listens_to_ssh(self):
        """Whether the SSH server is up, as seen from inside."""
        try:
            return bool(docker.call("exec", f"dsline-{fleet.lab}-{self.name}", "ss", "-Hltn", "sport = :22"))
        except NodeError:
            return False

    def test_i_a_reboot_from_inside_comes_back(self):
        boot = ssh(self.address, "cat /proc/sys/kernel/random/boot_id; cloud-init status --wait >/dev/null").strip()
        with self.assertRaises(AssertionError):
            ssh(self.address, "sudo systemctl reboot; sleep 30")
        await_ssh(self.address)
        self.assertNotEqual(ssh(self.address, "cat /proc/sys/kernel/random/boot_id"), boot)

    def test_j_nothing_of_it_stays(self):
        name = f"dsline-{fleet.lab}-{self.name}"
        volumes = docker.call("inspect", "--format", "{{range .Mounts}}{{.Name}} {{end}}", name).split()
        self.assertEqual(len(volumes), 1)
        fleet.pause(self.name)
        start = time.monotonic()
        fleet.terminate(self.name)
        print(f"terminate: {time.monotonic() - start:.1f} s")
        fleet.terminate(self.name)
        self.assertFalse(answers(self.address))
        self.assertEqual(fleet.list(), [])
        self.assertNotIn(volumes[0], docker.call("volume", "ls", "--quiet"))
        self.assertFalse((work / "nodes" / self.name).exists())


class Many(unittest.TestCase):
    """Several nodes at once, and several labs."""

    def test_three_nodes_at_once(self):
        names = {f"i-many{number}": next(addresses) for number in range(3)}
        start = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            times = list(pool.map(lambda pair: (boot_full if FULL else boot_light)(*pair), names.items()))
        print(f"three nodes: {times}, all {time.monotonic() - start:.1f} s")
        first, second, _ = names.values()
        # Nodes hear each other, and the internet refuses at once: 124 would be the end of patience.
        self.assertIn("SSH", ssh(first, f"timeout 60 bash -c 'head -c 4 < /dev/tcp/{second}/22'"))
        self.assertEqual(ssh(first, "timeout 60 bash -c ': < /dev/tcp/192.0.2.1/80' 2>/dev/null; echo $?"), "1")
        start = time.monotonic()
        self.assertEqual(fleet.sweep(), 3)
        print(f"sweep of three: {time.monotonic() - start:.1f} s")

    def test_labs_leave_each_other_alone(self):
        other = Fleet(work / "other")
        address = next(addresses)
        other.boot("i-other", address, 256, 1, user_data(), kind="light")
        self.assertEqual(fleet.sweep(), 0)
        self.assertEqual([node.address for node in other.list()], [address])
        with self.assertRaisesRegex(NodeError, "Address already in use"):
            fleet.boot("i-clash", address, 256, 1, user_data(), kind="light")
        self.assertEqual(fleet.list(), [])
        self.assertEqual(other.sweep(), 1)

    def test_what_cannot_be_booted_is_refused(self):
        with self.assertRaisesRegex(NodeError, "no kind of node 'heavy'"):
            fleet.boot("i-bad", next(addresses), 256, 1, kind="heavy")
        with self.assertRaisesRegex(NodeError, "not YAML"):
            fleet.boot("i-bad", next(addresses), 256, 1, "#cloud-config\na: [", kind="light")
        self.assertEqual(list((work / "nodes").glob("i-bad*")), [])


class Slim(unittest.TestCase):
    """The node whose daemons are real and whose systemd and Docker are not."""

    def test_boots_fast_runs_daemons_and_refuses_what_it_does_not_know(self):
        name, address = "i-slim", next(addresses)
        start = time.monotonic()
        fleet.boot(name, address, 256, 1, user_data(), kind="slim", hostname=name)
        await_ssh(address)
        print(f"slim node: ssh after {time.monotonic() - start:.2f} s")
        units = "nginx redis-server rsyslog docker logrotate.timer"
        states = ["inactive", "active", "active", "active", "active"]
        self.assertEqual(ssh(address, f"systemctl is-active {units} || true").split(), states)
        for refused in ("systemctl mask nginx", "systemctl start cron", "docker ps", "docker compose --ansi never version"):
            said = ssh(address, f"sudo {refused} 2>&1 || true")
            self.assertIn("slim node", said, refused)
        # nginx waits for a release, as behind first boot's ConditionPathExists.
        self.assertEqual(ssh(address, "sudo systemctl start nginx; systemctl is-active nginx || true"), "inactive")
        ssh(address, "sudo kill -9 $(pgrep redis-server)")
        self.assertEqual(ssh(address, "systemctl is-active redis-server || true"), "inactive")
        fleet.power_off(name)
        fleet.power_on(name)
        await_ssh(address)
        self.assertEqual(ssh(address, f"systemctl is-active {units} || true").split(), states)
        fleet.terminate(name)


class Light(unittest.TestCase):
    """The node that boots in less than a second."""

    def test_has_the_users_and_keys_and_boots_fast(self):
        best = float("inf")
        for number in range(3 if FULL else 1):
            name, address = f"i-light{number}", next(addresses)
            best = min(best, boot_light(name, address))
        print(f"light node: ssh after {best:.2f} s")
        self.assertEqual(ssh(address, "sudo id -u; hostname").split(), ["0", name])
        ssh(address, "echo kept > kept")
        fleet.power_off(name)
        self.assertFalse(answers(address))
        fleet.power_on(name)
        await_ssh(address)
        self.assertEqual(ssh(address, "cat kept"), "kept")
        fleet.cut(name)
        self.assertFalse(answers(address))
        fleet.mend(name)
        await_ssh(address)
        fleet.sweep()
        if FULL:
            self.assertLess(best, float(os.environ.get("DSLINE_LAB_LIGHT_LIMIT", "1.0")))

    def test_the_key_pair_goes_to_the_default_user(self):
        name, address = "i-pair", next(addresses)
        data = user_data().replace("users:", "unused:")
        fleet.boot(name, address, 256, 1, data, kind="light", public_keys=[operator])
        await_ssh(address)
        self.assertEqual(ssh(address, "sudo id -u", user="admin"), "0")
        fleet.terminate(name)

    def test_user_data_may_be_packed(self):
        import gzip

        self.assertEqual(seed.cloud_config(gzip.compress(b"#cloud-config\na: 1\n")), {"a": 1})
        parts = b'Content-Type: multipart/mixed; boundary="x"\n\n--x\nContent-Type: text/cloud-config\n\n#cloud-config\na: 1\n--x--\n'
        self.assertEqual(seed.cloud_config(parts), {"a": 1})
        self.assertEqual(seed.cloud_config(b"#!/bin/sh\n"), {})


if __name__ == "__main__":
    unittest.main()
