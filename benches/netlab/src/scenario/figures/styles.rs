//! The same look for a transport in every chart.

use crate::chart::{Dash, Mark, Style};
use crate::peers::Peer;

// The colours that Okabe and Ito chose for every kind of colour vision (Color Universal Design,
// 2008), without the yellow, which is faint on white.
const BLACK: &str = "#000000";
const ORANGE: &str = "#E69F00";
const SKY_BLUE: &str = "#56B4E9";
const GREEN: &str = "#009E73";
const BLUE: &str = "#0072B2";
const VERMILION: &str = "#D55E00";
const PURPLE: &str = "#CC79A7";
const GREY: &str = "#7F7F7F";

/// The limit that physics sets.
pub(super) const LIMIT: Style = Style {
    colour: GREY,
    dash: Dash::Dotted,
    mark: Mark::Cross,
    bold: false,
    marked: false,
};

/// A family has a colour and a mark, its congestion control a dash. `in_order`: it could deliver
/// without order and does not.
pub(super) fn style(peer: Peer, in_order: bool, marked: bool) -> Style {
    let (colour, mark) = match peer {
        Peer::QuantumBbr | Peer::QuantumCubic => (BLUE, Mark::Circle),
        Peer::QuantumBbrNofec => (SKY_BLUE, Mark::Circle),
        Peer::TcpBbr | Peer::TcpCubic | Peer::Bare | Peer::BareTls => (BLACK, Mark::Square),
        Peer::TlsBbr | Peer::TlsCubic => (GREY, Mark::Square),
        Peer::QuinnBbr | Peer::QuinnCubic => (VERMILION, Mark::Triangle),
        Peer::NoqBbr | Peer::NoqCubic => (ORANGE, Mark::Diamond),
        Peer::S2nBbr | Peer::S2nCubic => (PURPLE, Mark::Diamond),
        Peer::Kcp => (GREEN, Mark::Cross),
    };
    let dash = if in_order {
        Dash::Dotted
    } else if has_cubic(peer) {
        Dash::Dashed
    } else {
        Dash::Solid
    };
    Style {
        colour,
        dash,
        mark,
        bold: peer == Peer::QuantumBbr,
        marked,
    }
}

fn has_cubic(peer: Peer) -> bool {
    matches!(
        peer,
        Peer::QuantumCubic
            | Peer::TcpCubic
            | Peer::TlsCubic
            | Peer::QuinnCubic
            | Peer::NoqCubic
            | Peer::S2nCubic
    )
}
