"""User data put where a node finds it: a NoCloud seed for cloud-init, or plain files for a light or slim node."""

import email
import gzip
import json
import os
import pathlib
import re

from nodes.docker import NodeError

_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_HOST_KEY = re.compile(r"(ed25519|ecdsa|rsa)_(private|public|certificate)")
_DEFAULT_USER = "admin"  # as on Debian's images for EC2


def _write(path: pathlib.Path, content: bytes | str) -> None:
    # User data holds a host's private key: nobody else on the machine reads it.
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)


def write_full(folder: pathlib.Path, instance_id: str, hostname: str, user_data: bytes, public_keys: list[str]) -> None:
    """The seed that cloud-init reads; it understands gzip and MIME itself."""
    meta = {"instance-id": instance_id, "local-hostname": hostname, "public-keys": public_keys}
    _write(folder / "user-data", user_data or b"#cloud-config\n{}\n")
    _write(folder / "meta-data", json.dumps(meta))


def write_light(folder: pathlib.Path, user_data: bytes, public_keys: list[str]) -> None:
    """Host keys and users of the cloud-config, as files that the light node's first process copies."""
    config = cloud_config(user_data)
    (folder / "keys").mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, text in (config.get("ssh_keys") or {}).items():
        match = _HOST_KEY.fullmatch(name)
        if not match:
            raise NodeError(f"user data: ssh_keys names '{name}', which is no kind of host key")
        suffix = {"private": "", "public": ".pub", "certificate": "-cert.pub"}[match[2]]
        _write(folder / "keys" / f"ssh_host_{match[1]}_key{suffix}", text.rstrip("\n") + "\n")
    for user in users(config, public_keys):
        seat = folder / "users" / user["name"]
        _write(seat / "keys", "".join(f"{key}\n" for key in user["keys"]))
        _write(seat / "sudo", "".join(f"{user['name']} {rule}\n" for rule in user["sudo"]))
        _write(seat / "shell", user["shell"])


def users(config: dict, public_keys: list[str]) -> list[dict]:
    """The users that cloud-init would make, with name, keys, sudo (rules) and shell."""
    found = []
    for entry in config.get("users", ["default"]):
        if entry == "default":
            keys = [*public_keys, *(config.get("ssh_authorized_keys") or [])]
            entry = {"name": _DEFAULT_USER, "ssh_authorized_keys": keys, "sudo": "ALL=(ALL) NOPASSWD:ALL"}
            entry["shell"] = "/bin/bash"
        if not isinstance(entry, dict) or not _NAME.fullmatch(entry.get("name", "")):
            raise NodeError(f"user data: not a user that a light node can make: {entry!r}")
        sudo = entry.get("sudo") or []
        found.append(
            {
                "name": entry["name"],
                "keys": entry.get("ssh_authorized_keys") or [],
                "sudo": [sudo] if isinstance(sudo, str) else sudo,
                "shell": entry.get("shell", "/bin/sh"),
            }
        )
    return found


def cloud_config(user_data: bytes) -> dict:
    """The cloud-config in user data that is plain, gzipped or in MIME parts; empty if there is none."""
    if user_data.startswith(b"\x1f\x8b"):
        user_data = gzip.decompress(user_data)
    if user_data.startswith(b"#cloud-config"):
        # Imported here: only light nodes need it, and the full ones shall work without.
        import yaml

        try:
            return yaml.safe_load(user_data) or {}
        except yaml.YAMLError as error:
            # Without the text: it may hold a key.
            raise NodeError(f"user data is not YAML: {getattr(error, 'problem', 'unreadable')}") from None
    merged: dict = {}
    message = email.message_from_bytes(user_data)
    if message.is_multipart():
        for part in message.walk():
            if not part.is_multipart():
                merged.update(cloud_config(part.get_payload(decode=True)))
    return merged
