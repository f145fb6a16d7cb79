//! Zones at random, from a seed: trees of aliases, CNAMEs and records of every routing, in Route 53's JSON (tests only).

use std::io::Write as _;

use serde_json::{Value, json};

/// The zone that all of them are.
pub(super) const ZONE: &str = "x.test";

/// Numbers that follow from a seed (xorshift64*, Vigna 2016).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `sides`.
    pub(super) fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(number).unwrap() % sides
    }

    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.roll(100) < percent
    }

    pub(super) fn pick<'t, T>(&mut self, among: &'t [T]) -> &'t T {
        &among[self.roll(among.len())]
    }
}

/// Tells what was covered, past the capture of passing tests' output.
pub(super) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

const STATES: [&str; 6] = [
    "healthy",
    "unhealthy",
    "disabled",
    "inverted",
    "disabled+inverted",
    "unhealthy+inverted",
];

/// Where questions come from.
pub(super) const PLACES: [&str; 10] = [
    "AS", "AS-JP", "AS-SG", "EU", "EU-DE", "NA-US", "NA-US-CA", "NA-US-NY", "NA-CA", "*",
];

/// A zone with its checks' states.
pub(super) struct Tree {
    /// `ResourceRecordSets`.
    pub(super) records: Vec<Value>,
    /// State by check id.
    pub(super) health: serde_json::Map<String, Value>,
    /// Names worth asking for.
    pub(super) names: Vec<String>,
}

/// Draws a zone: names in a row, whose aliases and CNAMEs lead only onward, so that none runs in a circle.
pub(super) fn draw(dice: &mut Dice) -> Tree {
    let count = 2 + dice.roll(7);
    let names: Vec<String> = (0..count).map(|index| drawn_name(index, dice)).collect();
    let mut tree = Tree {
        records: vec![
            plain(ZONE, "SOA", "ns.x.test. h.x.test. 1 2 3 4 5"),
            plain(ZONE, "NS", "ns.x.test."),
        ],
        health: serde_json::Map::new(),
        names: vec!["nobody.x.test".to_owned(), "nobody.wild.x.test".to_owned()],
    };
    for index in 0..count {
        tree.group(index, &names, dice);
    }
    if dice.chance(3) {
        tree.records
            .push(plain("n0.x.test", "NS", "ns.elsewhere.test."));
    }
    // The first names stand above the others, so they are asked for most.
    tree.names
        .extend([names[0].clone(), names[0].clone(), names[1].clone()]);
    tree.names.push(names[0].replacen("\\052", "some.body", 1));
    tree
}

fn drawn_name(index: usize, dice: &mut Dice) -> String {
    match dice.roll(12) {
        0 => format!("\\052.n{index}.{ZONE}"),
        1 => format!("deep.down.n{index}.{ZONE}"),
        2 if index == 3 => format!("\\052.wild.{ZONE}"),
        3 if index == 0 => ZONE.to_owned(),
        _ => format!("n{index}.{ZONE}"),
    }
}

fn plain(name: &str, kind: &str, value: &str) -> Value {
    json!({"Name": format!("{name}."), "Type": kind, "TTL": 60, "ResourceRecords": [{"Value": value}]})
}

impl Tree {
    fn group(&mut self, index: usize, names: &[String], dice: &mut Dice) {
        let later = &names[index + 1..];
        let is_cname = !later.is_empty() && names[index] != ZONE && dice.chance(6);
        let kinds = if dice.chance(3) { 6 } else { 5 };
        let routing = dice.roll(kinds);
        let places = drawn_places(dice);
        let members = match routing {
            1 => 1 + dice.roll(4),
            2 => 1 + dice.roll(2),
            3 => places.len(),
            4 if !is_cname => [1 + dice.roll(3), 9 + dice.roll(2)][usize::from(dice.chance(15))],
            _ => 1,
        };
        for member in 0..members {
            let mut record = json!({"Name": format!("{}.", names[index]), "Type": if is_cname { "CNAME" } else { "A" }});
            match routing {
                1 => record["Weight"] = json!([0, 1, 10, 255][dice.roll(4)]),
                2 => record["Failover"] = json!(["PRIMARY", "SECONDARY"][member]),
                3 => record["GeoLocation"] = places[member].clone(),
                4 if !is_cname => record["MultiValueAnswer"] = json!(true),
                5 => record["Region"] = json!("eu-west-1"),
                _ => {}
            }
            let is_simple = routing == 0 || (routing == 4 && is_cname);
            if !is_simple {
                record["SetIdentifier"] = json!(format!("m{member}"));
            }
            if dice.chance(75) {
                record["HealthCheckId"] = json!(self.check(dice));
            }
            let is_multivalue = routing == 4;
            if !later.is_empty() && !is_cname && !is_multivalue && dice.chance(55) {
                let target = format!("{}.", aimed(dice.pick::<String>(later), dice));
                record["AliasTarget"] = json!({
                    "DNSName": target, "HostedZoneId": "Z1", "EvaluateTargetHealth": dice.chance(80),
                });
            } else {
                record["TTL"] = json!(60);
                record["ResourceRecords"] = values(is_cname, later, (index, member), dice);
            }
            self.records.push(record);
        }
    }

    /// A check, new or of another record, and its state.
    fn check(&mut self, dice: &mut Dice) -> String {
        let id = format!("c{}", dice.roll(12));
        let state = if dice.chance(35) {
            "healthy"
        } else {
            *dice.pick(&STATES)
        };
        self.health.entry(id.clone()).or_insert(json!(state));
        id
    }
}

fn values(
    is_cname: bool,
    later: &[String],
    (index, member): (usize, usize),
    dice: &mut Dice,
) -> Value {
    if is_cname {
        let target = if dice.chance(15) {
            "cdn.elsewhere.test".to_owned()
        } else {
            aimed(dice.pick::<String>(later), dice)
        };
        return json!([{"Value": format!("{target}.")}]);
    }
    let values = (0..=dice.roll(2)).map(|value| {
        let address = format!("192.0.2.{}", index * 24 + member * 2 + value);
        json!({ "Value": address })
    });
    values.collect()
}

/// A name as somebody aims at it: a wildcard through one of the names it covers.
fn aimed(name: &str, dice: &mut Dice) -> String {
    let covered = ["\\052", "one", "one.two"][dice.roll(3)];
    name.replacen("\\052", covered, 1)
}

/// Some of the geolocations that fit together, each once.
fn drawn_places(dice: &mut Dice) -> Vec<Value> {
    let all = [
        json!({"ContinentCode": "AS"}),
        json!({"ContinentCode": "EU"}),
        json!({"ContinentCode": "NA"}),
        json!({"CountryCode": "JP"}),
        json!({"CountryCode": "US"}),
        json!({"CountryCode": "US", "SubdivisionCode": "CA"}),
        json!({"CountryCode": "*"}),
    ];
    let [placed @ .., default] = all;
    let mut some: Vec<Value> = placed.into_iter().filter(|_| dice.chance(55)).collect();
    if some.is_empty() || dice.chance(85) {
        some.push(default);
    }
    some
}
