//! Who calls the document service: users with the access tokens that the gateway takes, and programs that know
//! the service secret, in the name of users.

use async_trait::async_trait;
use gateway::{Callers, Refusal};
use statesync::{Admitted, Authenticate, Caller, ServiceSecret, TrustedGateway};
use tonic::Status;
use tonic::metadata::MetadataMap;

/// Finds out who calls.
pub(crate) struct Doorkeeper {
    users: Callers,
    programs: Option<TrustedGateway>,
}

impl Doorkeeper {
    /// Without a secret, no program can call in the name of somebody else.
    pub(crate) fn new(users: Callers, secret: Option<ServiceSecret>) -> Self {
        Self {
            users,
            programs: secret.map(|secret| TrustedGateway::new(Some(secret))),
        }
    }
}

#[async_trait]
impl Authenticate for Doorkeeper {
    async fn authenticate(&self, metadata: &MetadataMap) -> Result<Admitted, Status> {
        if let Some(programs) = &self.programs
            && names_a_user(metadata)
        {
            return programs.authenticate(metadata).await;
        }
        let token = bearer(metadata)
            .ok_or_else(|| Status::unauthenticated("an access token is needed: Bearer <token>"))?;
        let caller = self.users.admit(token).await.map_err(status)?;
        Ok(Admitted {
            caller: Caller {
                user_id: caller.principal.user_id,
                session_id: caller.principal.session_id.to_string().into(),
            },
            session: caller.session,
        })
    }
}

/// Only programs do: users are who their token says.
fn names_a_user(metadata: &MetadataMap) -> bool {
    metadata.contains_key("x-user-id") || metadata.contains_key("x-user-id-bin")
}

fn bearer(metadata: &MetadataMap) -> Option<&str> {
    let value = metadata.get("authorization")?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn status(refusal: Refusal) -> Status {
    match refusal {
        Refusal::Unauthenticated(reason) => Status::unauthenticated(reason),
        Refusal::Unavailable(reason) => Status::unavailable(reason),
    }
}
