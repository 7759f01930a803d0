//! How long a test waits for something that must happen.

use std::time::Duration;

/// Far beyond what anything here takes on a busy machine; it only turns a hang into a message.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for `event`; fails, saying what was waited for, when it does not come at all.
pub(crate) async fn in_time<T>(what: &str, event: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, event).await {
        Ok(outcome) => outcome,
        Err(_) => panic!("waited {} s in vain: {what}", PATIENCE.as_secs()),
    }
}

/// Asks again and again until the answer is yes. For what no event announces, such as a figure
/// that the kernel keeps.
pub(crate) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    const BETWEEN: Duration = Duration::from_millis(20);
    let mut ticks = tokio::time::interval(BETWEEN);
    let asked = async {
        while !condition().await {
            ticks.tick().await;
        }
    };
    in_time(what, asked).await;
}
