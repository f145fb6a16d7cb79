//! The countries that Route 53's geolocation records may name, each with its continent.

use std::fmt;
use std::str::FromStr;

use super::region::Continent;
use super::region::Continent::{
    Africa, Antarctica, Asia, Europe, NorthAmerica, Oceania, SouthAmerica,
};

/// A country by its two letters (ISO 3166-1); one of those that this program knows the continent of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country(&'static str);

impl Country {
    /// The United States, whose states may be placed one by one.
    pub const UNITED_STATES: Self = Self("US");

    /// ISO's two letters.
    pub fn code(self) -> &'static str {
        self.0
    }

    /// Every country, by continent.
    pub fn all() -> impl Iterator<Item = Self> {
        COUNTRIES.iter().map(|row| Self(row.0))
    }

    /// The continent that it is counted to.
    pub fn continent(self) -> Continent {
        self.row().1
    }

    /// Its English name.
    pub fn title(self) -> &'static str {
        self.row().2
    }

    fn row(self) -> &'static (&'static str, Continent, &'static str) {
        COUNTRIES
            .iter()
            .find(|row| row.0 == self.0)
            .expect("a Country is made from the table only")
    }
}

impl FromStr for Country {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        COUNTRIES
            .iter()
            .find(|row| row.0 == text)
            .map(|row| Self(row.0))
            .ok_or_else(|| format!("`{text}` is no country's two letters (ISO 3166-1)"))
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// (letters, continent, name), from ISO 3166-1 with Kosovo; continents as `GeoNames` counts them.
#[rustfmt::skip]
const COUNTRIES: &[(&str, Continent, &str)] = &[
    ("AO", Africa, "Angola"),
    ("BF", Africa, "Burkina Faso"),
    ("BI", Africa, "Burundi"),
    ("BJ", Africa, "Benin"),
    ("BW", Africa, "Botswana"),
    ("CD", Africa, "Congo (Kinshasa)"),
    ("CF", Africa, "Central African Rep."),
    ("CG", Africa, "Congo (Brazzaville)"),
    ("CI", Africa, "Côte d'Ivoire"),
    ("CM", Africa, "Cameroon"),
    ("CV", Africa, "Cape Verde"),
    ("DJ", Africa, "Djibouti"),
    ("DZ", Africa, "Algeria"),
    ("EG", Africa, "Egypt"),
    ("EH", Africa, "Western Sahara"),
    ("ER", Africa, "Eritrea"),
    ("ET", Africa, "Ethiopia"),
    ("GA", Africa, "Gabon"),
    ("GH", Africa, "Ghana"),
    ("GM", Africa, "Gambia"),
    ("GN", Africa, "Guinea"),
    ("GQ", Africa, "Equatorial Guinea"),
    ("GW", Africa, "Guinea-Bissau"),
    ("KE", Africa, "Kenya"),
    ("KM", Africa, "Comoros"),
    ("LR", Africa, "Liberia"),
    ("LS", Africa, "Lesotho"),
    ("LY", Africa, "Libya"),
    ("MA", Africa, "Morocco"),
    ("MG", Africa, "Madagascar"),
    ("ML", Africa, "Mali"),
    ("MR", Africa, "Mauritania"),
    ("MU", Africa, "Mauritius"),
    ("MW", Africa, "Malawi"),
    ("MZ", Africa, "Mozambique"),
    ("NA", Africa, "Namibia"),
    ("NE", Africa, "Niger"),
    ("NG", Africa, "Nigeria"),
    ("RE", Africa, "Réunion"),
    ("RW", Africa, "Rwanda"),
    ("SC", Africa, "Seychelles"),
    ("SD", Africa, "Sudan"),
    ("SH", Africa, "St Helena"),
    ("SL", Africa, "Sierra Leone"),
    ("SN", Africa, "Senegal"),
    ("SO", Africa, "Somalia"),
    ("SS", Africa, "South Sudan"),
    ("ST", Africa, "Sao Tome & Principe"),
    ("SZ", Africa, "Eswatini"),
    ("TD", Africa, "Chad"),
    ("TG", Africa, "Togo"),
    ("TN", Africa, "Tunisia"),
    ("TZ", Africa, "Tanzania"),
    ("UG", Africa, "Uganda"),
    ("YT", Africa, "Mayotte"),
    ("ZA", Africa, "South Africa"),
    ("ZM", Africa, "Zambia"),
    ("ZW", Africa, "Zimbabwe"),
    ("AQ", Antarctica, "Antarctica"),
    ("BV", Antarctica, "Bouvet Island"),
    ("GS", Antarctica, "South Georgia & the South Sandwich Islands"),
    ("HM", Antarctica, "Heard Island & McDonald Islands"),
    ("TF", Antarctica, "French S. Terr."),
    ("AE", Asia, "United Arab Emirates"),
    ("AF", Asia, "Afghanistan"),
    ("AM", Asia, "Armenia"),
    ("AZ", Asia, "Azerbaijan"),
    ("BD", Asia, "Bangladesh"),
    ("BH", Asia, "Bahrain"),
    ("BN", Asia, "Brunei"),
    ("BT", Asia, "Bhutan"),
    ("CC", Asia, "Cocos (Keeling) Islands"),
    ("CN", Asia, "China"),
    ("CX", Asia, "Christmas Island"),
    ("CY", Asia, "Cyprus"),
    ("GE", Asia, "Georgia"),
    ("HK", Asia, "Hong Kong"),
    ("ID", Asia, "Indonesia"),
    ("IL", Asia, "Israel"),
    ("IN", Asia, "India"),
    ("IO", Asia, "British Indian Ocean Territory"),
    ("IQ", Asia, "Iraq"),
    ("IR", Asia, "Iran"),
    ("JO", Asia, "Jordan"),
    ("JP", Asia, "Japan"),
    ("KG", Asia, "Kyrgyzstan"),
    ("KH", Asia, "Cambodia"),
    ("KP", Asia, "North Korea"),
    ("KR", Asia, "South Korea"),
    ("KW", Asia, "Kuwait"),
    ("KZ", Asia, "Kazakhstan"),
    ("LA", Asia, "Laos"),
    ("LB", Asia, "Lebanon"),
    ("LK", Asia, "Sri Lanka"),
    ("MM", Asia, "Myanmar"),
    ("MN", Asia, "Mongolia"),
    ("MO", Asia, "Macau"),
    ("MV", Asia, "Maldives"),
    ("MY", Asia, "Malaysia"),
    ("NP", Asia, "Nepal"),
    ("OM", Asia, "Oman"),
    ("PH", Asia, "Philippines"),
    ("PK", Asia, "Pakistan"),
    ("PS", Asia, "Palestine"),
    ("QA", Asia, "Qatar"),
    ("SA", Asia, "Saudi Arabia"),
    ("SG", Asia, "Singapore"),
    ("SY", Asia, "Syria"),
    ("TH", Asia, "Thailand"),
    ("TJ", Asia, "Tajikistan"),
    ("TM", Asia, "Turkmenistan"),
    ("TR", Asia, "Turkey"),
    ("TW", Asia, "Taiwan"),
    ("UZ", Asia, "Uzbekistan"),
    ("VN", Asia, "Vietnam"),
    ("YE", Asia, "Yemen"),
    ("AD", Europe, "Andorra"),
    ("AL", Europe, "Albania"),
    ("AT", Europe, "Austria"),
    ("AX", Europe, "Åland Islands"),
    ("BA", Europe, "Bosnia & Herzegovina"),
    ("BE", Europe, "Belgium"),
    ("BG", Europe, "Bulgaria"),
    ("BY", Europe, "Belarus"),
    ("CH", Europe, "Switzerland"),
    ("CZ", Europe, "Czech Republic"),
    ("DE", Europe, "Germany"),
    ("DK", Europe, "Denmark"),
    ("EE", Europe, "Estonia"),
    ("ES", Europe, "Spain"),
    ("FI", Europe, "Finland"),
    ("FO", Europe, "Faroe Islands"),
    ("FR", Europe, "France"),
    ("GB", Europe, "United Kingdom"),
    ("GG", Europe, "Guernsey"),
    ("GI", Europe, "Gibraltar"),
    ("GR", Europe, "Greece"),
    ("HR", Europe, "Croatia"),
    ("HU", Europe, "Hungary"),
    ("IE", Europe, "Ireland"),
    ("IM", Europe, "Isle of Man"),
    ("IS", Europe, "Iceland"),
    ("IT", Europe, "Italy"),
    ("JE", Europe, "Jersey"),
    ("LI", Europe, "Liechtenstein"),
    ("LT", Europe, "Lithuania"),
    ("LU", Europe, "Luxembourg"),
    ("LV", Europe, "Latvia"),
    ("MC", Europe, "Monaco"),
    ("MD", Europe, "Moldova"),
    ("ME", Europe, "Montenegro"),
    ("MK", Europe, "North Macedonia"),
    ("MT", Europe, "Malta"),
    ("NL", Europe, "Netherlands"),
    ("NO", Europe, "Norway"),
    ("PL", Europe, "Poland"),
    ("PT", Europe, "Portugal"),
    ("RO", Europe, "Romania"),
    ("RS", Europe, "Serbia"),
    ("RU", Europe, "Russia"),
    ("SE", Europe, "Sweden"),
    ("SI", Europe, "Slovenia"),
    ("SJ", Europe, "Svalbard & Jan Mayen"),
    ("SK", Europe, "Slovakia"),
    ("SM", Europe, "San Marino"),
    ("UA", Europe, "Ukraine"),
    ("VA", Europe, "Vatican City"),
    ("XK", Europe, "Kosovo"),
    ("AS", Oceania, "American Samoa"),
    ("AU", Oceania, "Australia"),
    ("CK", Oceania, "Cook Islands"),
    ("FJ", Oceania, "Fiji"),
    ("FM", Oceania, "Micronesia"),
    ("GU", Oceania, "Guam"),
    ("KI", Oceania, "Kiribati"),
    ("MH", Oceania, "Marshall Islands"),
    ("MP", Oceania, "Northern Mariana Islands"),
    ("NC", Oceania, "New Caledonia"),
    ("NF", Oceania, "Norfolk Island"),
    ("NR", Oceania, "Nauru"),
    ("NU", Oceania, "Niue"),
    ("NZ", Oceania, "New Zealand"),
    ("PF", Oceania, "French Polynesia"),
    ("PG", Oceania, "Papua New Guinea"),
    ("PN", Oceania, "Pitcairn"),
    ("PW", Oceania, "Palau"),
    ("SB", Oceania, "Solomon Islands"),
    ("TK", Oceania, "Tokelau"),
    ("TL", Oceania, "East Timor"),
    ("TO", Oceania, "Tonga"),
    ("TV", Oceania, "Tuvalu"),
    ("UM", Oceania, "US minor outlying islands"),
    ("VU", Oceania, "Vanuatu"),
    ("WF", Oceania, "Wallis & Futuna"),
    ("WS", Oceania, "Samoa"),
    ("AG", NorthAmerica, "Antigua & Barbuda"),
    ("AI", NorthAmerica, "Anguilla"),
    ("AW", NorthAmerica, "Aruba"),
    ("BB", NorthAmerica, "Barbados"),
    ("BL", NorthAmerica, "St Barthélemy"),
    ("BM", NorthAmerica, "Bermuda"),
    ("BQ", NorthAmerica, "Caribbean NL"),
    ("BS", NorthAmerica, "Bahamas"),
    ("BZ", NorthAmerica, "Belize"),
    ("CA", NorthAmerica, "Canada"),
    ("CR", NorthAmerica, "Costa Rica"),
    ("CU", NorthAmerica, "Cuba"),
    ("CW", NorthAmerica, "Curaçao"),
    ("DM", NorthAmerica, "Dominica"),
    ("DO", NorthAmerica, "Dominican Republic"),
    ("GD", NorthAmerica, "Grenada"),
    ("GL", NorthAmerica, "Greenland"),
    ("GP", NorthAmerica, "Guadeloupe"),
    ("GT", NorthAmerica, "Guatemala"),
    ("HN", NorthAmerica, "Honduras"),
    ("HT", NorthAmerica, "Haiti"),
    ("JM", NorthAmerica, "Jamaica"),
    ("KN", NorthAmerica, "St Kitts & Nevis"),
    ("KY", NorthAmerica, "Cayman Islands"),
    ("LC", NorthAmerica, "St Lucia"),
    ("MF", NorthAmerica, "St Martin (French)"),
    ("MQ", NorthAmerica, "Martinique"),
    ("MS", NorthAmerica, "Montserrat"),
    ("MX", NorthAmerica, "Mexico"),
    ("NI", NorthAmerica, "Nicaragua"),
    ("PA", NorthAmerica, "Panama"),
    ("PM", NorthAmerica, "St Pierre & Miquelon"),
    ("PR", NorthAmerica, "Puerto Rico"),
    ("SV", NorthAmerica, "El Salvador"),
    ("SX", NorthAmerica, "St Maarten (Dutch)"),
    ("TC", NorthAmerica, "Turks & Caicos Is"),
    ("TT", NorthAmerica, "Trinidad & Tobago"),
    ("US", NorthAmerica, "United States"),
    ("VC", NorthAmerica, "St Vincent"),
    ("VG", NorthAmerica, "Virgin Islands (UK)"),
    ("VI", NorthAmerica, "Virgin Islands (US)"),
    ("AR", SouthAmerica, "Argentina"),
    ("BO", SouthAmerica, "Bolivia"),
    ("BR", SouthAmerica, "Brazil"),
    ("CL", SouthAmerica, "Chile"),
    ("CO", SouthAmerica, "Colombia"),
    ("EC", SouthAmerica, "Ecuador"),
    ("FK", SouthAmerica, "Falkland Islands"),
    ("GF", SouthAmerica, "French Guiana"),
    ("GY", SouthAmerica, "Guyana"),
    ("PE", SouthAmerica, "Peru"),
    ("PY", SouthAmerica, "Paraguay"),
    ("SR", SouthAmerica, "Suriname"),
    ("UY", SouthAmerica, "Uruguay"),
    ("VE", SouthAmerica, "Venezuela"),
];
