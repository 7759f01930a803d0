//! Requests made out of the description of the interface: in each field of each request of each call, wherever
//! it is, what should not be there. Some of it is fine; what is not is refused as it should be.

use prost::Message as _;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, ReflectMessage as _, Value};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::calls::{Rpc, rpcs};
use super::room::Room;
use crate::board::{edit_text, fill};
use crate::places::Place;
use aetherflow_api::statesync::v1::DocumentType;

/// How deep messages are in each other where nothing is in them yet.
const DEPTH_MAX: usize = 4;

/// Values of one kind that somebody may send who means no good.
fn values(kind: &Kind) -> Vec<Value> {
    const LONG: usize = 70_000;
    let texts = [
        "",
        "nonsense",
        "\0",
        "\u{202e}\u{7f}\r\n",
        "../../x",
        "' OR 1=1 --",
    ];
    match kind {
        Kind::String => {
            let texts = texts.into_iter().map(str::to_owned);
            texts.chain(["x".repeat(LONG)]).map(Value::String).collect()
        }
        Kind::Bytes => {
            let bytes: [&[u8]; 4] = [&[], &[0], &[0xff; 64], &[1, 1, 1, 0, 4]];
            bytes
                .into_iter()
                .map(|it| Value::Bytes(it.to_vec().into()))
                .collect()
        }
        Kind::Double | Kind::Float => [f64::NAN, f64::INFINITY, f64::MIN, -0.0]
            .map(Value::F64)
            .to_vec(),
        Kind::Uint64 | Kind::Fixed64 => [0, 1, 1 << 63, u64::MAX].map(Value::U64).to_vec(),
        Kind::Uint32 | Kind::Fixed32 => [0, 1, 1 << 31, u32::MAX].map(Value::U32).to_vec(),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
            [0, -1, i64::MIN, i64::MAX].map(Value::I64).to_vec()
        }
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
            [0, -1, i32::MIN, i32::MAX].map(Value::I32).to_vec()
        }
        Kind::Enum(_) => [0, -1, 77, i32::MIN].map(Value::EnumNumber).to_vec(),
        Kind::Bool => [true, false].map(Value::Bool).to_vec(),
        Kind::Message(message) => vec![Value::Message(DynamicMessage::new(message.clone()))],
    }
}

/// What a field of this kind may have in it, of which something is wrong.
fn contents(field: &FieldDescriptor) -> Vec<Value> {
    const MANY: usize = 1_000;
    if field.is_map() {
        let Kind::Message(entry) = field.kind() else {
            unreachable!("a map is a list of entries");
        };
        let value = values(&entry.map_entry_value_field().kind()).remove(0);
        let map = |keys: Vec<String>| {
            let entries = keys
                .into_iter()
                .map(|key| (MapKey::String(key), value.clone()));
            Value::Map(entries.collect())
        };
        let many = (0..MANY).map(|count| format!("k{count}")).collect();
        let names = ["", "fill", "\n"].map(|name| map(vec![name.to_owned()]));
        return names.into_iter().chain([map(many)]).collect();
    }
    let single = values(&field.kind());
    if !field.is_list() {
        return single;
    }
    let many = Value::List(vec![single[0].clone(); MANY]);
    let lists = single.into_iter().map(|value| Value::List(vec![value]));
    lists.chain([Value::List(Vec::new()), many]).collect()
}

/// The same message with one thing changed, in all the ways; and where.
fn variants(message: &DynamicMessage, depth: usize) -> Vec<(String, DynamicMessage)> {
    let mut all = Vec::new();
    for field in message.descriptor().fields() {
        let mut with = |at: String, value: Value| {
            let mut changed = message.clone();
            changed.set_field(&field, value);
            all.push((at, changed));
        };
        for value in contents(&field) {
            let shown = format!("{value:?}");
            with(format!("{}={shown:.60}", field.name()), value);
        }
        let deeper = depth > 0 || message.has_field(&field);
        let Kind::Message(_) = field.kind() else {
            continue;
        };
        if field.is_map() || !deeper {
            continue;
        }
        let depth = depth.saturating_sub(1);
        let below = match message.get_field(&field).into_owned() {
            Value::Message(below) => variants(&below, depth)
                .into_iter()
                .map(|(at, below)| (at, Value::Message(below)))
                .collect::<Vec<_>>(),
            _ => {
                let Value::List(first) = contents(&field).remove(0) else {
                    continue;
                };
                let Some(Value::Message(element)) = first.first() else {
                    continue;
                };
                variants(element, depth)
                    .into_iter()
                    .map(|(at, below)| (at, Value::List(vec![Value::Message(below)])))
                    .collect()
            }
        };
        for (at, value) in below {
            with(format!("{}.{at}", field.name()), value);
        }
    }
    all
}

/// Whether this is how somebody is refused whose request is wrong: it is said what is, and that asking again
/// does not help.
fn assert_is_about_the_request(refused: &Status, at: &str) {
    let codes = [
        Code::InvalidArgument,
        Code::NotFound,
        Code::AlreadyExists,
        Code::FailedPrecondition,
        Code::OutOfRange,
        Code::Aborted,
    ];
    assert!(codes.contains(&refused.code()), "{at}: {refused:?}");
    let info = refused.get_details_error_info();
    let reason = info.map(|info| info.reason).unwrap_or_default();
    assert!(!reason.is_empty() && reason != "BUSY", "{at}: {refused:?}");
}

async fn try_all(room: &mut Room, rpc: &Rpc) -> usize {
    let good = (rpc.request)(room.input.clone());
    let good = DynamicMessage::decode(rpc.method.input(), good.as_slice()).unwrap();
    let mut refusals = 0;
    for (at, request) in variants(&good, DEPTH_MAX) {
        let at = format!("{}: {at}", rpc.name());
        match room.raw.call(&rpc.method, request.encode_to_vec()).await {
            Ok(_) if rpc.only_reads => {}
            Ok(_) => {
                room.remember().await;
                continue;
            }
            Err(refused) => {
                assert_is_about_the_request(&refused, &at);
                refusals += 1;
            }
        }
        room.assert_unchanged(&at).await;
    }
    refusals
}

async fn try_everything(
    place: Place,
    kind: DocumentType,
    data: aetherflow_api::statesync::v1::operation_data::Kind,
) {
    let mut room = if kind == DocumentType::Whiteboard {
        Room::board(place).await
    } else {
        Room::new(place, kind, "merge", data.clone()).await
    };
    room.input.data = data;
    for rpc in rpcs() {
        let refusals = try_all(&mut room, &rpc).await;
        assert!(refusals > 0, "{} refuses nothing", rpc.name());
    }
    // All of it is as whole as ever: what was accepted, too.
    room.assert_whole().await;
}

#[tokio::test]
async fn whatever_is_in_a_request_to_a_board_it_is_done_or_refused_as_a_whole() {
    for place in [Place::Memory, Place::Database] {
        try_everything(place, DocumentType::Whiteboard, fill("box", "blue")).await;
    }
}

#[tokio::test]
async fn whatever_is_in_a_request_to_a_text_it_is_done_or_refused_as_a_whole() {
    try_everything(Place::Disk, DocumentType::Text, edit_text(0, 0, "x")).await;
}
