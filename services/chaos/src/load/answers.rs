//! What an answer of the service says about an operation.

use aetherflow_api::statesync::v1 as wire;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::history::Answer;

pub(super) fn of(answer: Result<wire::ApplyOperationResponse, Status>) -> Answer {
    match answer {
        Ok(applied) => Answer::Accepted {
            version: applied.version,
            named: applied.operation_id.is_some(),
            status: applied.status(),
        },
        Err(status) => of_status(&status),
    }
}

pub(super) fn of_status(status: &Status) -> Answer {
    let told = || format!("{:?}: {}", status.code(), status.message());
    match reason(status) {
        Some(reason) => match reason.as_str() {
            "UNAVAILABLE" | "DEADLINE_EXCEEDED" => Answer::Unknown(told()),
            "BUSY" | "OVERLOADED" | "TOO_MANY_CALLS" => Answer::TurnedAway(reason),
            _ => Answer::Refused(reason),
        },
        // Without a reason it is not from the service: the connection failed, or time is up.
        None if MAY_BE_THE_CONNECTION.contains(&status.code()) => Answer::Unknown(told()),
        None => Answer::Refused(told()),
    }
}

/// The reason that the service gives; where a value is wrong, with the value's name.
pub(super) fn reason(status: &Status) -> Option<String> {
    let reason = status.get_details_error_info()?.reason;
    let wrong = status.get_details_bad_request();
    let field = wrong.and_then(|wrong| Some(wrong.field_violations.first()?.field.clone()));
    Some(match field {
        Some(field) => format!("{reason} {field}"),
        None => reason,
    })
}

const MAY_BE_THE_CONNECTION: [Code; 5] = [
    Code::Cancelled,
    Code::DeadlineExceeded,
    Code::Internal,
    Code::Unavailable,
    Code::Unknown,
];

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn only_the_service_can_refuse() {
        let told = |code, reason: &str| {
            let details = ErrorDetails::with_error_info(reason, "service", HashMap::new());
            of_status(&Status::with_error_details(code, "", details))
        };
        assert_eq!(
            told(Code::FailedPrecondition, "FENCED"),
            Answer::Refused("FENCED".to_owned())
        );
        assert!(matches!(
            told(Code::Unavailable, "UNAVAILABLE"),
            Answer::Unknown(_)
        ));
        assert!(matches!(
            told(Code::DeadlineExceeded, "DEADLINE_EXCEEDED"),
            Answer::Unknown(_)
        ));
        assert!(matches!(told(Code::Aborted, "BUSY"), Answer::TurnedAway(_)));
        let cut = of_status(&Status::unavailable("connection closed"));
        assert!(matches!(cut, Answer::Unknown(_)));
        let odd = of_status(&Status::invalid_argument("what?"));
        assert!(matches!(odd, Answer::Refused(_)));
    }

    #[test]
    fn a_wrong_value_is_named() {
        let mut details = ErrorDetails::with_bad_request_violation("data", "no such object");
        details.set_error_info("INVALID", "service", HashMap::new());
        let status = Status::with_error_details(Code::InvalidArgument, "", details);
        assert_eq!(reason(&status), Some("INVALID data".to_owned()));
    }
}
