//! What every call goes through: a place among the calls at work, a deadline, a span and a figure.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status};
use tracing::Instrument;

use crate::auth::{Admitted, Caller};
use crate::status::{Failed, exhausted, late, unauthenticated};

/// tonic looks at deadlines as well, and calls it a cancellation when one has passed: this comes first.
const MARGIN: Duration = Duration::from_millis(2);

/// Bounds of a service, beside those of the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallLimits {
    /// Calls at work at one time, streams aside.
    pub calls_max: usize,
    /// Streams at one time.
    pub streams_max: usize,
    /// Longest time that a call may take, whatever its deadline is.
    pub duration_max: Duration,
    /// Largest request, in bytes.
    pub request_bytes_max: usize,
}

impl Default for CallLimits {
    fn default() -> Self {
        Self {
            calls_max: 4_096,
            streams_max: 100_000,
            duration_max: Duration::from_secs(30),
            request_bytes_max: 4 * 1024 * 1024,
        }
    }
}

/// The calls at work.
pub(crate) struct Calls {
    places: Semaphore,
    streams: Arc<Semaphore>,
    limits: CallLimits,
}

impl Calls {
    pub(crate) fn new(limits: CallLimits) -> Self {
        Self {
            places: Semaphore::new(limits.calls_max),
            streams: Arc::new(Semaphore::new(limits.streams_max)),
            limits,
        }
    }

    /// Answers one call, by its deadline. What was handed in by then goes on without it: ask again under
    /// the same name.
    pub(crate) async fn answer<Q, A, F>(
        &self,
        name: &'static str,
        request: Request<Q>,
        work: impl FnOnce(Caller, Q) -> F,
    ) -> Result<Response<A>, Status>
    where
        F: Future<Output = Result<A, Failed>>,
    {
        let began = Instant::now();
        let Ok(_place) = self.places.try_acquire() else {
            return Err(exhausted("TOO_MANY_CALLS", "too many calls are at work"));
        };
        let caller = admitted(&request)?.caller;
        let span = span(name, &request, &caller);
        let patience = self.patience(request.metadata());
        // Nobody waits for the answer any more: nothing is begun.
        if patience.is_zero() {
            return Err(late());
        }
        let work = work(caller, request.into_inner()).instrument(span);
        let outcome = match tokio::time::timeout(patience, work).await {
            Ok(outcome) => outcome.map_err(|Failed(status)| status),
            Err(_) => Err(late()),
        };
        let code = outcome
            .as_ref()
            .map_or_else(Status::code, |_| tonic::Code::Ok);
        let labels = [("method", name.to_owned()), ("code", format!("{code:?}"))];
        metrics::histogram!("statesync_call_duration_seconds", &labels)
            .record(began.elapsed().as_secs_f64());
        outcome.map(Response::new)
    }

    /// A place for a stream, for as long as it is kept.
    pub(crate) fn stream(&self) -> Result<OwnedSemaphorePermit, Status> {
        let place = Arc::clone(&self.streams).try_acquire_owned();
        place.map_err(|_| exhausted("TOO_MANY_STREAMS", "too many streams are open"))
    }

    /// Streams that are open.
    pub(crate) fn streams(&self) -> usize {
        let free = self.streams.available_permits();
        self.limits.streams_max.saturating_sub(free)
    }

    fn patience(&self, metadata: &MetadataMap) -> Duration {
        let asked = metadata.get("grpc-timeout");
        let asked = asked.and_then(|value| timeout(value.to_str().ok()?));
        let asked = asked.map(|asked| asked.saturating_sub(MARGIN));
        let most = self.limits.duration_max;
        asked.map_or(most, |asked| asked.min(most))
    }
}

/// Who calls: the door has put it there.
pub(crate) fn admitted<Q>(request: &Request<Q>) -> Result<Admitted, Status> {
    let admitted = request.extensions().get::<Admitted>().cloned();
    admitted.ok_or_else(|| unauthenticated("it is not known who calls"))
}

fn span<Q>(name: &'static str, request: &Request<Q>, caller: &Caller) -> tracing::Span {
    let parent = request.metadata().get("traceparent");
    let parent = parent.and_then(|value| value.to_str().ok());
    tracing::info_span!(
        "statesync",
        rpc = name,
        user = %caller.user_id,
        traceparent = parent.unwrap_or_default(),
    )
}

/// The time in a `grpc-timeout`: at most eight digits, and a unit.
fn timeout(text: &str) -> Option<Duration> {
    const DIGITS_MAX: usize = 8;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > DIGITS_MAX || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(count * 3_600),
        "M" => Duration::from_secs(count * 60),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_takes_too_long_is_given_up_by_whichever_deadline_is_first() {
        let calls = Calls::new(CallLimits::default());
        for (asked, expected) in [("150m", 148), ("1M", 30_000)] {
            let mut request = Request::new(());
            request
                .metadata_mut()
                .insert("grpc-timeout", asked.parse().unwrap());
            request.extensions_mut().insert(Admitted::by_word(Caller {
                user_id: statesync_core::UserId::new("alice").unwrap(),
                session_id: "s".into(),
            }));
            let began = tokio::time::Instant::now();
            let never = |_, ()| std::future::pending::<Result<(), Failed>>();
            let late = calls.answer("Never", request, never).await.unwrap_err();
            assert_eq!(late.code(), tonic::Code::DeadlineExceeded);
            assert_eq!(began.elapsed(), Duration::from_millis(expected));
        }
    }

    #[test]
    fn timeouts_are_read_as_grpc_writes_them() {
        for (text, expected) in [
            ("2S", Some(Duration::from_secs(2))),
            ("99999999H", Some(Duration::from_secs(99_999_999 * 3_600))),
            ("150m", Some(Duration::from_millis(150))),
            ("123456789m", None),
            ("", None),
            ("S", None),
            ("-1S", None),
            ("1x", None),
            ("1\u{e9}", None),
        ] {
            assert_eq!(timeout(text), expected, "{text:?}");
        }
    }
}
