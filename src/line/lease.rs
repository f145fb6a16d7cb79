//! The lock of a line as a value: how often it changed hands and moved, how long it binds others, and who has it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// First word of every lease: its format.
const FORMAT: &str = "dsline-lease-1";
/// What binds others when a value cannot be read: somebody newer wrote it, and is given time.
const CAUTIOUS: Duration = Duration::from_mins(5);

/// A lease as it stands in a zone or on a node; every change of it is another value, so it can be compared and swapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Counts its holders; it never goes back while the value exists, so a later holder has a greater one.
    pub fence: u64,
    /// Who has it; `None` once it has been given back.
    pub hold: Option<Hold>,
}

/// A lease in somebody's hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Counts the holder's signs of life.
    pub beat: u64,
    /// After so long without a sign of life others may take it.
    pub ttl: Duration,
    /// Who it is, sealed: zones are public. Different for any two holders.
    pub seal: String,
}

impl Lease {
    /// The value with which somebody takes over from `before`.
    pub fn taken(before: Option<&Self>, ttl: Duration, seal: &str) -> Self {
        Self {
            fence: before.map_or(0, |lease| lease.fence) + 1,
            hold: Some(Hold {
                beat: 0,
                ttl,
                seal: seal.to_owned(),
            }),
        }
    }

    /// The value with which its holder shows that he lives.
    #[must_use]
    pub fn moved(&self) -> Self {
        let hold = self.hold.clone().map(|hold| Hold {
            beat: hold.beat + 1,
            ..hold
        });
        Self { hold, ..*self }
    }

    /// The value with which its holder gives it back.
    #[must_use]
    pub fn given_back(&self) -> Self {
        Self {
            hold: None,
            ..*self
        }
    }

    /// Reads any value; what makes no sense is held by somebody unknown.
    pub fn read(text: &str) -> Self {
        text.parse().unwrap_or_else(|()| Self {
            fence: 0,
            hold: Some(Hold {
                beat: 0,
                ttl: CAUTIOUS,
                seal: text.to_owned(),
            }),
        })
    }
}

impl fmt::Display for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.hold {
            None => write!(f, "{FORMAT} {} free", self.fence),
            Some(Hold { beat, ttl, seal }) => {
                write!(f, "{FORMAT} {} {beat} {} {seal}", self.fence, ttl.as_secs())
            }
        }
    }
}

impl FromStr for Lease {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let words: Vec<&str> = text.split(' ').collect();
        let number = |word: &str| word.parse::<u64>().map_err(|_| ());
        match *words.as_slice() {
            [FORMAT, fence, "free"] => Ok(Self {
                fence: number(fence)?,
                hold: None,
            }),
            [FORMAT, fence, beat, ttl, seal] => Ok(Self {
                fence: number(fence)?,
                hold: Some(Hold {
                    beat: number(beat)?,
                    ttl: Duration::from_secs(number(ttl)?),
                    seal: seal.to_owned(),
                }),
            }),
            _ => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_mins(1);

    #[test]
    fn a_life_never_shows_the_same_value_twice() {
        let first = Lease::taken(None, TTL, "ann");
        let values = [
            first.clone(),
            first.moved(),
            first.moved().moved(),
            first.moved().given_back(),
            Lease::taken(Some(&first.moved().given_back()), TTL, "ann"),
            Lease::taken(Some(&first.moved()), TTL, "bob"),
        ];
        for (i, one) in values.iter().enumerate() {
            assert_eq!(Lease::read(&one.to_string()), *one);
            assert!(values[i + 1..].iter().all(|other| other != one), "{one}");
        }
        assert_eq!(first.to_string(), "dsline-lease-1 1 0 60 ann");
        assert_eq!(values[3].to_string(), "dsline-lease-1 1 free");
        assert_eq!(values[4].fence, 2);
    }

    #[test]
    fn what_cannot_be_read_is_somebodys() {
        for text in [
            "",
            "free",
            "dsline-lease-2 1 free",
            "dsline-lease-1 x 1 60 a",
        ] {
            let hold = Lease::read(text).hold.unwrap();
            assert_eq!((hold.ttl, hold.seal.as_str()), (CAUTIOUS, text));
        }
    }
}
