//! Whether resolvers are led to the line's hosted zone.

use serde::Serialize;

use super::printer::Printer;

/// What was seen of a zone from outside; its JSON form is this struct.
#[derive(Clone, Debug, Serialize)]
pub struct Delegation {
    /// The line's host name.
    pub host: String,
    /// The zone it lies in.
    pub zone: String,
    /// Route 53's id of it.
    pub zone_id: String,
    /// Who was asked.
    pub resolver: String,
    /// The servers that Route 53 gave the zone.
    pub name_servers: Vec<String>,
    /// The servers that the resolver is led to.
    pub seen: Vec<String>,
    /// Why it could not be found out.
    pub error: Option<String>,
    /// Other public zones of the same name in the account.
    pub twins: Vec<String>,
    /// Private zones of the same name in the account.
    pub private: Vec<String>,
    /// Whether both name the same servers; not when that could not be found out.
    pub correct: bool,
}

/// Prints what was seen, and what to do if it is not right.
pub fn delegation(printer: &Printer, report: &Delegation) -> anyhow::Result<()> {
    let Delegation {
        zone,
        zone_id,
        resolver,
        ..
    } = report;
    let listed = |names: &[String]| match names {
        [] => "none".to_owned(),
        names => names.join(", "),
    };
    printer.line(format!(
        "`{}` lies in the hosted zone `{zone}` ({zone_id})",
        report.host
    ));
    printer.line(format!(
        "Route 53 serves it from    {}",
        listed(&report.name_servers)
    ));
    printer.line(format!("{resolver} is led to    {}", listed(&report.seen)));
    if let Some(error) = &report.error {
        printer.line(printer.bad(&format!("! {error}")));
    }
    for (ids, what) in [(&report.twins, "public"), (&report.private, "private")] {
        if !ids.is_empty() {
            let ids = ids.join(", ");
            printer.line(format!(
                "the account has another {what} zone `{zone}`: {ids}"
            ));
        }
    }
    printer.line(if report.correct {
        "the delegation is right".to_owned()
    } else if report.error.is_some() {
        "whether resolvers are led to this zone is not known".to_owned()
    } else {
        printer.bad(&format!(
            "! resolvers are not led to this zone: name its servers for `{zone}` where the domain is registered, or as an NS record in the parent zone"
        ))
    });
    printer.document(report)
}
