//! Arguments that several commands share.

use std::path::PathBuf;

use anyhow::Result;

use crate::line::{LineName, Profile, Region};
use crate::operator::{Environment, ProfileFile, find_profile};
use crate::output::Printer;

/// Arguments of every command.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// Profile file; otherwise ./dsline.toml, otherwise the defaults
    #[arg(
        long,
        short,
        global = true,
        value_name = "FILE",
        env = "DSLINE_PROFILE"
    )]
    pub profile: Option<PathBuf>,
    /// Name of the line, instead of the profile's
    // Text, since `dns explain` has a `--name` of its own that is no line's, and clap wants one type of both.
    #[arg(long, global = true, value_name = "NAME", value_parser = checked_name)]
    pub name: Option<String>,
    /// Print one JSON document on stdout
    #[arg(long, global = true)]
    pub json: bool,
    /// Leave out progress and remarks
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

/// Arguments of commands that compare the line with its profile.
#[derive(Debug, Default, clap::Args)]
pub struct LineArgs {
    /// Regions of the line, instead of the profile's
    #[arg(long, value_delimiter = ',', value_name = "REGION,...")]
    pub regions: Vec<Region>,
    /// Launch instance types that are not offered free, at on-demand price
    #[arg(long)]
    pub allow_paid: bool,
    /// The gateway program that nodes run; otherwise the one beside dsline
    #[arg(long, value_name = "FILE")]
    pub gateway: Option<PathBuf>,
}

/// Insists on a line's name, and leaves it as it is.
fn checked_name(text: &str) -> Result<String, String> {
    text.parse::<LineName>().map(|_| text.to_owned())
}

impl Global {
    /// The same without `--name`, for a command in which that is something else.
    pub(super) fn unnamed(&self) -> Self {
        Self {
            name: None,
            ..self.clone()
        }
    }

    /// The line's name, when it is given.
    pub(super) fn line_name(&self) -> Result<Option<LineName>> {
        let name = self.name.as_ref().map(|name| name.parse());
        name.transpose().map_err(anyhow::Error::msg)
    }

    /// The profile with these arguments applied.
    pub(super) fn profile(&self, environment: &Environment) -> Result<ProfileFile> {
        let mut file = find_profile(environment, self.profile.as_deref())?;
        if let Some(name) = self.line_name()? {
            file.profile.name = name;
        }
        Ok(file)
    }
}

impl LineArgs {
    /// Applies these arguments to a profile; places mapped to a region that is left out fall back to the default.
    pub(super) fn apply_to(&self, profile: &mut Profile) -> Result<()> {
        if !self.regions.is_empty() {
            profile.regions.clone_from(&self.regions);
            profile
                .dns
                .places
                .retain(|_, region| self.regions.contains(region));
            let nodes = &mut profile.node;
            nodes.retain(|node| self.regions.contains(&node.region));
        }
        profile.nodes.allow_paid |= self.allow_paid;
        profile.check()?;
        Ok(())
    }

    /// Says that regions given by hand are not remembered, when they differ from the profile's.
    pub(super) fn remind(
        &self,
        global: &Global,
        environment: &Environment,
        printer: &Printer,
    ) -> Result<()> {
        let file = global.profile(environment)?;
        if self.regions.is_empty() || self.regions == file.profile.regions {
            return Ok(());
        }
        let place = file.path.map_or_else(
            || "the default profile".to_owned(),
            |path| path.display().to_string(),
        );
        printer.note(format!(
            "note: --regions is not remembered and differs from {place}: put it there as `regions`, or the next plain `dsline up` undoes the difference"
        ));
        Ok(())
    }
}
