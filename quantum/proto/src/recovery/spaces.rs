//! The three packet number spaces: those of the handshake are gone with it.

use std::ops::{Index, IndexMut};
use std::sync::LazyLock;

use super::outcome::SpaceId;
use super::space::Space;
use crate::time::Instant;

/// Spaces by [`SpaceId`]. One that was forgotten looks as if nothing had been sent in it.
#[derive(Debug)]
pub(super) struct Spaces {
    initial: Option<Box<Space>>,
    handshake: Option<Box<Space>>,
    data: Space,
}

/// What a forgotten space looks like.
static BLANK: LazyLock<[Space; 2]> = LazyLock::new(|| {
    [SpaceId::Initial, SpaceId::Handshake].map(|id| Space::new(id, Instant::ORIGIN))
});

impl Spaces {
    pub(super) fn new(now: Instant) -> Self {
        let boxed = |id| Some(Box::new(Space::new(id, now)));
        Self {
            initial: boxed(SpaceId::Initial),
            handshake: boxed(SpaceId::Handshake),
            data: Space::new(SpaceId::Data, now),
        }
    }

    /// Nothing will be sent or heard in the space any more.
    pub(super) fn forget(&mut self, id: SpaceId) {
        match id {
            SpaceId::Initial => self.initial = None,
            SpaceId::Handshake => self.handshake = None,
            SpaceId::Data => {}
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Space> {
        let early = self.initial.iter().chain(&self.handshake);
        early.map(Box::as_ref).chain([&self.data])
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Space> {
        let early = self.initial.iter_mut().chain(&mut self.handshake);
        early.map(Box::as_mut).chain([&mut self.data])
    }
}

impl Index<SpaceId> for Spaces {
    type Output = Space;

    #[inline]
    fn index(&self, id: SpaceId) -> &Space {
        match id {
            SpaceId::Data => &self.data,
            SpaceId::Initial => self.initial.as_deref().unwrap_or(&BLANK[0]),
            SpaceId::Handshake => self.handshake.as_deref().unwrap_or(&BLANK[1]),
        }
    }
}

impl IndexMut<SpaceId> for Spaces {
    #[inline]
    fn index_mut(&mut self, id: SpaceId) -> &mut Space {
        let blank = || Box::new(Space::new(id, Instant::ORIGIN));
        match id {
            SpaceId::Data => &mut self.data,
            SpaceId::Initial => self.initial.get_or_insert_with(blank),
            SpaceId::Handshake => self.handshake.get_or_insert_with(blank),
        }
    }
}
