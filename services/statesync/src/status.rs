//! What each refusal of the core is in gRPC: the code says whose fault it is and whether to ask again,
//! the details say what exactly is wrong, for programs.

use std::collections::HashMap;
use std::time::Duration;

use lifecycle::in_one_line;
use statesync_core::{
    CreateError, DocumentId, EditError, HistoryError, Lock, LockError, OpenError, StoreError,
};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// Who gives the reasons in `google.rpc.ErrorInfo`.
const DOMAIN: &str = "statesync.aetherflow";

/// After which time a caller may ask again who was refused for the moment.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// Longest text in a refusal, in bytes. It may have in it what the caller sent, and all of a refusal is in the head
/// of the answer: a head that is too large ends the connection, with the calls of everybody else on it.
const TEXT_BYTES_MAX: usize = 512;

/// The beginning of a text, if it is long.
fn short(mut text: String) -> String {
    if text.len() > TEXT_BYTES_MAX {
        let mut ends = (0..=TEXT_BYTES_MAX).rev();
        let end = ends.find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or_default());
        text.push_str("..");
    }
    text
}

/// A refusal on its way to the caller. Every error of the core becomes one.
#[derive(Debug)]
pub(crate) struct Failed(pub(crate) Status);

/// A value of the request cannot be used.
pub(crate) fn invalid(field: impl Into<String>, reason: impl Into<String>) -> Status {
    let (field, reason) = (short(field.into()), short(reason.into()));
    let message = short(format!("{field}: {reason}"));
    let mut details = ErrorDetails::with_bad_request_violation(field, reason);
    details.set_error_info("INVALID", DOMAIN, HashMap::new());
    Status::with_error_details(Code::InvalidArgument, message, details)
}

/// There is no such document, or not for this caller.
pub(crate) fn no_document(id: DocumentId) -> Status {
    not_found("document", &id.to_string())
}

/// There is no such thing, or not for this caller.
pub(crate) fn not_found(what: &str, name: &str) -> Status {
    let name = short(name.to_owned());
    let message = format!("no {what} {name}");
    let mut details = ErrorDetails::with_resource_info(what, name, "", "");
    details.set_error_info("NOT_FOUND", DOMAIN, HashMap::new());
    Status::with_error_details(Code::NotFound, message, details)
}

/// Something of which there is a bounded amount is used up.
pub(crate) fn exhausted(reason: &str, message: impl Into<String>) -> Status {
    plain(Code::ResourceExhausted, reason, message, [])
}

/// The caller may not do this.
pub(crate) fn forbidden(message: impl Into<String>) -> Status {
    plain(Code::PermissionDenied, "FORBIDDEN", message, [])
}

/// It is not known who calls.
pub(crate) fn unauthenticated(message: impl Into<String>) -> Status {
    plain(Code::Unauthenticated, "UNAUTHENTICATED", message, [])
}

/// The call took longer than it may.
pub(crate) fn late() -> Status {
    let message = "the call took too long";
    plain(Code::DeadlineExceeded, "DEADLINE_EXCEEDED", message, [])
}

/// The same status with details: no refusal of ours is without them. What has none is of the authenticator,
/// or of tonic, which could not read the request and does not say whose mistake that is.
pub(crate) fn detailed(status: Status) -> Status {
    if !status.details().is_empty() {
        return status;
    }
    let message = status.message();
    match status.code() {
        Code::Unauthenticated => unauthenticated(message),
        Code::Unavailable => unavailable(message),
        Code::OutOfRange => exhausted("REQUEST_TOO_LARGE", message),
        Code::Internal => invalid("request", message),
        _ => status,
    }
}

/// Not now; later, or elsewhere.
pub(crate) fn unavailable(message: impl Into<String>) -> Status {
    retryable(Code::Unavailable, "UNAVAILABLE", message)
}

fn plain<const N: usize>(
    code: Code,
    reason: &str,
    message: impl Into<String>,
    more: [(&str, String); N],
) -> Status {
    let more = more.map(|(key, value)| (key.to_owned(), short(value)));
    let details = ErrorDetails::with_error_info(reason, DOMAIN, HashMap::from(more));
    Status::with_error_details(code, short(message.into()), details)
}

fn retryable(code: Code, reason: &str, message: impl Into<String>) -> Status {
    let mut details = ErrorDetails::with_error_info(reason, DOMAIN, HashMap::new());
    details.set_retry_info(Some(RETRY_AFTER));
    Status::with_error_details(code, short(message.into()), details)
}

/// The document is not as it has to be.
fn precondition<const N: usize>(
    reason: &str,
    message: impl Into<String>,
    more: [(&str, String); N],
) -> Status {
    let message = short(message.into());
    let more = more.map(|(key, value)| (key.to_owned(), short(value)));
    let mut details = ErrorDetails::with_error_info(reason, DOMAIN, HashMap::from(more));
    details.add_precondition_failure_violation(reason, "document", message.clone());
    Status::with_error_details(Code::FailedPrecondition, message, details)
}

/// Somebody else holds this lock: who, and until when.
fn held(lock: &Lock) -> Status {
    let message = format!("{} holds a lock", lock.holder.user_id);
    let more = [
        ("lock_id", lock.id.to_string()),
        ("user_id", lock.holder.user_id.to_string()),
        ("fence", lock.fence.to_string()),
        ("expires_at_ms", lock.expires_at.0.to_string()),
    ];
    plain(Code::Aborted, "LOCKED", message, more)
}

