//! A Redis of the test's own on a unix socket in a folder of its own, ended by its id.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Client, ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo};
use tempfile::TempDir;

const PASSWORD: &str = "canary-right";

/// Between two looks at whether it is ready, and how many there are.
const POLL: Duration = Duration::from_millis(20);
const POLLS: usize = 3000;

/// Ends with the test.
pub(crate) struct RedisServer {
    folder: TempDir,
    process: Child,
}

impl RedisServer {
    /// `None` on a machine without Redis.
    pub(crate) fn start() -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let process = spawn(&folder)?;
        let server = Self { folder, process };
        server.write_password();
        Some(server)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    pub(crate) fn password_file(&self) -> PathBuf {
        self.folder.path().join("password")
    }

    pub(crate) fn write_password(&self) {
        std::fs::write(self.password_file(), format!("{PASSWORD}\n")).unwrap();
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.process.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success());
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    pub(crate) fn start_again(&mut self) {
        self.process = spawn(&self.folder).unwrap();
    }

    /// The longest remaining time of any key, in seconds; a key without an end counts as -1.
    pub(crate) async fn time_to_live(&self) -> i64 {
        let mut connection = self.connect().await;
        let mut lives = Vec::new();
        for key in self.keys(&mut connection).await {
            let life: i64 = redis::cmd("TTL")
                .arg(key)
                .query_async(&mut connection)
                .await
                .unwrap();
            lives.push(life);
        }
        lives.into_iter().min().unwrap()
    }

    /// Waits until it holds so many keys.
    pub(crate) async fn holds(&self, count: usize) {
        let mut connection = self.connect().await;
        for _ in 0..POLLS {
            if self.keys(&mut connection).await.len() == count {
                return;
            }
            tokio::time::sleep(POLL).await;
        }
        panic!("Redis does not come to hold {count} keys");
    }

    /// Changes one byte of every key's digest inside its entry.
    pub(crate) async fn spoil_everything(&self) {
        let mut connection = self.connect().await;
        for key in self.keys(&mut connection).await {
            let mut spoil = redis::cmd("SETRANGE");
            spoil.arg(key).arg(10).arg("!!!!!!!!");
            let _: i64 = spoil.query_async(&mut connection).await.unwrap();
        }
    }

    /// From here on Redis refuses to store anything more.
    pub(crate) async fn fill(&self) {
        let mut connection = self.connect().await;
        let mut limit = redis::cmd("CONFIG");
        limit.arg("SET").arg("maxmemory").arg(1);
        limit.exec_async(&mut connection).await.unwrap();
    }

    async fn keys(&self, connection: &mut MultiplexedConnection) -> Vec<Vec<u8>> {
        let mut keys = redis::cmd("KEYS");
        keys.arg("dsline:*");
        keys.query_async(connection).await.unwrap()
    }

    async fn connect(&self) -> MultiplexedConnection {
        let account = RedisConnectionInfo::default().set_password(PASSWORD);
        let address = ConnectionAddr::Unix(self.socket())
            .into_connection_info()
            .unwrap();
        let client = Client::open(address.set_redis_settings(account)).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(folder: &TempDir) -> Option<Child> {
    let socket = folder.path().join("redis.sock");
    let process = Command::new("redis-server")
        .args([
            "--port",
            "0",
            "--save",
            "",
            "--appendonly",
            "no",
            "--maxmemory-policy",
            "noeviction",
        ])
        .args(["--requirepass", PASSWORD, "--unixsocket"])
        .arg(&socket)
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    for _ in 0..POLLS {
        if std::os::unix::net::UnixStream::connect(&socket).is_ok() {
            return Some(process);
        }
        std::thread::park_timeout(POLL);
    }
    panic!("redis-server does not listen");
}
