//! Users who go on asking while a line is changed: fifty requests a second, each answer counted.

use std::collections::BTreeMap;
use std::fs::File;
use std::process::{Child, Command, Stdio};

use super::story::{Story, say};

/// How many users ask, whatever the number of nodes.
const USERS: usize = 3;
/// Questions of one user in a minute: fifty a second, all together.
const RATE: usize = 1000;
/// More than any story lasts.
const ENOUGH: usize = RATE * 30;
/// What they ask: the upstream answers it once, the gateway ever after.
const QUESTION: &str =
    r#"{"model": "deepseek-chat", "messages": [{"role": "user", "content": "Are you there?"}]}"#;

/// Users of some nodes.
pub(crate) struct Users {
    users: Vec<Child>,
    books: Vec<std::path::PathBuf>,
}

impl Story {
    /// Lets users ask these addresses until they are told to end; each address has its share.
    pub(crate) fn users_ask(&self, addresses: &[String]) -> Users {
        let connection = self.run("connect --show-key --json").exits(0).json();
        let key = connection["api_key"].as_str().expect("a key");
        let home = self.home();
        std::fs::write(home.join("ca.pem"), self.run("cert ca").exits(0).stdout).unwrap();
        std::fs::write(home.join("key"), format!("Authorization: Bearer {key}")).unwrap();
        let mut them = Users {
            users: Vec::new(),
            books: Vec::new(),
        };
        let rate = format!("{RATE}/m");
        for (number, address) in addresses.iter().cycle().take(USERS).enumerate() {
            let book = home.join(format!("answers-{number}"));
            // To stderr, which curl does not keep back until it ends.
            let answers = File::create(&book).unwrap();
            let question = format!("https://{address}/v1/chat/completions?n=[1-{ENOUGH}]");
            // Like the SDKs. Over HTTP/2 curl 7.88 takes the GOAWAY of a reloaded nginx for a fault, where others ask again.
            let user = Command::new("curl")
                .arg("--http1.1")
                .args(["-s", "--noproxy", "*", "--cacert", "ca.pem", "-H", "@key"])
                .args(["--max-time", "10", "--rate", &rate, "-o", "/dev/null"])
                .args(["-H", "Content-Type: application/json", "--data", QUESTION])
                .args(["-w", "%{stderr}%{http_code} %{errormsg}\\n", &question])
                .current_dir(home)
                .stdout(Stdio::null())
                .stderr(answers)
                .spawn();
            them.users.push(user.expect("curl can be run"));
            them.books.push(book);
        }
        them
    }
}

impl Drop for Users {
    fn drop(&mut self) {
        self.end();
    }
}

impl Users {
    fn end(&mut self) {
        for mut user in self.users.drain(..) {
            let _ = user.kill();
            let _ = user.wait();
        }
    }

    /// Ends it and insists that every question was answered.
    pub(crate) fn was_not_disturbed(mut self) {
        self.end();
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for book in &self.books {
            let text = std::fs::read_to_string(book).unwrap();
            // Whoever is ended in the middle of a line has not finished its question.
            for line in text
                .split_inclusive('\n')
                .filter(|line| line.ends_with('\n'))
            {
                *counts.entry(line.trim().to_owned()).or_default() += 1;
            }
        }
        say(&format!("   answers: {counts:?}"));
        assert!(
            counts.len() == 1 && counts.contains_key("200"),
            "users were disturbed: {counts:?}"
        );
    }
}
