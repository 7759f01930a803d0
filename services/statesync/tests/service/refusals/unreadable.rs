//! Requests that cannot be read at all, of every call.

use prost_reflect::MethodDescriptor;
use tonic::Code;
use tonic_types::StatusExt;

use super::calls::rpcs;
use super::room::Room;
use crate::board::fill;
use crate::places::Place;

/// What no message is, whatever its fields are.
const NONE: [&[u8]; 5] = [
    // A tag that does not end.
    &[0xff; 16],
    // A kind of field that there is not.
    &[0x0f],
    // The field of number 0.
    &[0x02, 0x00],
    // A first field that is longer than the request.
    &[0x0a, 0xff, 0xff, 0xff, 0x7f],
    // A field that was begun.
    &[0x0a],
];

/// The first field, if it is a text, with bytes that are none.
fn no_text(method: &MethodDescriptor) -> Option<Vec<u8>> {
    let is_text = |field: &prost_reflect::FieldDescriptor| {
        matches!(field.kind(), prost_reflect::Kind::String) && !field.is_list()
    };
    method.input().get_field(1).filter(is_text)?;
    Some(vec![0x0a, 2, 0xc3, 0x28])
}

#[tokio::test]
async fn what_is_no_message_is_the_callers_mistake_and_changes_nothing() {
    for place in Place::ALL {
        let mut room = Room::board(place).await;
        let alice = room.raw.clone();
        for rpc in rpcs() {
            let none = NONE.into_iter().map(<[u8]>::to_vec);
            for request in none.chain(no_text(&rpc.method)) {
                let code = Code::InvalidArgument;
                let refused = room.refuses_bytes(&rpc.method, &alice, request, code).await;
                let info = refused.get_details_error_info().unwrap();
                assert_eq!(info.reason, "INVALID", "{refused:?}");
            }
        }
        room.goes_on(fill("box", "green")).await;
    }
}

#[tokio::test]
async fn a_request_that_is_too_large_is_refused_as_such_and_changes_nothing() {
    const MORE_THAN_ALLOWED: usize = 4 * 1024 * 1024 + 1;
    // A field that no message has, of so many bytes.
    let mut request = vec![0xfa, 0x3f];
    prost::encode_length_delimiter(MORE_THAN_ALLOWED, &mut request).unwrap();
    request.resize(request.len() + MORE_THAN_ALLOWED, b'x');
    let mut room = Room::board(Place::Memory).await;
    let alice = room.raw.clone();
    for rpc in rpcs() {
        let code = Code::ResourceExhausted;
        let refused = room
            .refuses_bytes(&rpc.method, &alice, request.clone(), code)
            .await;
        let info = refused.get_details_error_info().unwrap();
        assert_eq!(info.reason, "REQUEST_TOO_LARGE", "{refused:?}");
    }
    room.goes_on(fill("box", "green")).await;
}
