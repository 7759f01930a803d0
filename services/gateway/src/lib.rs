//! The front door: Yjs over WebSocket and REST, with authentication and limits
