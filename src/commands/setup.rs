//! Gathers what commands work with: profile, secrets, and the handle on the world.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use jiff::Timestamp;

use crate::client::operator_address;
use crate::cloud::Cloud;
use crate::engine::{LineView, Scope, World, observe};
use crate::line::{Hint as _, LineSecret, Profile, Secret};
use crate::operator::{
    Environment, authorized_keys, certificate_files, find_gateway, forward_ca, line_secret,
    read_secret,
};
use crate::output::Printer;
use crate::plan::{
    Context, Plan, Roster, Wanted, out_of_service, refuse_unsafe, up, within_budget,
};
use crate::remote::Door;

use super::global::{Global, LineArgs};
use super::prices::prices;

/// What `plan`, `up` and `status` work with.
pub(super) struct Setup {
    /// What is wanted.
    pub(super) wanted: Arc<Wanted>,
    /// The world.
    pub(super) world: Arc<World>,
    /// The operator's address as nodes see it.
    pub(super) operator: Option<IpAddr>,
    /// Whether a change of records is planned however unsafe it is.
    force: bool,
    /// Whether a new certificate is got although the present one lasts.
    renew: bool,
}

impl Setup {
    /// Gathers everything; whatever is wrong with it is found before AWS is asked for anything.
    pub(super) async fn gather(
        args: &LineArgs,
        global: &Global,
        environment: &Environment,
    ) -> Result<Self> {
        let mut profile = global.profile(environment)?.profile;
        args.apply_to(&mut profile)?;
        let secret = line_secret(environment, &profile)?;
        let upstream_keys = upstream_keys(environment, &profile)?;
        let gateway = find_gateway(environment, args.gateway.as_deref())?;
        let authorized_keys = authorized_keys(environment, &profile)?;
        let now = Timestamp::now();
        let given_certificate = certificate_files(environment, &profile, now)?;
        let directory_ca = directory_ca(environment, &profile);
        let forward_ca = forward_ca(environment, &profile)?;
        let (operator, cloud) = tokio::join!(operator(&profile), Cloud::open());
        let world = World::new(cloud, door(environment, &profile), secret.clone());
        let wanted = Wanted {
            profile,
            secret,
            upstream_keys,
            gateway,
            authorized_keys,
            given_certificate,
            directory_ca,
            forward_ca,
            prices: prices(environment)?,
            now,
        };
        Ok(Self {
            wanted: Arc::new(wanted),
            world: Arc::new(world),
            operator: operator?,
            force: false,
            renew: false,
        })
    }

    /// With `--force` taken into account.
    #[must_use]
    pub(super) fn insisting(self, force: bool) -> Self {
        Self { force, ..self }
    }

    /// With a new certificate.
    #[must_use]
    pub(super) fn renewing(self) -> Self {
        Self {
            renew: true,
            ..self
        }
    }

    /// Observes the line with its nodes; changes nothing.
    pub(super) async fn observe(&self) -> Result<LineView> {
        let now = self.wanted.now;
        Box::pin(observe(
            &self.world,
            &self.wanted.profile,
            Scope::Nodes,
            now,
        ))
        .await
    }

    /// Plans the way from what was observed to what is wanted, unless users would be left without a healthy node.
    pub(super) fn plan(&self, view: &LineView) -> Result<Plan> {
        self.plan_for(view, Roster::standing(&self.wanted.profile, &view.observed))
    }

    /// The same for other slots than the line has.
    pub(super) fn plan_for(&self, view: &LineView, roster: Roster) -> Result<Plan> {
        let context = Context {
            wanted: &self.wanted,
            observed: &view.observed,
            roster,
            operator: self.operator,
            renew: self.renew,
        };
        let plan = up(&context)?;
        within_budget(&self.wanted.profile, &plan)?;
        if !self.force {
            refuse_unsafe(&plan, &self.wanted.profile, &view.observed)?;
        }
        Ok(plan)
    }
}

/// Says which regions somebody has taken out of service: what the plan does there, it does to a region without users.
pub(super) fn remark_what_is_out(printer: &Printer, view: &LineView) {
    for one in out_of_service(&view.observed) {
        printer.note(format!("note: {one}; nothing here does"));
    }
}

/// Where the profile's ACME directory has its authority from.
pub(super) fn directory_ca(environment: &Environment, profile: &Profile) -> Option<PathBuf> {
    let path = profile.certificate.directory_ca.as_ref()?;
    Some(environment.resolve(path))
}

/// The API keys of all upstreams, in the order of the profile.
pub(super) fn upstream_keys(environment: &Environment, profile: &Profile) -> Result<Vec<Secret>> {
    let upstream = &profile.upstream;
    let first = read_secret(
        environment,
        &upstream.key,
        "the upstream's API key (upstream.key)",
    );
    let others = upstream.others.iter().map(|other| {
        let what = format!("the API key of the upstream `{}`", other.name);
        read_secret(environment, &other.key, &what)
    });
    std::iter::once(first).chain(others).collect()
}

/// The world alone, for commands that only look or only run something.
pub(super) async fn world(
    environment: &Environment,
    profile: &Profile,
    secret: LineSecret,
) -> World {
    World::new(Cloud::open().await, door(environment, profile), secret)
}

/// How the operator gets into the line's nodes.
pub(super) fn door(environment: &Environment, profile: &Profile) -> Door {
    Door {
        line: profile.name.clone(),
        user: profile.ssh.user.clone(),
        identity: profile
            .ssh
            .identity
            .as_ref()
            .map(|path| environment.resolve(path)),
        brought: profile
            .brought()
            .map(|(slot, node)| (slot, node.clone()))
            .collect(),
        home: environment.home(),
        agent: environment.variable("SSH_AUTH_SOCK").is_some(),
    }
}

/// The operator's address; without it a line can be made only if the profile lets somebody in.
async fn operator(profile: &Profile) -> Result<Option<IpAddr>> {
    if profile.ssh.address_service.is_empty() {
        return Ok(None);
    }
    match operator_address(&profile.ssh.address_service).await {
        Ok(address) => Ok(Some(address)),
        Err(_) if !profile.ssh.allow.is_empty() => Ok(None),
        Err(error) => Err(error)
            .context("cannot find out the address you work from, which the nodes must let in")
            .hint("list your network as `ssh.allow` in the profile"),
    }
}
