//! What the operator's own machine may lack: the gateway program, a key to log in with.

use std::fs;

use insta::assert_snapshot;

use super::offline;

#[test]
fn a_missing_gateway_says_how_to_build_it() {
    let lab = offline().without("DSLINE_GATEWAY");
    // A copy elsewhere: beside the tests' own program the checkout's gateway may lie.
    let copy = lab.home().join("bin/dsline");
    fs::create_dir(lab.home().join("bin")).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_dsline"), &copy).unwrap();
    assert_snapshot!(lab.with_program(copy).run("plan").shown(), @"
    error: dsline-gateway, the program that nodes run, is not beside dsline

    hint: build it with `cargo build --profile gateway --target x86_64-unknown-linux-gnu -p dsline-gateway`, or name it with --gateway
    exit code 1
    ");
}

#[test]
fn a_gateway_that_cannot_be_read_is_named() {
    assert_snapshot!(offline().run("plan --gateway nowhere/gateway").shown(), @"
    error: cannot read the gateway [HOME]/nowhere/gateway
      caused by: No such file or directory (os error 2)
    exit code 1
    ");
}

#[test]
fn a_gateway_that_is_not_static_is_refused() {
    let script = b"#!/bin/sh\necho I am a gateway\n";
    assert_snapshot!(offline().with_file("gateway", script).run("plan").shown(), @"
    error: [HOME]/gateway is no static x86_64 Linux program, so it cannot run in an empty container
    exit code 1
    ");
    // The tests' own program is linked dynamically, like everything that cargo builds unless told otherwise.
    let own = fs::read(env!("CARGO_BIN_EXE_dsline")).unwrap();
    let ran = offline().with_file("gateway", &own).run("plan").exits(1);
    ran.says("is no static x86_64 Linux program");
}

#[test]
fn without_agent_and_key_nobody_could_log_in() {
    assert_snapshot!(offline().without_file(".ssh/id_ed25519.pub").run("plan").shown(), @"
    error: no SSH key to log in to the nodes with: the agent has none and [HOME]/.ssh holds none of id_ed25519.pub, id_ecdsa.pub, id_rsa.pub

    hint: run `ssh-keygen -t ed25519`, or name a key as `ssh.identity` in the profile
    exit code 1
    ");
}

#[test]
fn an_agent_that_does_not_answer_counts_as_none() {
    let lab = offline()
        .without_file(".ssh/id_ed25519.pub")
        .with("SSH_AUTH_SOCK", "/nonexistent/agent");
    lab.run("plan")
        .exits(1)
        .says("no SSH key to log in to the nodes with");
}

#[test]
fn an_identity_without_its_public_key_is_named() {
    let profile = "name = \"home\"\n[ssh]\nidentity = \"~/keys/line\"\n";
    assert_snapshot!(offline().with_profile(profile).run("plan").shown(), @"
    error: cannot read the public key [HOME]/keys/line.pub
      caused by: No such file or directory (os error 2)

    hint: the public key lies beside the private one; `ssh-keygen -y -f KEY > KEY.pub` writes it again
    exit code 1
    ");
}
