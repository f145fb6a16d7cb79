//! Profiles that are refused, with line, key and what would be right.

use insta::assert_snapshot;

use super::offline;

#[test]
fn an_unknown_region_is_answered_with_the_likeliest() {
    let ran = offline()
        .with_profile("name = \"home\"\nregions = [\"us-east-1\", \"us-esat-2\"]\n")
        .run("plan");
    assert_snapshot!(ran.shown(), @"
    error: the profile [HOME]/dsline.toml is refused
      caused by: line 2: `regions`: `us-esat-2` is no AWS region; did you mean `us-east-2`?
    exit code 64
    ");
}

#[test]
fn an_unknown_region_on_the_command_line_is_wrong_usage() {
    assert_snapshot!(offline().run("plan --regions us-east-1,eu-wset-1").shown(), @"
    error: invalid value 'eu-wset-1' for '--regions <REGION,...>': `eu-wset-1` is no AWS region; did you mean `eu-west-1`?

    For more information, try '--help'.
    exit code 64
    ");
}

#[test]
fn a_region_twice_is_refused_wherever_it_stands() {
    let twice = "name = \"home\"\nregions = [\"us-east-1\", \"us-east-1\"]\n";
    assert_snapshot!(offline().with_profile(twice).run("plan").shown(), @"
    error: the profile [HOME]/dsline.toml is refused
      caused by: line 2: `regions`: `us-east-1` is listed twice
    exit code 64
    ");
    assert_snapshot!(offline().run("plan --regions us-east-1,us-east-1").shown(), @"
    error: `regions`: `us-east-1` is listed twice
    exit code 64
    ");
}

#[test]
fn a_broken_profile_names_the_line() {
    let broken = "name = \"home\"\n\n[dns]\nhost = \"llm.example.com\nttl = 60\n";
    assert_snapshot!(offline().with_profile(broken).run("plan").shown(), @r#"
    error: the profile [HOME]/dsline.toml is refused
      caused by: line 4: `dns.host`: invalid basic string, expected `"`
    exit code 64
    "#);
}

#[test]
fn a_value_of_the_wrong_kind_names_line_and_key() {
    let wrong = "name = \"home\"\n[dns]\nttl = \"soon\"\n";
    assert_snapshot!(offline().with_profile(wrong).run("plan").shown(), @r#"
    error: the profile [HOME]/dsline.toml is refused
      caused by: line 3: `dns.ttl`: invalid type: string "soon", expected u32
    exit code 64
    "#);
}

#[test]
fn a_value_out_of_range_names_line_and_key() {
    let wrong = "name = \"home\"\n[nodes]\nper_region = 21\n";
    assert_snapshot!(offline().with_profile(wrong).run("plan").shown(), @"
    error: the profile [HOME]/dsline.toml is refused
      caused by: line 3: `nodes.per_region`: 21 is outside 1 to 20
    exit code 64
    ");
}

#[test]
fn an_unknown_key_is_answered_with_the_likeliest() {
    let wrong = "name = \"home\"\n[nodes]\nper_regoin = 2\n";
    assert_snapshot!(offline().with_profile(wrong).run("plan").shown(), @"
    error: the profile [HOME]/dsline.toml is refused
      caused by: line 3: unknown key `per_regoin`; did you mean `per_region`?
    exit code 64
    ");
}

#[test]
fn an_unknown_key_like_no_other_is_answered_with_those_there_are() {
    let wrong = "name = \"home\"\n[logs]\ncolour = \"blue\"\n";
    assert_snapshot!(offline().with_profile(wrong).run("plan").shown(), @"
    error: the profile [HOME]/dsline.toml is refused
      caused by: line 3: unknown key `colour`; known here: keep_days, prompts, forward, forward_ca
    exit code 64
    ");
}

#[test]
fn an_image_that_is_none_is_answered_with_what_can_be_written() {
    let wrong = "name = \"home\"\n[nodes]\nimage = \"windows\"\n";
    assert_snapshot!(offline().with_profile(wrong).run("plan").shown(), @"
    error: the profile [HOME]/dsline.toml is refused
      caused by: line 3: `nodes.image`: `windows` is no image: write debian-13, debian-12, ubuntu-24.04, an `ami-...` id, or `<owner account>:<name pattern>`
    exit code 64
    ");
}

#[test]
fn a_map_to_a_region_outside_the_line_is_refused() {
    let wrong = "name = \"home\"\nregions = [\"us-east-1\"]\n[dns.places]\nAS = \"eu-west-1\"\n";
    assert_snapshot!(offline().with_profile(wrong).run("plan").shown(), @"
    error: the profile [HOME]/dsline.toml is refused
      caused by: line 3: `dns.places`: `eu-west-1` is not one of the line's regions
    exit code 64
    ");
}

#[test]
fn a_profile_that_is_not_there_is_named() {
    assert_snapshot!(offline().run("plan --profile other.toml").shown(), @"
    error: cannot read the profile [HOME]/other.toml
      caused by: No such file or directory (os error 2)

    hint: name an existing file with --profile, or run `dsline init` to write one
    exit code 1
    ");
}

#[test]
fn a_machine_of_ones_own_without_its_host_key_or_in_a_strange_region_is_refused() {
    let node = "regions = [\"us-east-1\"]\n\n[[node]]\nname = \"home\"\naddress = \"203.0.113.7\"\nregion = \"us-east-1\"\nuser = \"debian\"\n";
    assert_snapshot!(offline().with_profile(node).run("plan").shown(), @"
    error: the profile [HOME]/dsline.toml is refused
      caused by: line 3: `node`: missing field `host_key`
    exit code 64
    ");
    let key = "host_key = \"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC0\"\n";
    assert_snapshot!(offline().with_profile(&format!("{node}{key}")).run("plan").shown(), @"
    error: the profile [HOME]/dsline.toml is refused
      caused by: line 8: `node.host_key`: this is no SSH public host key: give the line of the machine's /etc/ssh/ssh_host_ed25519_key.pub
    exit code 64
    ");
    let key = "host_key = \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJxNsj8CN8ksQSbls1ZGbYPKYJ9ulaRgXaFdNTJzbCDY\"\n";
    let strange =
        format!("{node}{key}").replace("region = \"us-east-1\"", "region = \"eu-west-1\"");
    assert_snapshot!(offline().with_profile(&strange).run("plan").shown(), @"
    error: the profile [HOME]/dsline.toml is refused
      caused by: line 6: `node.region`: `eu-west-1` is not one of the line's regions: us-east-1
    exit code 64
    ");
    let twice = format!(
        "{node}{key}{}",
        format!("{node}{key}").split_once("\n\n").unwrap().1
    );
    assert_snapshot!(offline().with_profile(&twice).run("plan").shown(), @"
    error: the profile [HOME]/dsline.toml is refused
      caused by: line 10: `node.name`: `home` is there twice
    exit code 64
    ");
}
