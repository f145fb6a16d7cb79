//! AWS regions with their places on the globe, the continents of Route 53, and who is near whom.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An AWS region's name, such as `eu-west-1`; one of the regions this program knows the place of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Region(String);

/// A continent as Route 53's geolocation records name it (API reference, `GeoLocation`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Continent {
    /// Africa.
    #[serde(rename = "AF")]
    Africa,
    /// Antarctica.
    #[serde(rename = "AN")]
    Antarctica,
    /// Asia.
    #[serde(rename = "AS")]
    Asia,
    /// Europe.
    #[serde(rename = "EU")]
    Europe,
    /// Oceania.
    #[serde(rename = "OC")]
    Oceania,
    /// North America.
    #[serde(rename = "NA")]
    NorthAmerica,
    /// South America.
    #[serde(rename = "SA")]
    SouthAmerica,
}

impl Continent {
    /// All continents that Route 53 knows.
    pub const ALL: [Self; 7] = [
        Self::Africa,
        Self::Antarctica,
        Self::Asia,
        Self::Europe,
        Self::Oceania,
        Self::NorthAmerica,
        Self::SouthAmerica,
    ];

    /// Route 53's two letters.
    pub fn code(self) -> &'static str {
        match self {
            Self::Africa => "AF",
            Self::Antarctica => "AN",
            Self::Asia => "AS",
            Self::Europe => "EU",
            Self::Oceania => "OC",
            Self::NorthAmerica => "NA",
            Self::SouthAmerica => "SA",
        }
    }

    /// The continent's English name.
    pub fn title(self) -> &'static str {
        match self {
            Self::Africa => "Africa",
            Self::Antarctica => "Antarctica",
            Self::Asia => "Asia",
            Self::Europe => "Europe",
            Self::Oceania => "Oceania",
            Self::NorthAmerica => "North America",
            Self::SouthAmerica => "South America",
        }
    }
}

impl FromStr for Continent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|c| c.code() == text)
            .ok_or_else(|| {
                format!("`{text}` is no continent: Route 53 knows AF, AN, AS, EU, OC, NA, SA")
            })
    }
}

/// (region, degrees north, degrees east, continent): the city that AWS names for each region.
const REGIONS: &[(&str, f64, f64, Continent)] = &[
    ("af-south-1", -33.9, 18.4, Continent::Africa),
    ("ap-east-1", 22.3, 114.2, Continent::Asia),
    ("ap-northeast-1", 35.7, 139.7, Continent::Asia),
    ("ap-northeast-2", 37.6, 127.0, Continent::Asia),
    ("ap-northeast-3", 34.7, 135.5, Continent::Asia),
    ("ap-south-1", 19.1, 72.9, Continent::Asia),
    ("ap-south-2", 17.4, 78.5, Continent::Asia),
    ("ap-southeast-1", 1.4, 103.8, Continent::Asia),
    ("ap-southeast-2", -33.9, 151.2, Continent::Oceania),
    ("ap-southeast-3", -6.2, 106.8, Continent::Asia),
    ("ap-southeast-4", -37.8, 145.0, Continent::Oceania),
    ("ca-central-1", 45.5, -73.6, Continent::NorthAmerica),
    ("ca-west-1", 51.0, -114.1, Continent::NorthAmerica),
    ("eu-central-1", 50.1, 8.7, Continent::Europe),
    ("eu-central-2", 47.4, 8.5, Continent::Europe),
    ("eu-north-1", 59.3, 18.1, Continent::Europe),
    ("eu-south-1", 45.5, 9.2, Continent::Europe),
    ("eu-south-2", 41.6, -0.9, Continent::Europe),
    ("eu-west-1", 53.3, -6.3, Continent::Europe),
    ("eu-west-2", 51.5, -0.1, Continent::Europe),
    ("eu-west-3", 48.9, 2.4, Continent::Europe),
    ("il-central-1", 32.1, 34.8, Continent::Asia),
    ("me-central-1", 25.2, 55.3, Continent::Asia),
    ("me-south-1", 26.1, 50.6, Continent::Asia),
    ("sa-east-1", -23.5, -46.6, Continent::SouthAmerica),
    ("us-east-1", 38.9, -77.4, Continent::NorthAmerica),
    ("us-east-2", 40.0, -83.0, Continent::NorthAmerica),
    ("us-west-1", 37.4, -121.9, Continent::NorthAmerica),
    ("us-west-2", 45.8, -119.7, Continent::NorthAmerica),
];

impl Region {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Every region this program knows, in alphabetical order.
    pub fn all() -> impl Iterator<Item = Self> {
        REGIONS.iter().map(|row| Self(row.0.to_owned()))
    }

    /// The continent the region lies on.
    pub fn continent(&self) -> Continent {
        self.row().3
    }

    /// `others` without this region, nearest first by great-circle distance; ties by name.
    pub fn nearest<'a>(&self, others: &'a [Self]) -> Vec<&'a Self> {
        let mut found: Vec<&Self> = others.iter().filter(|other| *other != self).collect();
        found.sort_by(|a, b| {
            self.distance_km(a)
                .total_cmp(&self.distance_km(b))
                .then_with(|| a.cmp(b))
        });
        found
    }

    /// Great-circle distance between the two regions' cities, in kilometres.
    pub fn distance_km(&self, other: &Self) -> f64 {
        let (_, north_a, east_a, _) = self.row();
        let (_, north_b, east_b, _) = other.row();
        let (phi_a, phi_b) = (north_a.to_radians(), north_b.to_radians());
        let half_north = (phi_b - phi_a) / 2.0;
        let half_east = (east_b - east_a).to_radians() / 2.0;
        let chord = half_north.sin().powi(2) + phi_a.cos() * phi_b.cos() * half_east.sin().powi(2);
        2.0 * 6371.0 * chord.sqrt().asin()
    }

    fn row(&self) -> (&'static str, f64, f64, Continent) {
        *REGIONS
            .iter()
            .find(|row| row.0 == self.0)
            .expect("a Region is made from the table only")
    }
}

impl FromStr for Region {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if REGIONS.iter().any(|row| row.0 == text) {
            return Ok(Self(text.to_owned()));
        }
        let likeliest = REGIONS
            .iter()
            .map(|row| (strsim::damerau_levenshtein(row.0, text), row.0))
            .min()
            .filter(|(distance, _)| *distance <= 3);
        Err(match likeliest {
            Some((_, name)) => format!("`{text}` is no AWS region; did you mean `{name}`?"),
            None => format!("`{text}` is no AWS region; they are named like `us-east-1`"),
        })
    }
}

impl TryFrom<String> for Region {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Region> for String {
    fn from(region: Region) -> Self {
        region.0
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(name: &str) -> Region {
        name.parse().unwrap()
    }

    #[test]
    fn nearest_orders_by_distance() {
        let all = [
            region("us-east-1"),
            region("ap-southeast-1"),
            region("eu-west-1"),
        ];
        let near: Vec<&str> = region("eu-west-1")
            .nearest(&all)
            .into_iter()
            .map(Region::as_str)
            .collect();
        assert_eq!(near, ["us-east-1", "ap-southeast-1"]);
        let near: Vec<&str> = region("ap-southeast-1")
            .nearest(&all)
            .into_iter()
            .map(Region::as_str)
            .collect();
        assert_eq!(near, ["eu-west-1", "us-east-1"]);
    }

    #[test]
    fn a_misspelt_region_is_answered_with_the_likeliest() {
        let message = "us-esat-1".parse::<Region>().unwrap_err();
        assert_eq!(
            message,
            "`us-esat-1` is no AWS region; did you mean `us-east-1`?"
        );
    }
}
