//! Who works here, as other operators of the line shall see it.

use super::environment::Environment;

/// User and machine: `ann@laptop`.
pub fn person(environment: &Environment) -> String {
    let user = ["USER", "LOGNAME"]
        .iter()
        .find_map(|name| environment.variable(name));
    let machine = rustix::system::uname();
    format!(
        "{}@{}",
        user.unwrap_or("somebody"),
        machine.nodename().to_string_lossy()
    )
}
