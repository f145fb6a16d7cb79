//! What was seen of a node that users complain about.

use jiff::Timestamp;

use super::certificate::certificate;
use super::finding::Finding;
use super::limits::limits;
use super::outage::outage;
use super::slowness::slowness;
use crate::line::{CpuSight, NodeReport, Profile, Symptoms};

/// A node as the doctor sees it.
#[derive(Clone, Copy, Debug)]
pub struct Patient<'a> {
    /// Its own account of what its users notice.
    pub symptoms: &'a Symptoms,
    /// Its account of its release.
    pub report: &'a NodeReport,
    /// What CloudWatch says of its CPU, if it says anything.
    pub cpu: Option<CpuSight>,
    /// What is wanted.
    pub profile: &'a Profile,
}

/// Finds out what is behind each trouble that users notice: 502, slow answers, 429, broken connections.
pub fn diagnose(patient: Patient<'_>, now: Timestamp) -> Vec<Finding> {
    let mut findings = vec![outage(patient)];
    findings.extend(slowness(patient));
    findings.extend(limits(patient));
    findings.push(certificate(patient, now));
    findings
}
