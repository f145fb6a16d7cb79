//! In which state a health check is, and whether Route 53 then counts its endpoint as healthy.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::line::HealthCheck;

/// The state of a health check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CheckState {
    /// Whether the checkers reach the endpoint; a new check counts as reached until there is data.
    pub reached: bool,
    /// Whether it is switched off: then it counts as reached, whatever the endpoint does.
    pub disabled: bool,
    /// Whether the outcome is turned round; that of a disabled check too.
    pub inverted: bool,
}

impl CheckState {
    /// A check as it is made, whose endpoint is well.
    pub const HEALTHY: Self = Self {
        reached: true,
        disabled: false,
        inverted: false,
    };

    /// Whether Route 53 counts what it checks as healthy.
    pub fn is_healthy(self) -> bool {
        (self.reached || self.disabled) != self.inverted
    }
}

impl FromStr for CheckState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut state = Self::HEALTHY;
        for word in text.split('+') {
            match word {
                "healthy" => {}
                "unhealthy" => state.reached = false,
                "disabled" => state.disabled = true,
                "inverted" => state.inverted = true,
                _ => return Err(refusal(text, word)),
            }
        }
        Ok(state)
    }
}

const WORDS: [&str; 4] = ["healthy", "unhealthy", "disabled", "inverted"];

fn refusal(text: &str, word: &str) -> String {
    let likeliest = WORDS
        .iter()
        .map(|known| (strsim::damerau_levenshtein(known, word), *known))
        .min()
        .filter(|(distance, _)| *distance <= 3);
    match likeliest {
        Some((_, known)) => {
            format!("`{text}` is no state of a health check; did you mean `{known}`?")
        }
        None => format!(
            "`{text}` is no state of a health check; there are healthy, unhealthy, disabled, inverted, disabled+inverted and unhealthy+inverted"
        ),
    }
}

impl fmt::Display for CheckState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [
            (!self.reached, "unhealthy"),
            (self.disabled, "disabled"),
            (self.inverted, "inverted"),
        ];
        let words: Vec<&str> = words
            .iter()
            .filter_map(|(holds, word)| holds.then_some(*word))
            .collect();
        f.write_str(if words.is_empty() { "healthy" } else { "" })?;
        f.write_str(&words.join("+"))
    }
}

/// The states of health checks by Route 53's id; one that is not named counts as healthy, like a new one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checks {
    states: BTreeMap<String, CheckState>,
}

impl Checks {
    /// Reads `{"check id": "state", …}`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let words: BTreeMap<String, String> =
            serde_json::from_str(text).map_err(|error| error.to_string())?;
        let state = |(id, word): (String, String)| match word.parse() {
            Ok(state) => Ok((id, state)),
            Err(why) => Err(format!("health check `{id}`: {why}")),
        };
        let states = words
            .into_iter()
            .map(state)
            .collect::<Result<_, String>>()?;
        Ok(Self { states })
    }

    /// A line's checks as Route 53 tells of them; `reached` is the checkers' verdict by id, where it is known.
    pub fn of_line(checks: &[HealthCheck], reached: &BTreeMap<String, bool>) -> Self {
        let state = |check: &HealthCheck| {
            let verdict = reached.get(&check.id).copied();
            // The verdict is about the endpoint; Route 53 applies both switches to it.
            let state = CheckState {
                reached: verdict.unwrap_or(true),
                disabled: check.disabled,
                inverted: check.inverted,
            };
            (check.id.clone(), state)
        };
        Self {
            states: checks.iter().map(state).collect(),
        }
    }

    /// Takes an endpoint for dead.
    pub fn lose(&mut self, id: &str) {
        let state = self.states.entry(id.to_owned());
        *state.or_insert(CheckState::HEALTHY) = CheckState {
            reached: false,
            ..CheckState::HEALTHY
        };
    }

    /// Whether Route 53 counts a check as healthy.
    pub fn is_healthy(&self, id: &str) -> bool {
        self.states.get(id).is_none_or(|state| state.is_healthy())
    }

    /// Whether the check's state is known.
    pub fn knows(&self, id: &str) -> bool {
        self.states.contains_key(id)
    }
}
