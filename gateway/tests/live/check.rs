//! `--check` and wrong usage, read as an operator reads them.

use std::fs;

use crate::stage::{configure, program, soon};

async fn run(arguments: &[&str]) -> (i32, String, String) {
    let output = soon(program(arguments).output()).await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[tokio::test]
async fn a_valid_file_passes_and_starts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    configure(folder.path(), "127.0.0.1:1", "release = \"r-1\"");
    let file = folder.path().join("gateway.toml");
    let file = file.to_str().unwrap();
    assert_eq!(
        run(&["--config", file, "--check"]).await,
        (0, format!("{file} is valid\n"), String::new())
    );

    fs::remove_file(folder.path().join("upstream_key")).unwrap();
    let (code, said, _) = run(&["--config", file, "--check"]).await;
    assert!(
        code == 0
            && said.contains("note: ")
            && said.contains("upstream_key here: it would not be ready"),
        "{code} {said}"
    );
}

#[tokio::test]
async fn a_broken_file_is_refused_with_line_and_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.toml");
    let path = file.to_str().unwrap();
    for (from, to, place) in [
        (
            "key_file",
            "keyfile",
            "line 8, key `upstream.keyfile`: unknown field `keyfile`",
        ),
        (
            "body_bytes = 100000",
            "body_bytes = \"many\"",
            "line 13, key `limits.body_bytes`: invalid type",
        ),
        (
            "http://127",
            "gopher://127",
            "line 7, key `upstream.base_url`: must look like https://api.deepseek.com",
        ),
        (
            "read_timeout_seconds = 600",
            "read_timeout_seconds = 0",
            "line 9, key `upstream.read_timeout_seconds`: must be 1 to 86400",
        ),
    ] {
        configure(folder.path(), "127.0.0.1:1", "");
        fs::write(&file, fs::read_to_string(&file).unwrap().replace(from, to)).unwrap();
        for arguments in [&["--config", path, "--check"][..], &["--config", path]] {
            let (code, _, complaint) = run(arguments).await;
            assert_eq!(code, 64, "{complaint}");
            assert!(
                complaint.starts_with(&format!("error: {path}, {place}")),
                "{complaint}"
            );
        }
    }
}

#[tokio::test]
async fn a_broken_secret_is_refused_and_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    configure(folder.path(), "127.0.0.1:1", "");
    let file = folder.path().join("gateway.toml");
    let path = file.to_str().unwrap();
    for (secret, text, complaint) in [
        (
            "client_keys",
            "sk-pasted\n",
            "client_keys: line 1 is not `sha256:`",
        ),
        (
            "upstream_key",
            "sk-a\nsk-pasted\n",
            "upstream_key: must hold one key",
        ),
    ] {
        configure(folder.path(), "127.0.0.1:1", "");
        fs::write(folder.path().join(secret), text).unwrap();
        let (code, _, said) = run(&["--config", path, "--check"]).await;
        assert!(
            code == 64 && said.contains(complaint) && !said.contains("pasted"),
            "{code} {said}"
        );
    }
}

#[tokio::test]
async fn a_missing_file_and_wrong_usage_say_what_to_do() {
    let (code, _, complaint) = run(&["--config", "nowhere.toml", "--check"]).await;
    assert_eq!(
        (
            code,
            complaint.starts_with("error: nowhere.toml: cannot be read: No such file")
        ),
        (64, true),
        "{complaint}"
    );
    let (code, _, complaint) = run(&[]).await;
    assert!(
        code == 64 && complaint.contains("hint: `dsline-gateway --help`"),
        "{complaint}"
    );
    let (code, said, _) = run(&["--version"]).await;
    assert_eq!(
        (code, said),
        (0, format!("dsline-gateway {}\n", env!("CARGO_PKG_VERSION")))
    );
}
