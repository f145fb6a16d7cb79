//! The lab's account as its owner and its landlord see it: hosted zones, groups, faults, counts, machines.

use serde_json::{Value, json};

use super::http::exchange;
use super::story::{pause, say};
use super::support::variable;

/// The lab.
pub(crate) struct Cloud {
    authority: String,
}

impl Cloud {
    /// The lab that the environment names, or the usual one.
    pub(crate) fn connect() -> Self {
        let url = variable("DSLINE_LAB_URL").unwrap_or_else(|| "http://127.0.0.1:5566".to_owned());
        let authority = url.trim_start_matches("http://").trim_end_matches('/');
        Self {
            authority: authority.to_owned(),
        }
    }

    /// Its address, which is the AWS endpoint too.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.authority)
    }

    // ---- The landlord's side

    fn admin(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let (status, text) = exchange(
            &self.authority,
            &format!("{method} /_lab/{path}"),
            &[],
            &body,
        );
        assert!(status < 300, "{method} /_lab/{path}: {status} {text}");
        serde_json::from_str(&text).expect("the lab answers in JSON")
    }

    /// Lets matching calls go wrong until `mend`.
    pub(crate) fn fault(&self, rule: &Value) {
        self.admin("POST", "faults", rule);
    }

    /// Ends every fault.
    pub(crate) fn mend(&self) {
        self.admin("DELETE", "faults", &Value::Null);
    }

    /// Changes settings and returns the values that these had before.
    pub(crate) fn set(&self, settings: &Value) -> Value {
        let before = self.admin("GET", "settings", &Value::Null);
        self.admin("POST", "settings", settings);
        let names = settings.as_object().expect("settings are an object").keys();
        names
            .map(|name| (name.clone(), before[name].clone()))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    /// Forgets the calls so far.
    pub(crate) fn forget_calls(&self) {
        self.admin("DELETE", "requests", &Value::Null);
    }

    /// The calls since they were forgotten, oldest first.
    pub(crate) fn calls(&self) -> Vec<Value> {
        self.admin("GET", "requests/log", &Value::Null)
            .as_array()
            .expect("a list of calls")
            .clone()
    }

    /// The instances of a line that are not gone.
    pub(crate) fn instances(&self, line: &str) -> Vec<Value> {
        let all = self.admin("GET", "nodes", &Value::Null);
        let is_ours = |one: &&Value| one["line"] == line && one["state"] != "terminated";
        all.as_array()
            .expect("a list of nodes")
            .iter()
            .filter(is_ours)
            .cloned()
            .collect()
    }

    /// Everything in the account, gone instances too.
    pub(crate) fn account(&self) -> Value {
        self.admin("GET", "account", &Value::Null)
    }

    /// Does something to a node's machine: off, on, pause, resume, reboot, cut, mend, drop.
    pub(crate) fn act(&self, node: &str, what: &str) {
        self.admin("POST", &format!("nodes/{node}/{what}"), &Value::Null);
    }

    // ---- The owner's side

    fn route53(&self, request: &str, body: &str) -> String {
        self.try_route53(request, body)
            .unwrap_or_else(|told| panic!("{request}: {told}"))
    }

    /// Calls Route 53; a refusal is what it said.
    fn try_route53(&self, request: &str, body: &str) -> Result<String, String> {
        let header = signed("us-east-1", "route53");
        // Five calls a second are for the whole account, and `dsline` has just made some.
        for _ in 0..40 {
            let (status, text) = exchange(&self.authority, request, &[&header], body);
            if status < 300 {
                return Ok(text);
            } else if !text.contains("<Code>Throttling</Code>") {
                return Err(text);
            }
            pause();
        }
        Err("throttled for 20 s".to_owned())
    }

    /// Calls EC2 in a region: `Action=...&...` as its query protocol has it.
    pub(crate) fn ec2(&self, region: &str, call: &str) -> String {
        let form = "Content-Type: application/x-www-form-urlencoded";
        let (status, text) = exchange(
            &self.authority,
            "POST /",
            &[&signed(region, "ec2"), form],
            &format!("{call}&Version=2016-11-15"),
        );
        assert!(status < 300, "{call}: {status} {text}");
        text
    }

    /// Deletes a region's default subnets.
    pub(crate) fn delete_default_subnets(&self, region: &str) {
        let filter = "Filter.1.Name=default-for-az&Filter.1.Value.1=true";
        let found = self.ec2(region, &format!("Action=DescribeSubnets&{filter}"));
        let subnets = found.split("<subnetId>").skip(1);
        for id in subnets.filter_map(|rest| rest.split_once("</subnetId>")) {
            self.ec2(region, &format!("Action=DeleteSubnet&SubnetId={}", id.0));
        }
    }

    /// Tells CloudWatch a figure of an instance, as EC2 does every five minutes.
    pub(crate) fn tell_metric(&self, region: &str, instance: &str, metric: &str, value: f64) {
        let form = "Content-Type: application/x-www-form-urlencoded";
        let call = format!(
            "Action=PutMetricData&Version=2010-08-01&Namespace=AWS/EC2&MetricData.member.1.MetricName={metric}\
             &MetricData.member.1.Value={value}&MetricData.member.1.Dimensions.member.1.Name=InstanceId\
             &MetricData.member.1.Dimensions.member.1.Value={instance}"
        );
        let (status, text) = exchange(
            &self.authority,
            "POST /",
            &[&signed(region, "monitoring"), form],
            &call,
        );
        assert!(status < 300, "{call}: {status} {text}");
    }

    /// Makes a hosted zone and returns its id.
    pub(crate) fn create_zone(&self, name: &str, reference: &str) -> String {
        let body = format!(
            "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\">\
             <Name>{name}</Name><CallerReference>{reference}</CallerReference></CreateHostedZoneRequest>"
        );
        let answer = self.route53("POST /2013-04-01/hostedzone", &body);
        let id = between(&answer, "<Id>", "</Id>").expect("a new zone has an id");
        id.trim_start_matches("/hostedzone/").to_owned()
    }

    /// Removes the hosted zones of a name; one that is not empty stays, and is told of.
    pub(crate) fn delete_zones(&self, name: &str) {
        let all = self.route53("GET /2013-04-01/hostedzone", "");
        let zones = all.split("<HostedZone>").skip(1);
        let named: Vec<&str> = zones
            .filter(|zone| between(zone, "<Name>", "</Name>") == Some(&format!("{name}.")))
            .filter_map(|zone| between(zone, "<Id>", "</Id>"))
            .collect();
        for id in &named {
            let id = id.trim_start_matches("/hostedzone/");
            let request = format!("DELETE /2013-04-01/hostedzone/{id}");
            if let Err(told) = self.try_route53(&request, "") {
                say(&format!("{name} is not gone: {told}"));
            }
        }
    }

    /// Creates or deletes (`CREATE`, `DELETE`) a plain A record.
    pub(crate) fn change_record(&self, zone: &str, action: &str, name: &str, address: &str) {
        let record = format!(
            "<Name>{name}</Name><Type>A</Type><TTL>60</TTL>\
             <ResourceRecords><ResourceRecord><Value>{address}</Value></ResourceRecord></ResourceRecords>"
        );
        self.change_set(zone, action, &record);
    }

    /// Deletes a record set that is given as Route 53's XML shows it.
    pub(crate) fn delete_record(&self, zone: &str, record: &str) {
        self.change_set(zone, "DELETE", record);
    }

    fn change_set(&self, zone: &str, action: &str, record: &str) {
        let body = format!(
            "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch><Changes><Change>\
             <Action>{action}</Action><ResourceRecordSet>{record}</ResourceRecordSet>\
             </Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"
        );
        self.route53(&format!("POST /2013-04-01/hostedzone/{zone}/rrset"), &body);
    }

    /// Everything in a zone, as XML.
    pub(crate) fn records(&self, zone: &str) -> String {
        self.route53(&format!("GET /2013-04-01/hostedzone/{zone}/rrset"), "")
    }

    /// The ids of a line's health checks.
    pub(crate) fn check_ids(&self, line: &str) -> Vec<String> {
        let all = self.checks();
        let ours = format!("<CallerReference>dsline/{line}/");
        let checks = all.split("<HealthCheck>").skip(1);
        let ids = checks.filter(|check| check.contains(&ours));
        let ids = ids.filter_map(|check| between(check, "<Id>", "</Id>"));
        ids.map(str::to_owned).collect()
    }

    /// Holds a health check down, or lets its checkers decide.
    pub(crate) fn hold_check(&self, id: &str, out: bool) {
        let body = format!(
            "<UpdateHealthCheckRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\">\
             <Inverted>{out}</Inverted><Disabled>{out}</Disabled></UpdateHealthCheckRequest>"
        );
        self.route53(&format!("POST /2013-04-01/healthcheck/{id}"), &body);
    }

    /// Every health check, as XML.
    pub(crate) fn checks(&self) -> String {
        self.route53("GET /2013-04-01/healthcheck", "")
    }

    /// Makes a security group that carries a line's tags and another secret's fingerprint.
    pub(crate) fn create_group(&self, region: &str, line: &str, key_id: &str) -> String {
        let tag = |n: u8, key: &str, value: &str| {
            format!(
                "&TagSpecification.1.Tag.{n}.Key=dsline:{key}&TagSpecification.1.Tag.{n}.Value={value}"
            )
        };
        let call = format!(
            "Action=CreateSecurityGroup&GroupName=dsline-{line}&GroupDescription=line&TagSpecification.1.ResourceType=security-group{}{}{}",
            tag(1, "line", line),
            tag(2, "key", key_id),
            tag(3, "region", region),
        );
        let answer = self.ec2(region, &call);
        between(&answer, "<groupId>", "</groupId>")
            .expect("a new group has an id")
            .to_owned()
    }
}

/// Credentials are not checked in the lab; the scope says which service in which region is meant.
fn signed(region: &str, service: &str) -> String {
    format!(
        "Authorization: AWS4-HMAC-SHA256 Credential=AKIATEST/20260101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?
        .1
        .split_once(after)
        .map(|(found, _)| found)
}

/// A refusal of every call that fits the rest of the rule, with AWS's own code and words.
pub(crate) fn refusal(code: &str, message: &str, rest: &Value) -> Value {
    let mut rule = json!({ "action": "error", "code": code, "message": message });
    let fields = rest.as_object().expect("a rule is an object").clone();
    rule.as_object_mut()
        .expect("a rule is an object")
        .extend(fields);
    rule
}
