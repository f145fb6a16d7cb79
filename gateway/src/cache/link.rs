//! One connection to Redis, and how it has behaved.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo,
    RedisError,
};
use tokio::time::{Instant, timeout};

use super::setup::{RedisPlace, RedisSetup};

/// For connecting, and for saying who we are.
const GREETING: Duration = Duration::from_millis(500);

/// So many of the last calls are remembered.
const REMEMBERED: u32 = 16;

/// So many faults among them, and Redis is not asked any more.
const TOLERATED: u32 = 3;

/// A connection that all requests share.
pub(super) struct Link {
    connection: MultiplexedConnection,
    /// One bit for each of the last calls, 1 for a fault.
    history: AtomicU32,
    pub(super) since: Instant,
}

/// How a call went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// No answer within the budget.
    TooSlow,
    /// The connection is gone.
    Broken,
    /// Redis answered, and said no (`OOM`, `LOADING`): it is quick, so it may be asked on.
    Refused,
}

impl Link {
    /// Connects, and tries whether Redis answers within the budget.
    pub(super) async fn open(setup: &RedisSetup) -> anyhow::Result<Self> {
        timeout(GREETING, Self::greet(setup))
            .await
            .context("Redis did not answer the greeting in time")?
    }

    async fn greet(setup: &RedisSetup) -> anyhow::Result<Self> {
        let address = match &setup.place {
            RedisPlace::Socket(path) => ConnectionAddr::Unix(path.clone()),
            RedisPlace::Tcp(host, port) => ConnectionAddr::Tcp(host.clone(), *port),
        };
        let mut account = RedisConnectionInfo::default()
            .set_db(setup.database.into())
            .set_skip_set_lib_name();
        if let Some(name) = &setup.username {
            account = account.set_username(name);
        }
        if let Some(file) = &setup.password_file {
            let password = std::fs::read_to_string(file).with_context(|| {
                format!("cannot read the Redis password from {}", file.display())
            })?;
            ensure!(!password.trim().is_empty(), "{} is empty", file.display());
            account = account.set_password(password.trim());
        }
        let client = Client::open(address.into_connection_info()?.set_redis_settings(account))?;
        // The budgets here are ours; the client's own timeouts only must not be shorter.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(GREETING))
            .set_response_timeout(Some(GREETING));
        let connection = client
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        let link = Self {
            connection,
            history: AtomicU32::new(0),
            since: Instant::now(),
        };
        let (ping, mut connection) = (redis::cmd("PING"), link.connection.clone());
        timeout(setup.budget, ping.exec_async(&mut connection))
            .await
            .context("Redis answers, but not within the budget")??;
        Ok(link)
    }

    /// Gets what is under a key.
    pub(super) async fn read(
        &self,
        key: &[u8],
        budget: Duration,
    ) -> Result<Option<Vec<u8>>, Fault> {
        let mut connection = self.connection.clone();
        let mut command = redis::cmd("GET");
        command.arg(key);
        within(budget, command.query_async(&mut connection)).await
    }

    /// Puts bytes under a key for so long; never without an end.
    pub(super) async fn write(
        &self,
        key: &[u8],
        value: &[u8],
        life: Duration,
        budget: Duration,
    ) -> Result<(), Fault> {
        let milliseconds = u64::try_from(life.as_millis()).unwrap_or(u64::MAX).max(1);
        let mut connection = self.connection.clone();
        let mut command = redis::cmd("SET");
        command.arg(key).arg(value).arg("PX").arg(milliseconds);
        within(budget, command.exec_async(&mut connection)).await
    }

    /// Remembers how a call went, and says whether this link should be given up.
    pub(super) fn is_spent(&self, fault: Option<Fault>) -> bool {
        let bit = u32::from(matches!(fault, Some(Fault::TooSlow | Fault::Broken)));
        let next = |history: u32| (history << 1 | bit) & ((1 << REMEMBERED) - 1);
        let old = self.history.load(Ordering::Relaxed);
        // A lost race forgets one call; the next fault is remembered.
        if old != 0 || bit != 0 {
            self.history.store(next(old), Ordering::Relaxed);
        }
        fault == Some(Fault::Broken) || next(old).count_ones() >= TOLERATED
    }
}

async fn within<T>(
    budget: Duration,
    call: impl Future<Output = Result<T, RedisError>>,
) -> Result<T, Fault> {
    match timeout(budget, call).await {
        Err(_) => Err(Fault::TooSlow),
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) if error.is_timeout() => Err(Fault::TooSlow),
        Ok(Err(error)) if error.is_unrecoverable_error() || error.is_io_error() => {
            Err(Fault::Broken)
        }
        Ok(Err(_)) => Err(Fault::Refused),
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_call_waits_for_its_budget_and_no_longer() {
        let budget = Duration::from_millis(30);
        let began = Instant::now();
        assert_eq!(within(budget, ready(Ok(7))).await, Ok(7));
        assert_eq!(began.elapsed(), Duration::ZERO);
        let silent = within::<()>(budget, pending()).await;
        assert_eq!(silent, Err(Fault::TooSlow));
        // The clock of timers counts whole milliseconds, and rounds up.
        assert!((budget..=budget + Duration::from_millis(1)).contains(&began.elapsed()));
    }
}
