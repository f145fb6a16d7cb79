//! The bodies of questions: taken in as a whole, up to the limit.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use tokio::time::timeout;

use super::reply::Decline;
use super::rescue::{body_broke, too_large};
use crate::record::Exchange;

/// How long a client with too large a body may go on sending.
const PATIENCE: Duration = Duration::from_secs(2);
/// How much of it is thrown away at most.
const MOST: usize = 16 << 20;

/// A body as a whole, up to the limit.
pub(super) async fn take_in(
    mut body: Incoming,
    limit: u64,
    exchange: &Exchange,
) -> Result<Bytes, Decline> {
    if body.size_hint().lower() > limit {
        return Err(refuse(body, limit).await);
    }
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    match Limited::new(&mut body, most).collect().await {
        Ok(body) => {
            let body = body.to_bytes();
            exchange.take(body.len() as u64);
            Ok(body)
        }
        Err(error) if error.is::<LengthLimitError>() => Err(refuse(body, limit).await),
        Err(_) => Err(body_broke()),
    }
}

/// Refuses a body that is too large, once its client has come to its end: whose connection is closed while it still sends
/// loses the answer (RFC 9112, 9.6).
pub(super) async fn refuse(mut body: Incoming, limit: u64) -> Decline {
    let rest = async {
        let mut left = MOST;
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, Bytes::len);
            match left.checked_sub(length) {
                Some(less) => left = less,
                None => break,
            }
        }
    };
    // Whether it came to its end or not, the answer is the same.
    let _ = timeout(PATIENCE, rest).await;
    too_large(limit)
}
