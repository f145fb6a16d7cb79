//! Help, completions, and words that are no command.

use insta::assert_snapshot;

use super::offline;

const COMMANDS: [&str; 28] = [
    "bench",
    "init",
    "plan",
    "up",
    "push",
    "rollback",
    "releases",
    "status",
    "doctor",
    "render",
    "replay",
    "report",
    "ssh",
    "exec",
    "logs",
    "connect",
    "dns",
    "cert",
    "secrets",
    "token",
    "export",
    "iam",
    "prices",
    "free",
    "teardown",
    "failover",
    "completions",
    "man",
];

#[test]
fn every_help_fits_a_terminal_of_eighty_columns() {
    let lab = offline().with("COLUMNS", "240");
    let mut calls = vec!["--help".to_owned()];
    let below = [
        "iam policy",
        "cert ca",
        "dns explain",
        "dns check",
        "token issue",
        "token list",
        "token revoke",
        "export monitoring",
        "export k8s",
        "export edge",
    ];
    calls.extend(below.map(|command| format!("{command} --help")));
    calls.extend(COMMANDS.map(|command| format!("{command} --help")));
    for call in calls {
        let ran = lab.run(&call).exits(0);
        let longest = ran
            .stdout
            .lines()
            .max_by_key(|line| line.chars().count())
            .unwrap();
        assert!(longest.chars().count() <= 80, "{call}: {longest}");
    }
}

#[test]
fn help_lists_every_command_and_exit_code() {
    let ran = offline().run("--help").exits(0);
    ran.says("Exit codes: 0 done, 1 error, 2\nchanges pending, 3 partly done");
    assert_snapshot!(offline().run("-h").exits(0).stdout, @"
    Your own fast, watched line to an LLM API on small EC2 nodes in several regions

    Usage: dsline [OPTIONS] <COMMAND>

    Commands:
      init         Write a profile and make the line secret
      plan         Show what `up` would do; exits 2 if there is anything
      up           Bring the line to what the profile wants
      reconcile    Keep the line as the profile wants it: repair, scale, explain
      push         Push a new release to the nodes, one after the other
      rollback     Go back to a release that the nodes have kept
      releases     Show the releases that each node remembers
      status       Show nodes, health, DNS answers and drift
      doctor       Look for what is wrong with account and line, and mend it
      render       Write all files of a node, offline
      replay       Try scaling policies on a recorded load, offline
      bench        Ask the line as many users do, and measure
      ssh          Open a shell on a node
      exec         Run a command on nodes
      logs         Show the audit trail of all nodes, merged by time
      report       Write what happened in a time span as one Markdown file
      connect      Print what a client of the line needs
      dns          Explain DNS answers, or check that the world is led to the zone
      failover     Take a region out of service, put it back, or rehearse both
      cert         Show the certificate that the line's clients must trust
      token        Issue and revoke tokens of the line
      secrets      Change secrets of the line without a lost request
      export       Write files for Prometheus, Kubernetes or Cloudflare
      iam          Print the AWS permissions that dsline needs
      prices       Show what AWS asks for the parts of a line, or ask it anew
      free         Show what clouds give away, with limits and dates
      teardown     Remove everything of the line, then look again
      completions  Print shell completions
      man          Write man pages
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help (see more with '--help')
      -V, --version  Print version

    Options of every command:
      -p, --profile <FILE>  Profile file; otherwise ./dsline.toml, otherwise the
                            defaults [env: DSLINE_PROFILE=]
          --name <NAME>     Name of the line, instead of the profile's
          --json            Print one JSON document on stdout
      -q, --quiet           Leave out progress and remarks
    ");
}

#[test]
fn completions_know_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let ran = offline().run(&format!("completions {shell}")).exits(0);
        for command in COMMANDS {
            assert!(
                ran.stdout.contains(command),
                "{shell} does not know {command}"
            );
        }
    }
}

#[test]
fn words_that_are_no_command_exit_with_64() {
    let lab = offline();
    for call in [
        "",
        "pln",
        "plan --colour",
        "render",
        "exec",
        "ssh us-east-1",
        "secrets rotate everything",
        "status --watch --interval 1",
        "plan --name UPPER",
    ] {
        lab.run(call).exits(64);
    }
    assert_snapshot!(lab.run("pln").shown(), @"
    error: unrecognized subcommand 'pln'

      tip: a similar subcommand exists: 'plan'

    Usage: dsline [OPTIONS] <COMMAND>

    For more information, try '--help'.
    exit code 64
    ");
    assert_snapshot!(lab.run("plan --name UPPER").shown(), @"
    error: invalid value 'UPPER' for '--name <NAME>': `UPPER` is no line name: 1 to 20 lower-case letters, digits and inner hyphens, starting with a letter

    For more information, try '--help'.
    exit code 64
    ");
}

#[test]
fn a_version_is_told() {
    offline().run("--version").exits(0).says("dsline ");
}
