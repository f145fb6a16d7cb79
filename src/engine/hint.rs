//! What to do next about an error, from whichever of its causes knows.

use crate::cloud::Failure;
use crate::lease::{Lost, Taken};
use crate::line::Hinted;
use crate::plan::Refusal;
use crate::remote::{Blocked, PushFailure};

/// The hint of the outermost cause that has one.
pub fn hint_of(error: &anyhow::Error) -> Option<String> {
    error.chain().find_map(|cause| {
        let given = cause
            .downcast_ref::<Hinted>()
            .map(|hinted| hinted.hint().to_owned());
        let refused = || cause.downcast_ref::<Refusal>().map(Refusal::hint);
        let cloud = || cause.downcast_ref::<Failure>().and_then(Failure::hint);
        let remote = || cause.downcast_ref::<Blocked>().and_then(Blocked::hint);
        let push = || {
            cause
                .downcast_ref::<PushFailure>()
                .and_then(PushFailure::hint)
        };
        let taken = || cause.downcast_ref::<Taken>().map(Taken::hint);
        let lost = || cause.downcast_ref::<Lost>().map(Lost::hint);
        given
            .or_else(taken)
            .or_else(lost)
            .or_else(refused)
            .or_else(cloud)
            .or_else(remote)
            .or_else(push)
    })
}
