//! A Cloudflare Worker that sends each caller to the nearest healthy region of the line.

use std::collections::BTreeMap;

use askama::Template;
use serde_json::json;

use super::document::{Document, quoted};
use crate::line::{Place, Profile, Region};

#[derive(Template)]
#[template(path = "edge/worker.js.j2", escape = "none")]
struct Worker {
    host: String,
    order: String,
}

#[derive(Template)]
#[template(path = "edge/wrangler.toml.j2", escape = "none")]
struct Wrangler<'a> {
    line: &'a str,
}

#[derive(Template)]
#[template(path = "edge/README.md.j2", escape = "none")]
struct Readme<'a> {
    host: &'a str,
    first: &'a Region,
}

/// Every file of the export; the profile has a host name.
pub fn edge(profile: &Profile) -> Vec<Document> {
    let host = &profile.dns.host;
    let worker = Worker {
        host: quoted(host),
        order: format!("{:#}", json!(orders(profile))),
    };
    let line = profile.name.as_str();
    let readme = Readme {
        host,
        first: &profile.regions[0],
    };
    vec![
        Document::of_template("worker.js", &worker),
        Document::of_template("wrangler.toml", &Wrangler { line }),
        Document::of_template("README.md", &readme),
    ]
}

/// For each place the regions to try: its home, as in DNS, then the others by their distance from it.
fn orders(profile: &Profile) -> BTreeMap<String, Vec<&str>> {
    let order = |place: Place| {
        let home = profile.home_of(place);
        let others = home.nearest(&profile.regions);
        let others = others.into_iter().filter(|region| *region != home);
        let regions = std::iter::once(home).chain(others).map(Region::as_str);
        (place.to_string(), regions.collect())
    };
    profile.places().into_iter().map(order).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_continent_tries_its_home_first_and_all_regions_once() {
        let profile = Profile::default();
        let orders = orders(&profile);
        assert_eq!(orders["AS"][0], "ap-southeast-1");
        assert_eq!(orders["EU"], ["eu-west-1", "us-east-1", "ap-southeast-1"]);
        assert_eq!(orders["*"][0], "us-east-1");
        assert!(orders.values().all(|order| order.len() == 3));
    }
}
