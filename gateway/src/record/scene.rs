//! What only the outer room can see when the metrics are asked for: states, not counts.

/// The state of one upstream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpstreamScene {
    /// Its name in the configuration.
    pub name: String,
    /// 0 passing, 1 on trial, 2 open.
    pub breaker: i64,
    /// Calls that run now.
    pub in_flight: i64,
}

/// A look at everything that has a state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scene {
    /// Health checks are told to go elsewhere.
    pub is_draining: bool,
    /// Lines that standard output did not take.
    pub log_lines_dropped: u64,
    /// Audit records that were lost, because the queue or the spool was full, or the disk failed.
    pub audit_records_dropped: u64,
    /// Bytes of the spool that are not yet taken away.
    pub audit_spool_bytes: i64,
    /// Each upstream.
    pub upstreams: Vec<UpstreamScene>,
    /// Upstream permits in use, and how many there are.
    pub permits: (i64, i64),
    /// Requests that wait for a permit.
    pub waiting: i64,
    /// Bytes held by the cache in this process.
    pub cache_bytes: i64,
    /// Whether the cache behind (Redis) is used; `None` without one.
    pub is_cache_behind_up: Option<bool>,
    /// Answers that were not stored, by reason; since the start.
    pub not_stored: Vec<(&'static str, u64)>,
    /// How often the cache behind did not do its part, by how; since the start.
    pub cache_failures: Vec<(&'static str, u64)>,
    /// Shared upstream calls that run now.
    pub flights: i64,
    /// Finished answers that can still be joined.
    pub flights_kept: i64,
    /// Bytes that both of them hold.
    pub flight_bytes: i64,
    /// Clients cut off because they read too slowly; since the start.
    pub outrun: u64,
}
