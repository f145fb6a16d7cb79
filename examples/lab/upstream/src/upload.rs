//! A file that is sent as a form (RFC 7578): counted and fingerprinted, so that a test sees whether it came whole.

use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use serde_json::json;

use crate::failure::Failure;

/// Tells what came in the form's part that is a file.
pub fn file(content_type: &str, body: &[u8]) -> Result<Bytes, Failure> {
    let part = part(content_type, body)
        .ok_or_else(|| Failure::saying(400, "There is no file in this form"))?;
    let mut hasher = DefaultHasher::new();
    part.hash(&mut hasher);
    let id = format!("file-{:016x}", hasher.finish());
    let answer = json!({
        "id": id, "object": "file", "bytes": part.len(), "created_at": 0, "filename": "upload",
        "purpose": "user_data", "status": "processed",
    });
    Ok(answer.to_string().into())
}

/// The bytes of the part whose head names a file.
fn part<'a>(content_type: &str, body: &'a [u8]) -> Option<&'a [u8]> {
    let (kind, boundary) = content_type.split_once("boundary=")?;
    if !kind.starts_with("multipart/form-data") {
        return None;
    }
    let mark = format!("--{}", boundary.trim_matches('"')).into_bytes();
    let mut rest = body;
    while let Some(start) = find(rest, &mark) {
        rest = &rest[start + mark.len()..];
        let end = find(rest, &mark)?;
        let head = find(&rest[..end], b"\r\n\r\n")?;
        if find(&rest[..head], b"filename=").is_some() {
            return rest[head + 4..end].strip_suffix(b"\r\n");
        }
        rest = &rest[end..];
    }
    None
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: &str = "multipart/form-data; boundary=\"x1\"";

    #[test]
    fn the_file_is_found_among_fields() {
        let body = b"--x1\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\nuser_data\r\n\
                     --x1\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\na\r\nb\r\n--x1--\r\n";
        assert_eq!(part(KIND, body), Some(b"a\r\nb".as_slice()));
        assert_eq!(part("application/json", body), None);
        assert_eq!(part(KIND, &body[..60]), None);
    }
}
