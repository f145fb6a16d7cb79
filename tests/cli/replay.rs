//! Policies on recorded loads, offline.

use insta::assert_snapshot;

use super::offline;

const TRACE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/fixtures/replay/azure_llm_inference_2023_conv.csv"
);

#[test]
fn all_policies_stand_in_one_table_and_one_picture() {
    let lab = offline();
    let ran = lab.run(&format!("replay {TRACE} --min 5 --plot load.svg"));
    assert_snapshot!(ran.exits(0).stdout, @"
    azure_llm_inference_2023_conv.csv: 19366 requests in 58 min, 51.1 at a time
    POLICY        IN BAND  MEAN  OVERLOAD  REFUSED      WAIT   NODES  NODE HOURS    COST  CHANGES  FLAPS
    band           40.3 %  69 %   4.0 min   2.07 %    0.60 s    5-18       10.99   $0.18        4      1
    threshold       0.2 %  39 %   4.8 min   2.07 %    0.66 s    5-25       20.54   $0.33        9      1
    hpa            32.6 %  66 %   4.9 min   2.07 %    0.66 s    5-18       11.50   $0.19        4      1
    fixed (11)     39.9 %  66 %   0.2 min   0.00 %    0.00 s   11-11       10.70   $0.17        0      0
    in band: seconds at 65 to 80 %; overload: seconds in which somebody waited or was refused; flap: a turn within 15 min
    ");
}

#[test]
fn a_log_of_decisions_comes_out_again() {
    let lab = offline();
    let words = format!("replay {TRACE} --policy band --log decisions.jsonl");
    lab.run(&words).exits(0);
    lab.run("replay --decisions decisions.jsonl")
        .exits(0)
        .says("decisions.jsonl: 58 of 58 decisions come out again");
}

#[test]
fn what_is_no_trace_is_refused_with_its_line() {
    let lab = offline();
    assert_snapshot!(lab.run("replay dsline.toml --policy bnad").shown(), @"
    error: invalid value 'bnad' for '--policy <POLICY,...>': `bnad` is no policy; there are band, threshold, hpa, fixed

    For more information, try '--help'.
    exit code 64
    ");
    lab.run("replay missing.csv").exits(1).says("/missing.csv");
}
