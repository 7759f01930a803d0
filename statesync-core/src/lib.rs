//! Shared documents: one log, one owner, durable acknowledgement
