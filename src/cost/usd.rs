//! Amounts of money, exact to a millionth of a dollar.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Mul};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// US dollars in millionths; shown in cents, rounded half up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Usd(u64);

impl Usd {
    /// An amount in cents.
    pub const fn from_cents(cents: u64) -> Self {
        Self(cents * 10_000)
    }

    /// In cents, rounded half up.
    pub fn cents(self) -> u64 {
        (self.0 + 5_000) / 10_000
    }

    /// As `FromStr` reads it, to the last millionth: `0.0104`.
    pub fn exact(self) -> String {
        let text = format!("{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000);
        let cents_at_least = text.len() - 4;
        let end = text.trim_end_matches('0').len().max(cents_at_least);
        text[..end].to_owned()
    }

    /// A part of it: so many of so many.
    #[must_use]
    pub fn share(self, part: u64, of: u64) -> Self {
        let exact = u128::from(self.0) * u128::from(part) / u128::from(of.max(1));
        Self(u64::try_from(exact).unwrap_or(u64::MAX))
    }
}

impl Add for Usd {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Mul<u64> for Usd {
    type Output = Self;

    fn mul(self, times: u64) -> Self {
        Self(self.0.saturating_mul(times))
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::default(), Add::add)
    }
}

/// `0.0104`: digits, a point, up to six more digits.
impl FromStr for Usd {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no amount in dollars: write it as in \"0.0104\"");
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let is_digits = |digits: &str| digits.chars().all(|digit| digit.is_ascii_digit());
        if whole.is_empty() || part.len() > 6 || !is_digits(whole) || !is_digits(part) {
            return Err(wrong());
        }
        let whole: u64 = whole.parse().map_err(|_| wrong())?;
        let part: u64 = format!("{part:0<6}").parse().map_err(|_| wrong())?;
        let all = whole
            .checked_mul(1_000_000)
            .and_then(|whole| whole.checked_add(part));
        all.map(Self).ok_or_else(wrong)
    }
}

impl TryFrom<String> for Usd {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Usd> for String {
    fn from(amount: Usd) -> Self {
        format!("{}.{:02}", amount.cents() / 100, amount.cents() % 100)
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("${}", String::from(*self)))
    }
}