impl From<Status> for Failed {
    fn from(status: Status) -> Self {
        Self(status)
    }
}

impl From<EditError> for Failed {
    fn from(error: EditError) -> Self {
        let message = error.to_string();
        Self(match error {
            EditError::Forbidden { role: None, .. } => not_found("document", "of this id"),
            EditError::Forbidden { role: Some(_), .. } => forbidden(message),
            EditError::NotActive(_) => precondition("NOT_ACTIVE", message, []),
            EditError::Malformed(reason) | EditError::Impossible(reason) => invalid("data", reason),
            EditError::PolicyForbids(policy) => {
                let policy = policy.as_str().to_owned();
                precondition("POLICY_FORBIDS", message, [("policy", policy)])
            }
            EditError::Stale { base, current } => {
                let versions = [
                    ("prev_version", base.to_string()),
                    ("version", current.to_string()),
                ];
                precondition("STALE", message, versions)
            }
            EditError::OperationReused(id) => {
                let named = [("operation_id", id.to_string())];
                plain(Code::AlreadyExists, "OPERATION_REUSED", message, named)
            }
            EditError::Locked(lock) => held(&lock),
            EditError::Fenced(fence) => {
                precondition("FENCED", message, [("fence", fence.to_string())])
            }
            EditError::NoOpenConflict(_) => precondition("NO_OPEN_CONFLICT", message, []),
            EditError::TooManyConflicts { .. } => exhausted("TOO_MANY_CONFLICTS", message),
            EditError::Busy => retryable(Code::Aborted, "BUSY", message),
            EditError::TooLarge { .. } => invalid("data", message),
            EditError::Invalid { field, reason } => invalid(field_name(field), reason),
            EditError::Full { .. } => exhausted("DOCUMENT_FULL", message),
            EditError::Unavailable(reason) => {
                tracing::warn!(reason, "an edit may not have been stored");
                unavailable("the edit may not have been stored: ask again under the same name")
            }
            other => internal(&other),
        })
    }
}

/// The core's names of values, as the requests have them.
fn field_name(field: &'static str) -> &'static str {
    match field {
        "base" => "prev_version",
        other => other,
    }
}

impl From<OpenError> for Failed {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::NotFound(id) => Self(no_document(id)),
            OpenError::Overloaded(reason) => Self(exhausted("OVERLOADED", reason)),
            OpenError::Store(error) => Self(of_store(&error)),
            OpenError::ShuttingDown => Self(unavailable(error.to_string())),
            other => Self(internal(&other)),
        }
    }
}

impl From<CreateError> for Failed {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::Invalid(error) => error.into(),
            CreateError::Store(error) => Self(of_store(&error)),
            other => Self(internal(&other)),
        }
    }
}

impl From<LockError> for Failed {
    fn from(error: LockError) -> Self {
        let message = error.to_string();
        match error {
            LockError::Refused(error) => error.into(),
            LockError::Held(lock) => Self(held(&lock)),
            LockError::Lost(id) => {
                let lost = [("lock_id", id.to_string())];
                Self(precondition("LOCK_LOST", message, lost))
            }
            LockError::TooMany { .. } => Self(exhausted("TOO_MANY_LOCKS", message)),
            LockError::Open(error) => error.into(),
            other => Self(internal(&other)),
        }
    }
}

impl From<HistoryError> for Failed {
    fn from(error: HistoryError) -> Self {
        let message = error.to_string();
        Self(match error {
            HistoryError::NotYet { current, .. } => {
                let current = [("version", current.to_string())];
                plain(Code::OutOfRange, "NOT_YET", message, current)
            }
            HistoryError::Gone { .. } => precondition("VERSION_GONE", message, []),
            HistoryError::Invalid(reason) => invalid("name", reason),
            HistoryError::NameTaken(_) => plain(Code::AlreadyExists, "NAME_TAKEN", message, []),
            HistoryError::NotFound(id) => no_document(id),
            HistoryError::Unavailable(_) => unavailable(message),
            HistoryError::Store(error) => of_store(&error),
            other => internal(&other),
        })
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self(of_store(&error))
    }
}

/// What the store says is for the operator; the caller learns whether to ask again.
fn of_store(error: &StoreError) -> Status {
    match error {
        StoreError::NotFound(id) => no_document(*id),
        StoreError::LockHeld(lock) => held(lock),
        StoreError::NameTaken(name) => {
            let message = format!("the name is taken: {name}");
            plain(Code::AlreadyExists, "NAME_TAKEN", message, [])
        }
        StoreError::Corrupt { id, .. } => {
            tracing::error!(%error, "a document is damaged");
            let message = format!("document {id} is damaged");
            plain(Code::DataLoss, "DAMAGED", message, [])
        }
        _ => {
            tracing::error!(error = in_one_line(error), "the document store failed");
            unavailable("the document store does not answer as it should: ask again")
        }
    }
}

fn internal(error: &(dyn std::error::Error + 'static)) -> Status {
    tracing::error!(error = in_one_line(error), "an error that nobody foresaw");
    plain(Code::Internal, "INTERNAL", "the service failed", [])
}
