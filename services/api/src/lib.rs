//! The gRPC interfaces of AetherFlow: the types that are generated from `proto/`, and nothing else.

/// Describes all files in `proto/`, for `grpc.reflection`: an encoded `google.protobuf.FileDescriptorSet`.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// Documents that are shared: `proto/aetherflow/statesync`.
pub mod statesync {
    /// Version 1.
    // Generated: the documentation is that of the .proto file, and the style the generator's.
    #[allow(
        missing_docs,
        clippy::all,
        clippy::too_many_lines,
        clippy::excessive_nesting
    )]
    pub mod v1 {
        tonic::include_proto!("aetherflow.statesync.v1");
    }
}
