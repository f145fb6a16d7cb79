//! Masks what differs from run to run: ids, addresses, times.

use std::net::Ipv4Addr;

/// The text with each id, address and duration replaced by what it is.
pub(super) fn masked(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let bare = word.trim_end_matches('.');
        shown += mask(bare, after).unwrap_or(bare);
        shown += &word[bare.len()..];
        let next = after.find(is_part).unwrap_or(after.len());
        shown += &after[..next];
        rest = &after[next..];
    }
    shown
}

fn mask(word: &str, after: &str) -> Option<&'static str> {
    let hexadecimal = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
    };
    let of_ec2 = |kind: &str| {
        word.strip_prefix(kind)
            .is_some_and(|id| id.len() >= 8 && hexadecimal(id))
    };
    if word.parse::<Ipv4Addr>().is_ok() {
        Some("[ADDRESS]")
    } else if of_ec2("i-") {
        Some("[INSTANCE]")
    } else if of_ec2("sg-") {
        Some("[GROUP]")
    } else if word.len() == 36 && hexadecimal(word) {
        Some("[CHECK]")
    } else if is_zone(word) {
        Some("[ZONE]")
    } else if after.starts_with(" s") && word.contains('.') && word.parse::<f32>().is_ok() {
        Some("[TIME]")
    } else {
        None
    }
}

/// An id of a hosted zone.
fn is_zone(word: &str) -> bool {
    word.starts_with('Z')
        && word.len() >= 10
        && word
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}
