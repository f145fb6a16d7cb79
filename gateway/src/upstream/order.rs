//! What is asked of an upstream: a request whose body can be sent again, or only once.

use std::ops::Range;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method};
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use serde::Deserialize;
use serde_json::value::RawValue;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Paths that change nothing at the upstream: asking twice costs, and harms nobody.
const REPEATABLE: [&str; 5] = [
    "/completions",
    "/embeddings",
    "/moderations",
    "/rerank",
    "/score",
];

/// A client's request, ready to go up; headers are already without what must not travel.
pub struct Order {
    /// As it came.
    pub method: Method,
    /// As it came; the upstream's base is put before it.
    pub path: PathAndQuery,
    /// Without hop-by-hop headers and the client's credentials.
    pub headers: HeaderMap,
    /// The model that was asked for, where the body says one.
    pub model: Option<String>,
    /// Whether the answer shall be a stream of events.
    pub streams: bool,
    body: Payload,
    model_place: Option<Range<usize>>,
}

enum Payload {
    Whole(Bytes),
    Once(Arc<Mutex<Upload>>),
}

pub(super) struct Upload {
    body: UnsyncBoxBody<Bytes, BoxError>,
    is_touched: bool,
}

#[derive(Deserialize)]
struct Peek<'a> {
    #[serde(borrow, default)]
    model: Option<&'a RawValue>,
    #[serde(default)]
    stream: Option<bool>,
}

impl Order {
    /// A request whose body is here as a whole, so that it can be sent again; `model` and `stream` are read from it.
    pub fn whole(method: Method, path: PathAndQuery, headers: HeaderMap, body: Bytes) -> Self {
        // Whatever is no such JSON (a broken one included) goes up as it came: the upstream says what is wrong with it.
        let peek = serde_json::from_slice::<Peek<'_>>(&body).ok();
        let raw = peek.as_ref().and_then(|peek| peek.model);
        let model = raw.and_then(|raw| serde_json::from_str(raw.get()).ok());
        let model_place = raw.map(|raw| {
            let start = raw.get().as_ptr().addr() - body.as_ptr().addr();
            start..start + raw.get().len()
        });
        let streams = peek.is_some_and(|peek| peek.stream == Some(true));
        Self {
            method,
            path,
            headers,
            model,
            streams,
            body: Payload::Whole(body),
            model_place,
        }
    }

    /// A request whose body passes through, and cannot be sent again once its first byte was taken.
    pub fn upload(
        method: Method,
        path: PathAndQuery,
        headers: HeaderMap,
        body: UnsyncBoxBody<Bytes, BoxError>,
    ) -> Self {
        let upload = Upload {
            body,
            is_touched: false,
        };
        Self {
            method,
            path,
            headers,
            model: None,
            streams: false,
            body: Payload::Once(Arc::new(Mutex::new(upload))),
            model_place: None,
        }
    }

    /// Whether the answer is one of a model, whose shape is known.
    pub fn is_completion(&self) -> bool {
        self.method == Method::POST && self.path.path().ends_with("/completions")
    }

    /// Whether the body is still there to be sent (again).
    pub(super) fn is_there(&self) -> bool {
        match &self.body {
            Payload::Whole(_) => true,
            Payload::Once(upload) => !upload.lock().expect("no holder panics").is_touched,
        }
    }

    /// Whether the upstream may be asked twice.
    pub(super) fn is_repeatable(&self) -> bool {
        self.method.is_safe() || REPEATABLE.iter().any(|end| self.path.path().ends_with(end))
    }

    /// The body for one attempt, with the model's name as that upstream knows it.
    pub(super) fn body(&self, alias: Option<&str>) -> Sending {
        match (&self.body, alias, &self.model_place) {
            (Payload::Once(upload), ..) => Sending::Once(Arc::clone(upload)),
            (Payload::Whole(body), Some(alias), Some(place)) => {
                let name = serde_json::Value::from(alias).to_string();
                let parts = [&body[..place.start], name.as_bytes(), &body[place.end..]];
                Sending::Whole(Some(parts.concat().into()))
            }
            (Payload::Whole(body), ..) => Sending::Whole(Some(body.clone())),
        }
    }
}

/// A request body on its way.
pub(super) enum Sending {
    Whole(Option<Bytes>),
    Once(Arc<Mutex<Upload>>),
}

impl Body for Sending {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut *self {
            Self::Whole(body) => {
                let body = body.take().filter(|body| !body.is_empty());
                Poll::Ready(body.map(|body| Ok(Frame::data(body))))
            }
            Self::Once(upload) => {
                let mut upload = upload.lock().expect("no holder panics");
                upload.is_touched = true;
                Pin::new(&mut upload.body).poll_frame(context)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.as_ref().is_none_or(Bytes::is_empty),
            Self::Once(upload) => upload
                .lock()
                .expect("no holder panics")
                .body
                .is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => {
                SizeHint::with_exact(body.as_ref().map_or(0, |body| body.len() as u64))
            }
            Self::Once(upload) => upload.lock().expect("no holder panics").body.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(body: &'static str) -> Order {
        let path = PathAndQuery::from_static("/v1/chat/completions");
        Order::whole(
            Method::POST,
            path,
            HeaderMap::new(),
            Bytes::from_static(body.as_bytes()),
        )
    }

    fn sent(order: &Order, alias: Option<&str>) -> Bytes {
        match order.body(alias) {
            Sending::Whole(body) => body.unwrap(),
            Sending::Once(_) => panic!("it was whole"),
        }
    }

    #[test]
    fn only_the_models_name_changes() {
        let order = order(
            "{ \"x\":1.0, \"model\" : \"cha\\u0074\",\"messages\":[{\"model\":\"no\"}],\"stream\":true }",
        );
        assert_eq!(order.model.as_deref(), Some("chat"));
        assert!(order.streams && order.is_completion() && order.is_repeatable());
        assert_eq!(
            sent(&order, Some("deep\"seek")),
            "{ \"x\":1.0, \"model\" : \"deep\\\"seek\",\"messages\":[{\"model\":\"no\"}],\"stream\":true }"
        );
    }

    #[test]
    fn what_is_no_such_json_stays_as_it_is() {
        for body in [
            "",
            "[]",
            "{",
            "{\"model\":3}",
            "{\"model\":\"a\",\"model\":\"b\"}",
            "{\"messages\":[]}",
        ] {
            let order = order(body);
            assert_eq!(order.model, None, "{body}");
            assert!(!order.streams);
            assert_eq!(sent(&order, None), body);
        }
    }
}
