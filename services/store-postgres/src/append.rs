//! Appending to logs. Appends that wait at the same time share a transaction, whichever documents they
//! are of.
//!
//! What a commit costs the database hardly depends on how much is in it. So an append that finds
//! transactions at work waits for the next one (`gathering`), and the next one takes all that wait: in one
//! round trip as a rule (`usual`), else in two, three when locks are in the way (`group`). [`settle`] is
//! for when the answer to the commit is lost.

mod columns;
mod gathering;
mod group;
mod known;
mod settle;
mod usual;

use std::sync::Arc;

use statesync_core::{Append, StoreError};

use crate::failure::Tries;

pub(crate) use gathering::Gathering;
use group::Outcome;

/// Appends, or says why not. An attempt whose end is unknown is looked up, not guessed.
pub(crate) async fn append(gathering: &Gathering, append: Append) -> Result<(), StoreError> {
    let append = Arc::new(append);
    let mut tries = Tries::default();
    let mut alone = false;
    loop {
        if tries.in_doubt() {
            match settle::is_written(gathering.transactions(), &append).await {
                Ok(true) => return Ok(()),
                Ok(false) => tries.cleared(),
                Err(failure) => {
                    tries.again(failure).await?;
                    continue;
                }
            }
        }
        let outcome = if alone {
            gathering.alone(&append).await
        } else {
            gathering.share(&append).await
        };
        match outcome {
            Outcome::Written => return Ok(()),
            Outcome::Alone => alone = true,
            Outcome::Failed(failure) => tries.again(failure).await?,
        }
    }
}
