//! Whom a geolocation record answers, and where a question comes from: a state, a country, a continent or everyone.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::country::Country;
use super::region::Continent;

/// A state of the United States, or its capital's district, by its two letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct State(&'static str);

/// Whom a geolocation record answers; as the place of an asker, all that is known of it.
///
/// Written as Route 53's codes from the largest on: `AS`, `AS-JP`, `NA-US-CA`; `*` is everyone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Place {
    /// Everyone on a continent.
    Continent(Continent),
    /// Everyone in a country.
    Country(Country),
    /// Everyone in a state of the United States.
    State(State),
    /// Everyone else (Route 53's country `*`).
    Everyone,
}

impl State {
    /// The two letters.
    pub fn code(self) -> &'static str {
        self.0
    }

    /// Every state.
    pub fn all() -> impl Iterator<Item = Self> {
        STATES.iter().map(|row| Self(row.0))
    }

    /// Its name.
    pub fn title(self) -> &'static str {
        let row = STATES.iter().find(|row| row.0 == self.0);
        row.expect("a State is made from the table only").1
    }
}

impl FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        STATES
            .iter()
            .find(|row| row.0 == text)
            .map(|row| Self(row.0))
            .ok_or_else(|| format!("`{text}` is no state of the United States"))
    }
}

impl Place {
    /// The places that every line's records name: the continents and the default.
    pub fn all() -> impl Iterator<Item = Self> {
        Continent::ALL
            .into_iter()
            .map(Self::Continent)
            .chain([Self::Everyone])
    }

    /// This place and those around it, from the smallest to everyone: the order in which Route 53 looks for a record.
    pub fn widening(self) -> impl Iterator<Item = Self> {
        let state = matches!(self, Self::State(_)).then_some(self);
        let country = self.country().map(Self::Country);
        let continent = self.continent().map(Self::Continent);
        [state, country, continent, Some(Self::Everyone)]
            .into_iter()
            .flatten()
    }

    /// The country that it is, or lies in.
    pub fn country(self) -> Option<Country> {
        match self {
            Self::Country(country) => Some(country),
            Self::State(_) => Some(Country::UNITED_STATES),
            Self::Continent(_) | Self::Everyone => None,
        }
    }

    /// The continent that it is, or lies on.
    pub fn continent(self) -> Option<Continent> {
        match self {
            Self::Continent(continent) => Some(continent),
            Self::Everyone => None,
            Self::Country(_) | Self::State(_) => self.country().map(Country::continent),
        }
    }

    /// Its English name.
    pub fn title(self) -> &'static str {
        match self {
            Self::Continent(continent) => continent.title(),
            Self::Country(country) => country.title(),
            Self::State(state) => state.title(),
            Self::Everyone => "elsewhere",
        }
    }

    /// Every place that can be written.
    fn every() -> impl Iterator<Item = Self> {
        Self::all()
            .chain(Country::all().map(Self::Country))
            .chain(State::all().map(Self::State))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Continent(continent) => f.write_str(continent.code()),
            Self::Country(country) => write!(f, "{}-{country}", country.continent().code()),
            Self::State(state) => write!(f, "NA-US-{}", state.code()),
            Self::Everyone => f.write_str("*"),
        }
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::every()
            .find(|place| place.to_string() == text)
            .ok_or_else(|| refusal(text))
    }
}

/// The place that a geolocation record's codes name; Route 53 gives a continent, or a country with or without a state.
pub fn place_of(
    continent: Option<&str>,
    country: Option<&str>,
    subdivision: Option<&str>,
) -> Result<Place, String> {
    match (continent, country, subdivision) {
        (Some(continent), None, None) => continent.parse().map(Place::Continent),
        (None, Some("*"), None) => Ok(Place::Everyone),
        (None, Some(country), None | Some("*")) => country.parse().map(Place::Country),
        (None, Some("US"), Some(state)) => state.parse().map(Place::State),
        (None, Some(country), Some(state)) => Err(format!(
            "a subdivision of `{country}` (`{state}`), which is not the United States"
        )),
        _ => Err("either a continent, or a country with or without a subdivision".to_owned()),
    }
}

