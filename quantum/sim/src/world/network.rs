//! Paths, routes over them, and who is reached at which address.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use quantum_proto::time::Instant;

use super::HostId;
use super::events::Travel;
use crate::datagram::Datagram;
use crate::path::bottleneck::Occupancy;
use crate::path::{Element, Outlet, Path};
use crate::random::Random;

/// Names a path of a [`super::World`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathId(usize);

/// What a path has seen.
#[derive(Clone, Debug, Default)]
pub struct PathCounters {
    /// Datagrams that entered.
    pub entered: u64,
    /// Their payload.
    pub entered_bytes: u64,
    /// Datagrams that came out at the end, copies included.
    pub left: u64,
    /// Datagrams that each element dropped, in order of travel.
    pub dropped: Vec<u64>,
}

/// What becomes of a datagram at an element.
pub(super) enum Fate {
    Onward(Box<Travel>),
    Later(Vec<(Instant, Travel)>),
    Dropped(usize),
    Arrived(Datagram),
}

#[derive(Default)]
pub(super) struct Network {
    paths: Vec<Installed>,
    routes: BTreeMap<(HostId, Option<IpAddr>), Rc<[PathId]>>,
    owners: BTreeMap<SocketAddr, HostId>,
}

struct Installed {
    stages: Vec<Stage>,
    counters: PathCounters,
    listeners: Vec<HostId>,
}

struct Stage {
    element: Box<dyn Element>,
    random: Random,
}

impl Network {
    pub(super) fn bind(&mut self, address: SocketAddr, host: HostId) {
        self.owners.insert(address, host);
    }

    pub(super) fn owner(&self, address: SocketAddr) -> Option<HostId> {
        self.owners.get(&address).copied()
    }

    pub(super) fn install(&mut self, path: Path, random: &mut Random) -> PathId {
        let mut random = random.fork();
        let stages: Vec<_> = path
            .elements
            .into_iter()
            .map(|element| Stage {
                element,
                random: random.fork(),
            })
            .collect();
        let counters = PathCounters {
            dropped: vec![0; stages.len()],
            ..PathCounters::default()
        };
        self.paths.push(Installed {
            stages,
            counters,
            listeners: Vec::new(),
        });
        PathId(self.paths.len() - 1)
    }

    pub(super) fn route(&mut self, from: HostId, to: Option<IpAddr>, paths: &[PathId]) {
        self.routes.insert((from, to), paths.into());
    }

    pub(super) fn tap(&mut self, path: PathId, host: HostId) {
        if let Some(installed) = self.paths.get_mut(path.0) {
            installed.listeners.push(host);
        }
    }

    pub(super) fn listeners(&self, path: PathId) -> Vec<HostId> {
        let installed = self.paths.get(path.0);
        installed.map_or_else(Vec::new, |installed| installed.listeners.clone())
    }

    pub(super) fn counters(&self, path: PathId) -> Option<&PathCounters> {
        self.paths.get(path.0).map(|installed| &installed.counters)
    }

    pub(super) fn occupancy(&self, path: PathId) -> Option<&Occupancy> {
        let stages = &self.paths.get(path.0)?.stages;
        stages.iter().find_map(|stage| stage.element.occupancy())
    }

    /// The beginning of the way; `None` if no route leads there.
    pub(super) fn depart(&self, datagram: Datagram) -> Option<Travel> {
        let origin = datagram.origin;
        let specific = self.routes.get(&(origin, Some(datagram.destination.ip())));
        let route = specific.or_else(|| self.routes.get(&(origin, None)))?;
        Some(Travel {
            datagram,
            route: Rc::clone(route),
            leg: 0,
            stage: 0,
        })
    }

    /// Puts a datagram through the element it is at.
    pub(super) fn advance(&mut self, now: Instant, travel: Travel, outlet: &mut Outlet) -> Fate {
        let Some(path) = travel.route.get(travel.leg).copied() else {
            return Fate::Arrived(travel.datagram);
        };
        let Some(installed) = self.paths.get_mut(path.0) else {
            return Fate::Dropped(travel.stage);
        };
        installed.advance(now, travel, outlet)
    }
}

impl Installed {
    fn advance(&mut self, now: Instant, travel: Travel, outlet: &mut Outlet) -> Fate {
        if travel.stage == 0 {
            self.counters.entered += 1;
            self.counters.entered_bytes += travel.datagram.bytes.len() as u64;
        }
        let Some(stage) = self.stages.get_mut(travel.stage) else {
            self.counters.left += 1;
            return Fate::Onward(Box::new(Travel {
                leg: travel.leg + 1,
                stage: 0,
                ..travel
            }));
        };
        let (element, random) = (&mut stage.element, &mut stage.random);
        element.handle(now, travel.datagram, random, outlet);
        let (route, leg, stage) = (travel.route, travel.leg, travel.stage);
        let next = |datagram| Travel {
            datagram,
            route: Rc::clone(&route),
            leg,
            stage: stage + 1,
        };
        match outlet.passed.len() {
            0 => self.dropped(stage),
            1 if outlet.passed.iter().all(|(time, _)| *time <= now) => {
                let datagram = outlet.passed.pop().map(|(_, datagram)| datagram);
                datagram.map_or(Fate::Dropped(stage), |datagram| {
                    Fate::Onward(Box::new(next(datagram)))
                })
            }
            _ => {
                let passed = outlet.passed.drain(..);
                Fate::Later(
                    passed
                        .map(|(time, datagram)| (time, next(datagram)))
                        .collect(),
                )
            }
        }
    }

    fn dropped(&mut self, stage: usize) -> Fate {
        if let Some(counter) = self.counters.dropped.get_mut(stage) {
            *counter += 1;
        }
        Fate::Dropped(stage)
    }
}
