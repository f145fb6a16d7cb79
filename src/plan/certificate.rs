//! Which certificate the nodes show, and whether another is to be got.

use crate::dns::{challenge_name, is_challenge_of};
use crate::line::{
    Certificate, CertificateIssuer, CertificateKey, Chain, NodeReport, NodeSight, Observed,
    ZoneView,
};

use super::context::{Context, Wanted};
use super::step::{Action, At, Plan, StepId};

/// Decides what nodes are pushed, and plans the order of a new certificate where one is due.
pub(super) fn plan_certificate(plan: &mut Plan, context: &Context<'_>) -> Option<StepId> {
    let wanted = context.wanted;
    match wanted.profile.certificate.issuer {
        CertificateIssuer::Own => None,
        CertificateIssuer::Files => {
            plan.certificate.clone_from(&wanted.given_certificate);
            None
        }
        CertificateIssuer::Acme => {
            let key = key_of(wanted);
            let known = known_chain(wanted, &key, context.observed);
            let reason = reason_to_order(context, known.as_ref());
            plan.certificate = known.map(|chain| Certificate {
                chain_pem: chain.pem,
                key_pem: key.private_pem(),
            });
            plan_order(plan, context.observed.zone.as_ref()?, wanted, reason?)
        }
    }
}

/// The key that the line's public certificate has.
pub fn key_of(wanted: &Wanted) -> CertificateKey {
    let profile = &wanted.profile;
    CertificateKey::new(
        &wanted.secret,
        &profile.dns.host,
        profile.certificate.key_epoch,
    )
}

/// The chain among the nodes' that lasts longest of those that are for the host name and the key.
fn known_chain(wanted: &Wanted, key: &CertificateKey, observed: &Observed) -> Option<Chain> {
    let public = key.public_der();
    let fits = |chain: &Chain| {
        chain.key == public
            && chain.is_for(&wanted.profile.dns.host)
            && chain.is_valid_at(wanted.now)
    };
    reports(observed)
        .filter_map(|report| Chain::read(report.chain.as_ref()?).ok())
        .filter(fits)
        .max_by_key(|chain| chain.until)
}

fn reports(observed: &Observed) -> impl Iterator<Item = &NodeReport> {
    observed.nodes.values().filter_map(|sight| match sight {
        NodeSight::Reported(report) => Some(&**report),
        _ => None,
    })
}

/// Why a certificate is to be ordered; `None` when it is not.
fn reason_to_order(context: &Context<'_>, known: Option<&Chain>) -> Option<String> {
    let now = context.wanted.now;
    // Nodes that cannot be looked at may well have one, and authorities count orders.
    let is_blind = !context.observed.nodes.is_empty() && reports(context.observed).next().is_none();
    match known {
        _ if is_blind => None,
        None => Some("no node has one that holds".to_owned()),
        Some(_) if context.renew => Some("asked for".to_owned()),
        Some(chain) if chain.is_due_at(now) => Some(format!(
            "the present one ends in {} days",
            chain.days_left(now)
        )),
        Some(_) => None,
    }
}

