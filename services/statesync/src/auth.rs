//! Who calls. A gateway that both sides trust says so, in the metadata of each call; whoever has this service
//! in the same process can find it out in another way, behind the same trait.

use std::fmt;
use std::sync::Arc;

use statesync_core::{Author, Participant, UserId};
use subtle::ConstantTimeEq;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::metadata::MetadataMap;

/// Longest session id that is taken, in bytes.
const SESSION_BYTES_MAX: usize = 128;

/// Who calls: a user, in one of their sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The user.
    pub user_id: UserId,
    /// The session, as the session service names it.
    pub session_id: Arc<str>,
}

impl Caller {
    pub(crate) fn author(&self) -> Author {
        Author {
            user_id: self.user_id.clone(),
            session_id: self.session_id.clone(),
        }
    }

    pub(crate) fn participant(&self, name: String) -> Participant {
        let name = if name.is_empty() {
            self.user_id.to_string()
        } else {
            name
        };
        Participant {
            user_id: self.user_id.clone(),
            name,
        }
    }
}

/// A caller who was let in.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// Who it is.
    pub caller: Caller,
    /// Cancelled when their session ends: their streams end then.
    pub session: CancellationToken,
}

impl Admitted {
    /// A caller whose session somebody else looks after.
    #[must_use]
    pub fn by_word(caller: Caller) -> Self {
        Self {
            caller,
            session: CancellationToken::new(),
        }
    }
}

/// Finds out who calls.
#[tonic::async_trait]
pub trait Authenticate: Send + Sync + 'static {
    /// The caller, from the metadata of their call. It is waited for before anything of the call is
    /// read.
    ///
    /// # Errors
    ///
    /// `UNAUTHENTICATED`, when it is not known who calls; `UNAVAILABLE`, when that cannot be found out
    /// now.
    async fn authenticate(&self, metadata: &MetadataMap) -> Result<Admitted, Status>;
}

/// What a gateway and this service both know, and nobody else.
#[derive(Clone)]
pub struct ServiceSecret(Arc<str>);

impl ServiceSecret {
    /// Shortest secret, in bytes: 256 bits if they are random.
    pub const BYTES_MIN: usize = 32;

    /// Takes `text` as the secret.
    ///
    /// # Errors
    ///
    /// [`WeakSecret`] when it is too short, or cannot be sent as it is.
    pub fn new(text: &str) -> Result<Self, WeakSecret> {
        let is_sendable = text.bytes().all(|byte| byte.is_ascii_graphic());
        if text.len() < Self::BYTES_MIN || !is_sendable {
            return Err(WeakSecret);
        }
        Ok(Self(text.into()))
    }

    fn is(&self, offered: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(offered).into()
    }
}

impl fmt::Debug for ServiceSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ServiceSecret(..)")
    }
}

/// The operator's secret cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the service secret needs at least {} visible ASCII characters",
    ServiceSecret::BYTES_MIN
)]
pub struct WeakSecret;

/// Believes what a gateway says that knows the secret; without a secret, what anybody says, which is for
/// listeners on loopback alone.
#[derive(Clone, Debug)]
pub struct TrustedGateway {
    secret: Option<ServiceSecret>,
}

impl TrustedGateway {
    /// With a secret, or without one.
    #[must_use]
    pub fn new(secret: Option<ServiceSecret>) -> Self {
        Self { secret }
    }

    fn check_secret(&self, metadata: &MetadataMap) -> Result<(), Status> {
        let Some(secret) = &self.secret else {
            return Ok(());
        };
        let offered = metadata.get("authorization").map(|value| value.as_bytes());
        let token = offered.and_then(|offered| offered.strip_prefix(b"Bearer "));
        if token.is_some_and(|token| secret.is(token)) {
            Ok(())
        } else {
            Err(Status::unauthenticated("a service token is needed"))
        }
    }
}

#[tonic::async_trait]
impl Authenticate for TrustedGateway {
    async fn authenticate(&self, metadata: &MetadataMap) -> Result<Admitted, Status> {
        self.check_secret(metadata)?;
        let user = text(metadata, "x-user-id", "x-user-id-bin")
            .ok_or_else(|| Status::unauthenticated("x-user-id is missing"))?;
        let user_id = UserId::new(user)
            .map_err(|error| Status::unauthenticated(format!("x-user-id: {error}")))?;
        let session_id = text(metadata, "x-session-id", "x-session-id-bin")
            .filter(|session| (1..=SESSION_BYTES_MAX).contains(&session.len()))
            .ok_or_else(|| Status::unauthenticated("x-session-id is missing or too long"))?;
        Ok(Admitted::by_word(Caller {
            user_id,
            session_id: session_id.into(),
        }))
    }
}

/// A text in the metadata, under its name or, if it is not ASCII, under its binary name.
fn text(metadata: &MetadataMap, name: &str, binary: &str) -> Option<String> {
    if let Some(value) = metadata.get(name) {
        return value.to_str().ok().map(str::to_owned);
    }
    let bytes = metadata.get_bin(binary)?.to_bytes().ok()?;
    String::from_utf8(bytes.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(entries: &[(&'static str, &str)]) -> MetadataMap {
        let mut metadata = MetadataMap::new();
        for (name, value) in entries {
            metadata.insert(*name, value.parse().unwrap());
        }
        metadata
    }

    #[test]
    fn a_secret_is_long_and_never_printed() {
        assert!(ServiceSecret::new(&"x".repeat(31)).is_err());
        assert!(ServiceSecret::new(&"x y".repeat(20)).is_err());
        let secret = ServiceSecret::new(&"x".repeat(32)).unwrap();
        assert!(!format!("{secret:?}").contains("xx"));
    }

    #[tokio::test]
    async fn only_who_knows_the_secret_is_believed() {
        let secret = "0123456789abcdef0123456789abcdef";
        let gateway = TrustedGateway::new(Some(ServiceSecret::new(secret).unwrap()));
        let caller = [("x-user-id", "alice"), ("x-session-id", "s")];
        for (token, believed) in [
            (None, false),
            (Some("Bearer "), false),
            (Some("Bearer 0123456789abcdef0123456789abcdeF"), false),
            (Some(secret), false),
            (Some("Bearer 0123456789abcdef0123456789abcdef"), true),
        ] {
            let token = token.map(|token| ("authorization", token));
            let entries: Vec<_> = caller.into_iter().chain(token).collect();
            let answer = gateway.authenticate(&metadata(&entries)).await;
            assert_eq!(answer.is_ok(), believed, "{entries:?}");
        }
    }

    #[tokio::test]
    async fn a_name_that_is_not_ascii_comes_as_bytes() {
        let mut metadata = metadata(&[("x-session-id", "s")]);
        let name = tonic::metadata::MetadataValue::from_bytes("Zo\u{eb}".as_bytes());
        metadata.insert_bin("x-user-id-bin", name);
        let gateway = TrustedGateway::new(None);
        let admitted = gateway.authenticate(&metadata).await.unwrap();
        assert_eq!(admitted.caller.user_id.as_str(), "Zo\u{eb}");
    }
}
