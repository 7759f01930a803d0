//! Durable single-node storage for sessions and documents