/// Says what might have been meant: the same in capitals, a name, a code without its continent or with another one's, or
/// a slip of the finger.
fn refusal(text: &str) -> String {
    let upper = text.to_uppercase();
    let find = |is_it: &dyn Fn(Place) -> bool| Place::every().find(|place| is_it(*place));
    let slips = |place: Place| {
        let by_code = strsim::damerau_levenshtein(&place.to_string(), &upper);
        let by_title = strsim::damerau_levenshtein(place.title(), text);
        // Codes are short: two slips would make any of them of any other.
        (by_code <= 1 || by_title <= 2).then_some((by_code.min(by_title), place))
    };
    let foreign = upper
        .split_once('-')
        .and_then(|(_, rest)| rest.parse().ok());
    let meant =
        find(&|place| place.to_string() == upper || place.title().eq_ignore_ascii_case(text))
            .or_else(|| find(&|place| place.to_string().ends_with(&format!("-{upper}"))))
            .or_else(|| foreign.map(Place::Country))
            .or_else(|| Some(Place::every().filter_map(slips).min()?.1));
    match meant {
        Some(place) => format!(
            "`{text}` is no place; did you mean `{place}` ({})?",
            place.title()
        ),
        None => format!(
            "`{text}` is no place: a continent (AF AN AS EU OC NA SA), a country like `AS-JP`, a state like `NA-US-CA`, or `*` for everyone else"
        ),
    }
}

impl TryFrom<String> for Place {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Place> for String {
    fn from(place: Place) -> Self {
        place.to_string()
    }
}

/// (letters, name): the subdivisions that Route 53 takes (API reference, `GeoLocation`).
#[rustfmt::skip]
const STATES: &[(&str, &str)] = &[
    ("AL", "Alabama"), ("AK", "Alaska"), ("AZ", "Arizona"), ("AR", "Arkansas"), ("CA", "California"),
    ("CO", "Colorado"), ("CT", "Connecticut"), ("DE", "Delaware"), ("DC", "District of Columbia"), ("FL", "Florida"),
    ("GA", "Georgia (state)"), ("HI", "Hawaii"), ("ID", "Idaho"), ("IL", "Illinois"), ("IN", "Indiana"),
    ("IA", "Iowa"), ("KS", "Kansas"), ("KY", "Kentucky"), ("LA", "Louisiana"), ("ME", "Maine"),
    ("MD", "Maryland"), ("MA", "Massachusetts"), ("MI", "Michigan"), ("MN", "Minnesota"), ("MS", "Mississippi"),
    ("MO", "Missouri"), ("MT", "Montana"), ("NE", "Nebraska"), ("NV", "Nevada"), ("NH", "New Hampshire"),
    ("NJ", "New Jersey"), ("NM", "New Mexico"), ("NY", "New York"), ("NC", "North Carolina"), ("ND", "North Dakota"),
    ("OH", "Ohio"), ("OK", "Oklahoma"), ("OR", "Oregon"), ("PA", "Pennsylvania"), ("RI", "Rhode Island"),
    ("SC", "South Carolina"), ("SD", "South Dakota"), ("TN", "Tennessee"), ("TX", "Texas"), ("UT", "Utah"),
    ("VT", "Vermont"), ("VA", "Virginia"), ("WA", "Washington"), ("WV", "West Virginia"), ("WI", "Wisconsin"),
    ("WY", "Wyoming"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Place {
        text.parse().unwrap()
    }

    #[test]
    fn every_place_reads_back_what_it_writes() {
        let written: std::collections::BTreeSet<String> =
            Place::every().map(|place| place.to_string()).collect();
        assert_eq!(written.len(), Place::every().count());
        assert_eq!(written.len(), 8 + 250 + 51);
        for place in Place::every() {
            assert_eq!(place.to_string().parse(), Ok(place));
        }
    }

    #[test]
    fn a_place_widens_to_everyone() {
        let widening = |text: &str| -> Vec<String> {
            place(text)
                .widening()
                .map(|place| place.to_string())
                .collect()
        };
        assert_eq!(widening("NA-US-CA"), ["NA-US-CA", "NA-US", "NA", "*"]);
        assert_eq!(widening("AS-JP"), ["AS-JP", "AS", "*"]);
        assert_eq!(widening("*"), ["*"]);
    }

    #[test]
    fn a_wrong_place_is_answered_with_the_likeliest() {
        let meant = |text: &str| {
            let message = text.parse::<Place>().unwrap_err();
            let rest = message.split_once("did you mean `").map(|(_, rest)| rest);
            rest.and_then(|rest| rest.split_once('`'))
                .map(|(name, _)| name.to_owned())
        };
        let cases = [
            ("as", "AS"),
            ("JP", "AS-JP"),
            ("Japan", "AS-JP"),
            ("Jappan", "AS-JP"),
            ("NA-US-CL", "NA-US-AL"),
            ("US-CA", "NA-US-CA"),
            ("europe", "EU"),
            ("EU-JP", "AS-JP"),
        ];
        for (wrong, right) in cases {
            assert_eq!(meant(wrong).as_deref(), Some(right), "{wrong}");
        }
        assert_eq!(meant("somewhere"), None);
    }
}
