//! A limit on everything, with the reason for each default.

use core::num::NonZeroU32;
use core::time::Duration;

use crate::error::{InvalidField, LimitsError};
use crate::session::Metadata;

/// Bytes of a user id: OpenID Connect Core 1.0, section 2, allows a subject 255 characters.
pub const USER_ID_BYTES_MAX: usize = 255;

/// How long a rotated-away token may be tolerated at most: one minute, the longest that Amazon
/// Cognito accepts for the same purpose.
pub const ROTATION_GRACE_MAX: Duration = Duration::from_secs(60);

/// What is allowed and how long it lasts. Shared by all processes that serve the same store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a session lives after the client last did something. Default 24 hours: a document
    /// left open over night is still there in the morning.
    pub sliding_timeout: Duration,
    /// How long a session lives at most, however active. Default 30 days: NIST SP 800-63B, section
    /// 4.1.3, asks for a new login at least that often.
    pub absolute_timeout: Duration,
    /// After how much silence an active session is shown as idle. Default 2 minutes: four missed
    /// heartbeats of 30 seconds.
    pub idle_after: Duration,
    /// How much of the expiry may be lost in order to save writes: activity within this time of the
    /// last stored activity is answered without writing. Default 10 seconds.
    pub touch_interval: Duration,
    /// How long a session that is disconnecting may finish what is under way. Default 10 seconds.
    pub disconnect_grace: Duration,
    /// For how long the immediately previous token still works after a rotation; see
    /// [`crate::token`]. Default 30 seconds, the time-out of a patient client; at most
    /// [`ROTATION_GRACE_MAX`].
    pub rotation_grace: Duration,
    /// Sessions that one user may have at a time. Default 100: more than any person's devices and
    /// windows, little enough to be revoked at once.
    pub sessions_per_user_max: NonZeroU32,
    /// What happens to the login that exceeds it. Default: it succeeds, and the oldest session
    /// ends.
    pub when_full: WhenFull,
    /// Bytes of a user's name. Default 255.
    pub user_name_bytes_max: usize,
    /// Bytes of a server's address. Default 255: the longest domain name (RFC 1035, section 2.3.4).
    pub server_addr_bytes_max: usize,
    /// Entries of metadata. Default 32.
    pub metadata_entries_max: usize,
    /// Bytes of one metadata key. Default 64.
    pub metadata_key_bytes_max: usize,
    /// Bytes of one metadata value. Default 1,024.
    pub metadata_value_bytes_max: usize,
    /// Bytes of all metadata keys and values together. Default 8,192.
    pub metadata_bytes_max: usize,
    /// Sessions in one answer to a listing. Default 500.
    pub page_max: usize,
    /// Sessions that one sweep ends. Default 1,000.
    pub sweep_batch_max: usize,
    /// How often a change is decided anew because somebody else changed the session meanwhile.
    /// Default 32. Each lost attempt means that another one succeeded.
    pub update_attempts_max: u32,
    /// Lifecycle events kept for a listener that is behind, before the oldest are dropped. Default
    /// 4,096.
    pub events_max: usize,
}

/// What happens to a login when the user has as many sessions as allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WhenFull {
    /// It is refused.
    Reject,
    /// It succeeds, and the user's oldest session (by creation) ends.
    EvictOldest,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sliding_timeout: Duration::from_secs(24 * 60 * 60),
            absolute_timeout: Duration::from_secs(30 * 24 * 60 * 60),
            idle_after: Duration::from_secs(120),
            touch_interval: Duration::from_secs(10),
            disconnect_grace: Duration::from_secs(10),
            rotation_grace: Duration::from_secs(30),
            sessions_per_user_max: SESSIONS_PER_USER_MAX_DEFAULT,
            when_full: WhenFull::EvictOldest,
            user_name_bytes_max: 255,
            server_addr_bytes_max: 255,
            metadata_entries_max: 32,
            metadata_key_bytes_max: 64,
            metadata_value_bytes_max: 1024,
            metadata_bytes_max: 8 * 1024,
            page_max: 500,
            sweep_batch_max: 1000,
            update_attempts_max: 32,
            events_max: 4096,
        }
    }
}

impl Limits {
    /// Checks that the limits make sense together.
    ///
    /// # Errors
    ///
    /// Names the first pair or value that does not.
    pub fn check(&self) -> Result<(), LimitsError> {
        if self.sliding_timeout.is_zero() || self.sliding_timeout > self.absolute_timeout {
            return Err(LimitsError::SlidingTimeout);
        }
        if self.idle_after > self.sliding_timeout {
            return Err(LimitsError::IdleAfter);
        }
        if self.touch_interval > self.idle_after {
            return Err(LimitsError::TouchInterval);
        }
        if self.rotation_grace > ROTATION_GRACE_MAX {
            return Err(LimitsError::RotationGrace);
        }
        let counts = [self.page_max, self.sweep_batch_max, self.events_max];
        if counts.contains(&0) || self.update_attempts_max == 0 {
            return Err(LimitsError::Zero);
        }
        Ok(())
    }

    pub(crate) fn check_user_name(&self, user_name: &str) -> Result<(), InvalidField> {
        if user_name.len() > self.user_name_bytes_max {
            return Err(InvalidField::UserNameTooLong {
                bytes_max: self.user_name_bytes_max,
            });
        }
        Ok(())
    }

    pub(crate) fn check_server_addr(&self, server_addr: &str) -> Result<(), InvalidField> {
        if server_addr.len() > self.server_addr_bytes_max {
            return Err(InvalidField::ServerAddrTooLong {
                bytes_max: self.server_addr_bytes_max,
            });
        }
        Ok(())
    }

    pub(crate) fn check_metadata(&self, metadata: &Metadata) -> Result<(), InvalidField> {
        if metadata.len() > self.metadata_entries_max {
            return Err(InvalidField::TooManyMetadata {
                entries_max: self.metadata_entries_max,
            });
        }
        if metadata
            .keys()
            .any(|key| key.is_empty() || key.len() > self.metadata_key_bytes_max)
        {
            return Err(InvalidField::MetadataKey {
                bytes_max: self.metadata_key_bytes_max,
            });
        }
        if metadata
            .values()
            .any(|value| value.len() > self.metadata_value_bytes_max)
        {
            return Err(InvalidField::MetadataValue {
                bytes_max: self.metadata_value_bytes_max,
            });
        }
        let bytes: usize = metadata
            .iter()
            .map(|(key, value)| key.len() + value.len())
            .sum();
        if bytes > self.metadata_bytes_max {
            return Err(InvalidField::MetadataTooLarge {
                bytes_max: self.metadata_bytes_max,
            });
        }
        Ok(())
    }
}

const SESSIONS_PER_USER_MAX_DEFAULT: NonZeroU32 = NonZeroU32::MIN.saturating_add(99);
