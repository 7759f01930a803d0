//! Operations: one at a time, or as a stream in which many are on their way.

use std::sync::Arc;

use aetherflow_api::statesync::v1 as wire;
use futures::{Stream, StreamExt, stream};
use prost::Message;
use statesync_core::{DocumentId, Edit, Fence, Terms, Version};
use tokio::sync::OwnedSemaphorePermit;
use tonic::{Status, Streaming};

use crate::auth::Caller;
use crate::convert;
use crate::desk::{Desk, HandedIn};
use crate::ending::Ending;
use crate::status::{Failed, detailed};

/// Operations of one stream that were handed in and are not answered.
const IN_FLIGHT: usize = 64;

impl Desk {
    pub(crate) async fn apply_operation(
        &self,
        caller: Caller,
        asked: wire::ApplyOperationRequest,
    ) -> Result<wire::ApplyOperationResponse, Failed> {
        let handed_in = self.hand_in_operation(&caller, asked).await?;
        Ok(convert::accepted(&self.outcome(handed_in).await?))
    }

    async fn hand_in_operation(
        &self,
        caller: &Caller,
        asked: wire::ApplyOperationRequest,
    ) -> Result<HandedIn, Failed> {
        let (id, edit) = edit(caller, asked)?;
        self.hand_in(caller, id, edit).await
    }
}

fn edit(caller: &Caller, asked: wire::ApplyOperationRequest) -> Result<(DocumentId, Edit), Status> {
    let id = convert::document_id(&asked.doc_id)?;
    let terms = Terms {
        operation_id: convert::operation_id(asked.operation_id.as_deref())?,
        base: asked.prev_version.map(Version),
        client_id: asked.client_id,
        fence: asked.fence.map(Fence),
        metadata: asked.metadata.into_iter().collect(),
    };
    let change = convert::change(asked.data)?;
    Ok((id, Edit::new(caller.author(), change).with_terms(terms)))
}

/// The answers to a stream of operations. They are handed in one after the other, and answered in the same
/// order; one that is refused does not end the stream.
pub(crate) fn apply_operations(
    desk: Arc<Desk>,
    caller: Caller,
    asked: Streaming<wire::ApplyOperationRequest>,
    ending: Ending,
    place: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<wire::ApplyOperationsResponse, Status>> {
    let watched = ending.clone();
    let until = async move { watched.comes().await };
    let answers = Arc::clone(&desk);
    let handed_in = asked.take_until(until).then(move |asked| {
        let (desk, caller) = (Arc::clone(&desk), caller.clone());
        async move {
            // Only the connection can fail here; what is asked is refused on its own.
            let asked = asked.map_err(detailed)?;
            Ok(desk.hand_in_operation(&caller, asked).await)
        }
    });
    let answered = handed_in.enumerate().map(move |(index, handed_in)| {
        let desk = Arc::clone(&answers);
        async move { handed_in.map(|it| answer(desk, index as u64, it)) }
    });
    let answered = answered.map(|it| async move {
        match it.await {
            Ok(answer) => Ok(answer.await),
            Err(status) => Err(status),
        }
    });
    let goodbye = stream::once(async move {
        let _place = place;
        ending.reason().map(Err)
    });
    answered
        .buffered(IN_FLIGHT)
        .chain(goodbye.filter_map(|last| async move { last }))
}

async fn answer(
    desk: Arc<Desk>,
    index: u64,
    handed_in: Result<HandedIn, Failed>,
) -> wire::ApplyOperationsResponse {
    use wire::apply_operations_response::Outcome;
    let outcome = match handed_in {
        Ok(handed_in) => desk.outcome(handed_in).await,
        Err(failed) => Err(failed),
    };
    let outcome = Some(match outcome {
        Ok(accepted) => Outcome::Applied(convert::accepted(&accepted)),
        Err(Failed(status)) => Outcome::Failed(failure(&status)),
    });
    wire::ApplyOperationsResponse { index, outcome }
}

/// A status as an answer of its own. Its details are an encoded `google.rpc.Status`, of the same fields.
fn failure(status: &Status) -> wire::Failure {
    let detailed = wire::Failure::decode(status.details()).unwrap_or_default();
    wire::Failure {
        code: status.code().into(),
        message: status.message().to_owned(),
        details: detailed.details,
    }
}
