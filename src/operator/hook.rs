//! Runs the operator's own program with a JSON document on its standard input.

use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// Runs a program with its arguments; it is killed when it takes longer than it may.
pub async fn run_hook(command: &[String], json: &str, timeout: Duration) -> Result<()> {
    let [program, words @ ..] = command else {
        return Ok(());
    };
    let ran = tokio::time::timeout(timeout, run(program, words, json)).await;
    let ended = match ran {
        Ok(ended) => ended.with_context(|| format!("the hook `{program}` cannot be run"))?,
        Err(_) => bail!(
            "the hook `{program}` was ended after {} s",
            timeout.as_secs_f32()
        ),
    };
    if !ended.status.success() {
        let told = String::from_utf8_lossy(&ended.stderr);
        let told = told.lines().last().unwrap_or("it said nothing").to_owned();
        bail!("the hook `{program}` failed ({}): {told}", ended.status);
    }
    Ok(())
}

async fn run(program: &str, words: &[String], json: &str) -> std::io::Result<Output> {
    let mut child = Command::new(program)
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut input = child.stdin.take().expect("it was asked for");
    // A program that does not read is none that failed.
    let _ = input.write_all(json.as_bytes()).await;
    drop(input);
    child.wait_with_output().await
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_mins(1);

    async fn hook(script: &str, words: &[&str], time: Duration) -> Result<()> {
        let mut command: Vec<String> = ["sh", "-c", script, "sh"].map(str::to_owned).to_vec();
        command.extend(words.iter().map(|word| (*word).to_owned()));
        run_hook(&command, "{\"kind\":\"scaling\"}\n", time).await
    }

    #[tokio::test]
    async fn a_program_reads_the_document() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("told");
        hook("cat >\"$1\"", &[file.to_str().unwrap()], PATIENCE)
            .await
            .unwrap();
        let told = std::fs::read_to_string(file).unwrap();
        assert_eq!(told, "{\"kind\":\"scaling\"}\n");
        run_hook(&[], "", Duration::ZERO).await.unwrap();
        hook("exec <&-; exit 0", &[], PATIENCE).await.unwrap();
    }

    #[tokio::test]
    async fn one_that_fails_hangs_or_is_missing_is_told() {
        let told = |ran: Result<()>| format!("{:#}", ran.unwrap_err());
        let failed = told(hook("echo no >&2; exit 3", &[], PATIENCE).await);
        assert_eq!(failed, "the hook `sh` failed (exit status: 3): no");
        let hung = told(hook("sleep 600", &[], Duration::from_millis(500)).await);
        assert_eq!(hung, "the hook `sh` was ended after 0.5 s");
        let missing = ["/nonexistent/hook".to_owned()];
        let ran = run_hook(&missing, "", PATIENCE).await;
        assert!(told(ran).starts_with("the hook `/nonexistent/hook` cannot be run: "));
    }
}
