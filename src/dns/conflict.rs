//! A record of somebody else at a name that the line needs.

use std::error::Error;
use std::fmt;

use crate::line::{RecordSet, RecordType, RecordValue};

/// Why a zone cannot take a line's records; nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The record that stands in the way.
    pub record: Box<RecordSet>,
}

impl Conflict {
    /// The first record of somebody else that Route 53, or a resolver, would not let stand beside a wanted one.
    pub(super) fn find(foreign: &[&RecordSet], desired: &[RecordSet]) -> Option<Self> {
        let is_in_the_way = |record: &RecordSet| {
            desired.iter().any(|wanted| {
                wanted.name == record.name && (wanted.kind == record.kind || is_cname(record))
            })
        };
        let record = foreign.iter().find(|record| is_in_the_way(record))?;
        Some(Self {
            record: Box::new((*record).clone()),
        })
    }
}

/// A CNAME tolerates no other record at its name (RFC 1034, 3.6.2).
fn is_cname(record: &RecordSet) -> bool {
    record.kind == RecordType::Other("CNAME".to_owned())
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the zone already has an unrelated {} record at `{}`",
            self.record.kind.name(),
            self.record.name
        )?;
        match &self.record.value {
            RecordValue::Values { values, .. } => write!(f, " ({})", values.join(", "))?,
            RecordValue::Alias(target) => write!(f, " (an alias of {})", target.name)?,
        }
        if let Some(identifier) = &self.record.set_identifier {
            write!(f, " with set identifier `{identifier}`")?;
        }
        f.write_str(", which is not this line's: remove it, or choose another `dns.host`")
    }
}

impl Error for Conflict {}
