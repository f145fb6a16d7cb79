//! The commands that are disturbed, in the order in which one round plays them; a further one is one line more.

/// A command in a line's life.
#[derive(Debug)]
pub(crate) struct Chapter {
    /// What it is called in reports.
    pub(crate) name: &'static str,
    /// What happens to the world before: a node, and what is done to it.
    pub(crate) event: Option<(&'static str, &'static str)>,
    /// The command line.
    pub(crate) words: &'static str,
    /// The command line that must find nothing to do afterwards; without one, nothing may be left.
    pub(crate) plan: Option<&'static str>,
    /// The regions in which the line has, had or gets something.
    pub(crate) regions: &'static [&'static str],
}

const fn line(
    name: &'static str,
    words: &'static str,
    plan: &'static str,
    regions: &'static [&'static str],
) -> Chapter {
    Chapter {
        name,
        event: None,
        words,
        plan: Some(plan),
        regions,
    }
}

impl Chapter {
    const fn after(mut self, node: &'static str, act: &'static str) -> Self {
        self.event = Some((node, act));
        self
    }

    const fn and_nothing_is_left(mut self) -> Self {
        self.plan = None;
        self
    }
}

/// The account's regions for this story: two at first; one node dies, one region goes and another comes.
const TWO: &[&str] = &["us-east-1", "eu-west-1"];
const OTHER_TWO: &[&str] = &["us-east-1", "sa-east-1"];
const ALL: &[&str] = &["us-east-1", "eu-west-1", "sa-east-1"];

#[rustfmt::skip]
pub(crate) const CHAPTERS: &[Chapter] = &[
    line("up", "up --yes --regions us-east-1,eu-west-1", "plan --regions us-east-1,eu-west-1", TWO),
    line("failover", "failover eu-west-1", "plan --regions us-east-1,eu-west-1", TWO),
    line("restore", "failover eu-west-1 --restore", "plan --regions us-east-1,eu-west-1", TWO),
    line("change", "up --yes --regions us-east-1,sa-east-1", "plan --regions us-east-1,sa-east-1", ALL).after("us-east-1/1", "off"),
    line("teardown", "teardown --yes", "", OTHER_TWO).and_nothing_is_left(),
];