fn plan_order(plan: &mut Plan, zone: &ZoneView, wanted: &Wanted, reason: String) -> Option<StepId> {
    let host = &wanted.profile.dns.host;
    let name = challenge_name(host);
    let at = At::Zone(zone.name.clone());
    let is_foreign = |record: &&crate::line::RecordSet| {
        record.name == name && !is_challenge_of(&wanted.profile.name, record)
    };
    if let Some(record) = zone.records.iter().find(is_foreign) {
        let what = format!(
            "somebody else's {} record stands at {name}, where a certificate authority would look; remove it, or wait until it is gone",
            record.kind.name()
        );
        plan.trouble(at, what);
        return None;
    }
    let action = Action::Certify {
        host: host.clone(),
        zone_id: zone.id.clone(),
        zone_name: zone.name.clone(),
    };
    Some(plan.add(at, action, reason))
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;

    use super::*;
    use crate::dns::challenge_record;
    use crate::plan::samples::{NOW, foreign_record, profile, pushed, wanted};

    const ZONE: &str = "example.com";

    fn line() -> Wanted {
        let mut profile = profile(&["us-east-1", "eu-west-1"], 1);
        profile.certificate.issuer = CertificateIssuer::Acme;
        wanted(profile)
    }

    /// Two nodes, whose certificates end in so many days of ninety; `None` is one of the line's own authority.
    fn seen(wanted: &Wanted, days: [Option<i64>; 2]) -> Observed {
        let now: jiff::Timestamp = NOW.parse().unwrap();
        let day = |days: i64| now + (days * 24).hours();
        let mut observed = Observed {
            zone: Some(ZoneView {
                id: "Z1".to_owned(),
                name: ZONE.to_owned(),
                records: Vec::new(),
                checks: Vec::new(),
            }),
            ..Observed::default()
        };
        for (slot, days) in wanted.profile.slots().zip(days) {
            let mut report = pushed(wanted, &slot, None);
            report.chain = days.map(|days| key_of(wanted).certificate(day(days - 90), day(days)));
            let sight = NodeSight::Reported(Box::new(report));
            observed.nodes.insert(slot.to_string(), sight);
        }
        observed
    }

    fn planned(wanted: &Wanted, observed: &Observed, renew: bool) -> Plan {
        let mut plan = Plan::new(&wanted.profile.name);
        let context = Context {
            renew,
            ..Context::new(wanted, observed, None)
        };
        plan_certificate(&mut plan, &context);
        plan
    }

    fn reasons(plan: &Plan) -> Vec<&str> {
        plan.steps.iter().map(|step| &*step.reason).collect()
    }

    #[test]
    fn a_certificate_is_ordered_when_none_holds_or_a_third_of_its_life_is_left() {
        let wanted = line();
        let of = |days| planned(&wanted, &seen(&wanted, days), false);
        assert_eq!(reasons(&of([None, None])), ["no node has one that holds"]);
        assert!(of([None, None]).certificate.is_none());
        assert_eq!(
            reasons(&of([Some(-1), None])),
            ["no node has one that holds"]
        );
        assert!(of([Some(31), None]).steps.is_empty());
        let due = of([Some(29), None]);
        assert_eq!(reasons(&due), ["the present one ends in 29 days"]);
        assert!(
            due.certificate.is_some(),
            "till then the present one serves"
        );
        let asked = planned(&wanted, &seen(&wanted, [Some(80), None]), true);
        assert_eq!(reasons(&asked), ["asked for"]);
    }

    #[test]
    fn the_one_that_lasts_longest_is_pushed_to_all_if_the_key_is_the_lines() {
        let wanted = line();
        let observed = seen(&wanted, [Some(40), Some(70)]);
        let plan = planned(&wanted, &observed, false);
        let chain = Chain::read(&plan.certificate.unwrap().chain_pem).unwrap();
        assert_eq!(chain.days_left(wanted.now), 70);
        let mut other = line();
        other.profile.certificate.key_epoch = 2;
        let plan = planned(&other, &observed, false);
        assert_eq!(reasons(&plan), ["no node has one that holds"]);
        other.profile.dns.host = "other.example.com".to_owned();
        assert!(planned(&other, &observed, false).certificate.is_none());
    }

    #[test]
    fn who_sees_no_node_orders_nothing() {
        let wanted = line();
        let mut observed = seen(&wanted, [None, None]);
        for sight in observed.nodes.values_mut() {
            *sight = NodeSight::Unreachable("no route".to_owned());
        }
        assert!(planned(&wanted, &observed, true).steps.is_empty());
    }

    #[test]
    fn a_record_of_somebody_else_where_authorities_look_is_left_alone() {
        let wanted = line();
        let mut observed = seen(&wanted, [None, None]);
        let records = &mut observed.zone.as_mut().unwrap().records;
        records.push(challenge_record(
            &wanted.profile.name,
            "llm.example.com",
            "left",
        ));
        assert_eq!(planned(&wanted, &observed, false).steps.len(), 1);
        let mut record = foreign_record();
        record.name = "_acme-challenge.llm.example.com".to_owned();
        observed.zone.as_mut().unwrap().records.push(record);
        let plan = planned(&wanted, &observed, false);
        assert!(plan.steps.is_empty());
        assert!(plan.troubles[0].what.contains("somebody else's A record"));
    }
}
