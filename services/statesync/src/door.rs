//! The door: every call says who calls before anything of it is read, and nobody is refused without details.

use std::sync::Arc;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::BoxFuture;
use http::{Request, Response};
use tonic::body::Body;
use tonic::metadata::MetadataMap;
use tonic::server::NamedService;
use tonic::{Code, Status};
use tower::Service;

use crate::auth::Authenticate;
use crate::status::detailed;

/// A service that knows its callers: they are in the extensions of each request.
#[derive(Clone)]
pub(crate) struct Door<S> {
    inside: S,
    authenticate: Arc<dyn Authenticate>,
}

impl<S> Door<S> {
    pub(crate) fn new(inside: S, authenticate: Arc<dyn Authenticate>) -> Self {
        Self {
            inside,
            authenticate,
        }
    }
}

impl<S> Service<Request<Body>> for Door<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<Body>, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inside.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The one that said it was ready is called; its copy waits for the next request.
        let next = self.inside.clone();
        let mut inside = std::mem::replace(&mut self.inside, next);
        let authenticate = Arc::clone(&self.authenticate);
        async move {
            let (mut head, body) = request.into_parts();
            let metadata = MetadataMap::from_headers(head.headers);
            match authenticate.authenticate(&metadata).await {
                Ok(admitted) => {
                    head.extensions.insert(admitted);
                    head.headers = metadata.into_headers();
                    let answered = inside.call(Request::from_parts(head, body)).await?;
                    Ok(refusal(&answered).map_or(answered, Status::into_http))
                }
                Err(status) => Ok(detailed(status).into_http()),
            }
        }
        .boxed()
    }
}

/// What is to be answered instead: a refusal is all in the head of the answer.
fn refusal(answered: &Response<Body>) -> Option<Status> {
    let status = Status::from_header_map(answered.headers())?;
    (status.code() != Code::Ok && status.details().is_empty()).then(|| detailed(status))
}

impl<S: NamedService> NamedService for Door<S> {
    const NAME: &'static str = S::NAME;
}
