//! Help, completions, and words that are no command.

use insta::assert_snapshot;

use super::offline;

const COMMANDS: [&str; 14] = [
    "init",
    "plan",
    "up",
    "status",
    "render",
    "ssh",
    "exec",
    "connect",
    "dns",
    "cert",
    "token",
    "teardown",
    "failover",
    "completions",
];

#[test]
fn every_help_fits_a_terminal_of_a_hundred_columns() {
    let lab = offline().with("COLUMNS", "240");
    let inner = [
        "--help",
        "cert ca --help",
        "dns explain --help",
        "dns check --help",
    ];
    let mut calls: Vec<String> = inner.map(str::to_owned).to_vec();
    calls.extend(COMMANDS.map(|command| format!("{command} --help")));
    for call in calls {
        let ran = lab.run(&call).exits(0);
        let longest = ran
            .stdout
            .lines()
            .max_by_key(|line| line.chars().count())
            .unwrap();
        assert!(longest.chars().count() <= 100, "{call}: {longest}");
    }
}

#[test]
fn help_lists_every_command_and_exit_code() {
    let ran = offline().run("--help").exits(0);
    ran.says("Exit codes: 0 done, 1 error, 2 changes pending, 3 partly");
    assert_snapshot!(offline().run("-h").exits(0).stdout, @"
    Your own fast, watched line to an LLM API on small EC2 nodes in several regions

    Usage: dsline [OPTIONS] <COMMAND>

    Commands:
      init         Write a profile and make the line secret
      plan         Show what `up` would do; exits 2 if there is anything
      up           Bring the line to what the profile wants
      status       Show nodes, health, DNS answers and drift
      render       Write all files of a node, offline
      ssh          Open a shell on a node
      exec         Run a command on nodes
      connect      Print what a client of the line needs
      dns          Explain what DNS answers, or check that the world is led to the zone
      failover     Take a region out of service, put it back, or rehearse both
      cert         Show the certificate that the line's clients must trust
      token        Issue and revoke tokens of the line
      teardown     Remove everything of the line, then look again
      completions  Print shell completions
      help         Print this message or the help of the given subcommand(s)

    Options:
      -p, --profile <FILE>  Profile file; otherwise ./dsline.toml, otherwise the defaults [env:
                            DSLINE_PROFILE=]
          --name <NAME>     Name of the line, instead of the profile's
          --json            Print one JSON document on stdout
      -q, --quiet           Leave out progress and remarks
      -h, --help            Print help (see more with '--help')
      -V, --version         Print version
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
