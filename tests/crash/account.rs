//! An account as its landlord sees it: what is left in it, what is there twice, and its shape without ids and addresses.

use std::collections::BTreeMap;

use serde_json::Value;

/// Everything in an account, in all regions, read past the API.
pub(crate) struct Account {
    all: Value,
    zone: String,
}

impl Account {
    pub(crate) fn new(all: Value, zone: &str) -> Self {
        Self {
            all,
            zone: zone.to_owned(),
        }
    }

    fn list(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.all[kind].as_array().expect("a list").iter()
    }

    fn alive(&self) -> impl Iterator<Item = &Value> {
        self.list("instances")
            .filter(|instance| instance["state"] != "terminated")
    }

    /// Groups but the one that each region has by itself.
    fn groups(&self) -> impl Iterator<Item = &Value> {
        self.list("groups")
            .filter(|group| group["name"] != "default")
    }

    /// What a line that is gone has left behind.
    pub(crate) fn leftovers(&self) -> Vec<String> {
        let named = |kind: &'static str| move |one: &Value| format!("{kind} {one}");
        let mut left: Vec<String> = self.alive().map(named("instance")).collect();
        left.extend(self.groups().map(named("security group")));
        for (kind, name) in [
            ("key_pairs", "key pair"),
            ("volumes", "volume"),
            ("elastic_addresses", "elastic address"),
            ("checks", "health check"),
            ("records", "record"),
        ] {
            left.extend(self.list(kind).map(named(name)));
        }
        left
    }

    /// Slots and generations that more than one instance was ever launched for, gone ones counted.
    pub(crate) fn doubles(&self) -> Vec<String> {
        let mut launched: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for instance in self.list("instances") {
            let place = format!(
                "{} generation {}",
                slot(instance),
                text(instance, "generation")
            );
            launched
                .entry(place)
                .or_default()
                .push(text(instance, "instance"));
        }
        launched
            .into_iter()
            .filter(|(_, ids)| ids.len() > 1)
            .map(|(place, ids)| format!("{place}: {}", ids.join(", ")))
            .collect()
    }

    /// What two equal lines have in common: one thing a line, ids and addresses replaced by whose they are.
    pub(crate) fn shape(&self) -> Vec<String> {
        let mut shape: Vec<String> = Vec::new();
        for instance in self.alive() {
            let field = |name: &str| text(instance, name);
            shape.push(format!(
                "instance {} generation {} {} {}",
                slot(instance),
                field("generation"),
                field("type"),
                field("state")
            ));
        }
        for group in self.groups() {
            shape.push(format!(
                "group {} {} {}",
                text(group, "region"),
                text(group, "name"),
                group["rules"]
            ));
        }
        for check in self.list("checks") {
            let reference = text(check, "reference");
            let owner = reference.rsplitn(3, '/').nth(2).unwrap_or_default();
            shape.push(format!("check {owner} {}", check["config"]));
        }
        // Who holds the lock, and since when, differs; a killed run's is free after its time.
        shape.extend(
            self.list("records")
                .map(|record| match text(record, "Type").as_str() {
                    "TXT" => format!("lock {}", text(record, "Name")),
                    _ => format!("record {record}"),
                }),
        );
        for kind in ["key_pairs", "elastic_addresses"] {
            shape.extend(self.list(kind).map(|one| format!("{kind} {one}")));
        }
        let volumes = self.list("volumes").map(|volume| text(volume, "region"));
        shape.extend(volumes.map(|region| format!("volume {region}")));
        let mut shape: Vec<String> = shape.iter().map(|line| self.masked(line)).collect();
        shape.sort();
        shape
    }

    fn masked(&self, line: &str) -> String {
        let mut line = line.replace(&self.zone, "[zone]");
        let mut owners = BTreeMap::new();
        for instance in self.alive() {
            let (address, slot) = (text(instance, "address"), slot(instance));
            line = line.replace(&format!("\"{address}\""), &format!("\"[{slot}]\""));
            owners.insert(address, slot);
        }
        for check in self.list("checks") {
            if let Some(slot) = owners.get(&text(check, "address")) {
                line = line.replace(&text(check, "id"), &format!("[check of {slot}]"));
            }
        }
        line
    }
}

/// What one account has and another has not.
pub(crate) fn differences(wanted: &[String], found: &[String]) -> Vec<String> {
    let missing = wanted.iter().filter(|line| !found.contains(line));
    let more = found.iter().filter(|line| !wanted.contains(line));
    let mut differences: Vec<String> = missing.map(|line| format!("- {line}")).collect();
    differences.extend(more.map(|line| format!("+ {line}")));
    if differences.is_empty() && wanted.len() != found.len() {
        differences.push(format!(
            "{} things instead of {}",
            found.len(),
            wanted.len()
        ));
    }
    differences
}

fn text(of: &Value, field: &str) -> String {
    of[field].as_str().unwrap_or_default().to_owned()
}

fn slot(instance: &Value) -> String {
    format!("{}/{}", text(instance, "region"), text(instance, "slot"))
}
