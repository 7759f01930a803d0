//! pacing.
