//! What the kernel says about this process.

/// Memory that is really there, in bytes; 0 where the kernel does not say.
pub(super) fn resident_bytes() -> i64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: i64 = text
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse().ok())
        .unwrap_or(0);
    let page = i64::try_from(rustix::param::page_size()).unwrap_or(0);
    pages * page
}
