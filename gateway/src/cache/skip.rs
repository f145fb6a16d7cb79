//! Why an answer is not kept.

/// Each reason is a label of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skip {
    /// The question has a key twice in one object: readers disagree about what it asks.
    RepeatedKey,
    /// The question has more values than are looked at.
    TooRich,
    /// The status is not 200.
    Status,
    /// The body is compressed.
    Encoded,
    /// The content type is neither JSON nor an event stream.
    ContentType,
    /// The answer is over the size limit of an entry.
    TooLarge,
    /// The upstream broke off.
    Cut,
    /// A stream without `[DONE]`.
    NoDone,
    /// A choice is missing or has no `finish_reason`.
    Unfinished,
    /// `finish_reason` is `length`.
    Length,
    /// `finish_reason` is `content_filter`.
    ContentFilter,
    /// `finish_reason` is `insufficient_system_resource`.
    OutOfResources,
    /// A `finish_reason` that is not known to be a good end.
    OtherReason,
    /// A choice that says nothing.
    Empty,
    /// The arguments of a tool call are no JSON.
    ToolArguments,
    /// An error inside the answer.
    ErrorInside,
    /// The answer is not what the API describes.
    Malformed,
}

impl Skip {
    /// All reasons, in their order.
    pub const ALL: [Self; 17] = [
        Self::RepeatedKey,
        Self::TooRich,
        Self::Status,
        Self::Encoded,
        Self::ContentType,
        Self::TooLarge,
        Self::Cut,
        Self::NoDone,
        Self::Unfinished,
        Self::Length,
        Self::ContentFilter,
        Self::OutOfResources,
        Self::OtherReason,
        Self::Empty,
        Self::ToolArguments,
        Self::ErrorInside,
        Self::Malformed,
    ];

    /// The label.
    pub fn word(self) -> &'static str {
        match self {
            Self::RepeatedKey => "repeated_key",
            Self::TooRich => "too_rich",
            Self::Status => "status",
            Self::Encoded => "encoded",
            Self::ContentType => "content_type",
            Self::TooLarge => "too_large",
            Self::Cut => "cut",
            Self::NoDone => "no_done",
            Self::Unfinished => "unfinished",
            Self::Length => "length",
            Self::ContentFilter => "content_filter",
            Self::OutOfResources => "insufficient_system_resource",
            Self::OtherReason => "other_reason",
            Self::Empty => "empty",
            Self::ToolArguments => "tool_arguments",
            Self::ErrorInside => "error_inside",
            Self::Malformed => "malformed",
        }
    }

    /// The fault of a `finish_reason`, if it has one.
    pub(super) fn of_reason(reason: &str) -> Option<Self> {
        match reason {
            "stop" | "tool_calls" | "function_call" => None,
            "length" => Some(Self::Length),
            "content_filter" => Some(Self::ContentFilter),
            "insufficient_system_resource" => Some(Self::OutOfResources),
            _ => Some(Self::OtherReason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_the_order_of_the_reasons() {
        for (at, skip) in Skip::ALL.into_iter().enumerate() {
            assert_eq!(skip as usize, at, "{}", skip.word());
        }
    }
}
