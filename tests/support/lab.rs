//! The one builder of tests: an operator with a home, an AWS account and a profile, who runs `dsline`.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use assert_cmd::Command;
use tempfile::TempDir;

use super::ran::Ran;
use super::running::Running;

/// The upstream's API key of an operator without a real one; no output may ever show it.
pub(crate) const KEY: &str = "sk-canary-4f1d9c7be2a85360";
/// The line secret; no output may ever show it.
pub(crate) const SECRET: &str = "c0ffee11d00dfeedc0ffee22d00dfeedc0ffee33d00dfeedc0ffee44d00dfeed";
/// A public key that nobody has the other half of.
const PUBLIC_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqzVnRf5mOPpsHvUMqcRzxVVHEVBMQVkuV5MTfHlTLk nobody\n";
/// A command that takes longer hangs; bringing up three nodes is the longest.
const PATIENCE: Duration = Duration::from_mins(15);

/// An operator's desk; copies share its home.
#[derive(Clone)]
pub(crate) struct Lab {
    home: Arc<TempDir>,
    program: PathBuf,
    variables: BTreeMap<String, String>,
}

impl Lab {
    /// An operator whose AWS account is at `endpoint`, with all that a line called `home` needs.
    pub(crate) fn at(endpoint: &str) -> Self {
        let lab = Self {
            home: Arc::new(TempDir::new().expect("a temporary folder can be made")),
            program: env!("CARGO_BIN_EXE_dsline").into(),
            variables: BTreeMap::new(),
        };
        let home = lab.home().display().to_string();
        let gateway = lab.home().join("gateway").display().to_string();
        lab.with("PATH", &variable("PATH").unwrap_or_default())
            .with("HOME", &home)
            .with("AWS_ENDPOINT_URL", endpoint)
            .with("AWS_ACCESS_KEY_ID", "AKIATESTTESTTESTTEST")
            .with("AWS_SECRET_ACCESS_KEY", "test")
            .with("AWS_EC2_METADATA_DISABLED", "true")
            .with("AWS_CONFIG_FILE", "/nonexistent/config")
            .with("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials")
            .with("DEEPSEEK_API_KEY", KEY)
            .with("DSLINE_GATEWAY", &gateway)
            .with_file("gateway", &static_program())
            .with_file(".ssh/id_ed25519.pub", PUBLIC_KEY.as_bytes())
            .with_secret("home", SECRET)
            .with_profile(
                "name = \"home\"\nregions = [\"us-east-1\"]\n[ssh]\naddress_service = \"\"\n",
            )
    }

    /// With this profile as `dsline.toml` in the working folder.
    pub(crate) fn with_profile(self, text: &str) -> Self {
        self.with_file("dsline.toml", text.as_bytes())
    }

    /// With this line secret where a line of that name looks for it.
    pub(crate) fn with_secret(self, line: &str, secret: &str) -> Self {
        self.with_file(&format!(".config/dsline/{line}.secret"), secret.as_bytes())
    }

    /// With a file under the home folder that only its owner reads.
    pub(crate) fn with_file(self, name: &str, content: &[u8]) -> Self {
        let path = self.home().join(name);
        fs::create_dir_all(path.parent().expect("a file lies in a folder")).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        self
    }

    /// With a key pair of the operator's own, in place of the public key that nobody has the other half of.
    pub(crate) fn with_key_pair(self) -> Self {
        let path = self.home().join(".ssh/id_ed25519");
        fs::remove_file(path.with_extension("pub")).unwrap();
        let made = std::process::Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(&path)
            .status();
        assert!(
            made.is_ok_and(|status| status.success()),
            "ssh-keygen cannot be run; it is in openssh-client"
        );
        self
    }

    /// Without a file under the home folder.
    pub(crate) fn without_file(self, name: &str) -> Self {
        fs::remove_file(self.home().join(name)).unwrap();
        self
    }

    /// With an environment variable.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Without an environment variable.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.variables.remove(name);
        self
    }

    /// With another copy of the program.
    pub(crate) fn with_program(mut self, program: PathBuf) -> Self {
        self.program = program;
        self
    }

    /// The home folder, which is the working folder too.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Runs `dsline` with these words.
    pub(crate) fn run(&self, words: &str) -> Ran {
        self.run_words(&words.split_whitespace().collect::<Vec<_>>())
    }

    /// Begins to run `dsline` with these words.
    pub(crate) fn begin(&self, words: &str) -> Running {
        // A script's background jobs have Ctrl-C ignored, which these tests may be; `env` takes that back and becomes the program.
        let mut command = std::process::Command::new("env");
        command
            .args(["--default-signal=INT", "--default-signal=HUP"])
            .arg(&self.program)
            .args(words.split_whitespace());
        self.begin_as(command, words)
    }

    /// Begins to run a shell's script, in which `$DSLINE` is the program.
    pub(crate) fn begin_script(&self, script: &str) -> Running {
        let mut command = std::process::Command::new("sh");
        command.args(["-c", script]);
        self.begin_as(command, script)
    }

    fn begin_as(&self, mut command: std::process::Command, words: &str) -> Running {
        command
            .env_clear()
            .envs(&self.variables)
            .env("DSLINE", &self.program)
            .current_dir(self.home());
        Running::new(command, words, self.home().to_owned())
    }

    /// The command that runs `dsline` with these words, for who wants to watch it run.
    pub(crate) fn command(&self, words: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(&self.program);
        command
            .env_clear()
            .envs(&self.variables)
            .current_dir(self.home())
            .args(words);
        command
    }

    /// Runs a line of the shell in which `$0` is `dsline`.
    pub(crate) fn run_in_shell(&self, line: &str) -> Ran {
        let begun = Instant::now();
        let output = Command::new("sh")
            .arg("-c")
            .arg(line)
            .arg(&self.program)
            .env_clear()
            .envs(&self.variables)
            .current_dir(self.home())
            .timeout(PATIENCE)
            .output()
            .expect("a shell can be run");
        Ran::new(line, &output, begun.elapsed(), self.home())
    }

    /// Runs `dsline` with words that may hold spaces; whatever it prints, no secret is in it.
    pub(crate) fn run_words(&self, words: &[&str]) -> Ran {
        let begun = Instant::now();
        let output = Command::from_std(self.command(words))
            .timeout(PATIENCE)
            .output()
            .expect("dsline can be run");
        let ran = Ran::new(&words.join(" "), &output, begun.elapsed(), self.home());
        let key = self
            .variables
            .get("DEEPSEEK_API_KEY")
            .map_or(KEY, String::as_str);
        for hidden in [SECRET, KEY, key] {
            assert!(
                !ran.has(hidden),
                "a secret is in the output of dsline {}",
                words.join(" ")
            );
        }
        ran
    }
}

/// The beginning of a static program for `x86_64`: enough for whoever only looks whether it is one.
fn static_program() -> Vec<u8> {
    let mut bytes = vec![0; 64];
    bytes[..4].copy_from_slice(b"\x7fELF");
    bytes[18] = 62;
    bytes
}

/// A variable of the tests' own environment.
#[expect(
    clippy::disallowed_methods,
    reason = "tests are told about the machine by its environment"
)]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
