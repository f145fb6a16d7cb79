//! The request as it goes over the wire, and the mix of old and new prompts.

use std::time::SystemTime;

use crate::connection::Target;

/// What becomes a word that differs between prompts.
const PLACE: &str = "@@";

/// A request with a gap.
pub(crate) struct Question {
    head: String,
    body: String,
    repeated: u64,
    prompts: u64,
    /// Differs from run to run, so that a new prompt was not asked by an earlier run either.
    run: u64,
}

impl Question {
    /// Of `mix.0` in a hundred requests the prompt is one of `mix.1` old ones.
    pub(crate) fn new(target: &Target, headers: &[String], body: String, mix: (u64, u64)) -> Self {
        let mut head = format!(
            "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n",
            target.path(),
            target.host()
        );
        for line in headers {
            head.push_str(line.trim());
            head.push_str("\r\n");
        }
        let run = SystemTime::UNIX_EPOCH
            .elapsed()
            .map_or(0, |time| time.as_secs());
        Self {
            head,
            body,
            repeated: mix.0,
            prompts: mix.1,
            run,
        }
    }

    /// The bytes of the request with this number.
    pub(crate) fn bytes(&self, number: u64) -> Vec<u8> {
        // A prime step spreads old and new evenly over any stretch of numbers.
        let word = if number.wrapping_mul(61) % 100 < self.repeated {
            format!("old-{}", number % self.prompts)
        } else {
            format!("new-{}-{number}", self.run)
        };
        let body = self.body.trim_end().replace(PLACE, &word);
        let mut bytes = format!("{}content-length: {}\r\n\r\n", self.head, body.len()).into_bytes();
        bytes.extend_from_slice(body.as_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mix_is_as_asked() {
        let target = Target::new("http://127.0.0.1:1/x", None, None).expect("a plain address");
        let question = Question::new(&target, &[], "{@@}".into(), (70, 50));
        let texts: Vec<_> = (0..1000)
            .map(|number| String::from_utf8_lossy(&question.bytes(number)).into_owned())
            .collect();
        let old = texts.iter().filter(|text| text.contains("{old-")).count();
        assert_eq!(old, 700);
        assert!(texts[0].contains("content-length: 7\r\n\r\n{old-0}"));
    }
}
