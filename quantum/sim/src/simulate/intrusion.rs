//! How one end of a run gets a malicious peer.

use std::sync::Arc;

use quantum_proto::observe::ObserverFactory;
use quantum_proto::stream::Side;
use quantum_proto::time::Instant;

use super::parties::observed;
use super::party::Party;
use super::role::Role;
use super::transport;
use crate::driver::DriverFaults;
use crate::identity;
use crate::insider::{Insider, Victim};
use crate::node::Node;
use crate::options::Options;
use crate::options::network::{INSIDER, SERVER};
use crate::path::Path;
use crate::random::Random;
use crate::units::ms;
use crate::world::{HostId, World};

/// The malicious peer, if there is one; its victim is one of the ends, client and server.
pub(super) fn prepare(
    options: &Options,
    observer: Option<&Arc<dyn ObserverFactory>>,
    [client, server]: &mut [Node<Role>; 2],
) -> Result<Option<Node<Role>>, String> {
    let Some(insider) = options.insider else {
        return Ok(None);
    };
    let mut random = Random::new(insider.seed ^ 1);
    let [client_settings, server_settings] = &options.settings;
    let client_config = identity::client_config()?;
    let client_transport = transport(client_settings);
    let victim = Role::Victim(Victim::new(insider.is_read));
    let program = Role::Insider(Insider::new(insider).into());
    if insider.side == Side::Client {
        server.expect(victim);
        let config = client_config.with_transport(client_transport);
        let mut node = Node::client(INSIDER, &mut random);
        node.connect(Instant::ORIGIN, &config, SERVER, program)?;
        return Ok(Some(node));
    }
    let config = client_config.with_transport(observed(client_transport, observer));
    client.connect(Instant::ORIGIN, &config, INSIDER, victim)?;
    let config = identity::server_config()?.with_transport(transport(server_settings));
    Ok(Some(Node::server(INSIDER, config, &mut random, [program])))
}

/// The malicious peer has a perfect path to both ends.
pub(super) fn connect(world: &mut World<Party>, insider: Node<Role>, ends: [HostId; 2]) {
    let insider = Party::End(Box::new(insider));
    let insider = world.add_host(insider, &[INSIDER], DriverFaults::default());
    let [there, back] = [(); 2].map(|()| world.add_path(Path::new().delay(ms(5))));
    world.route(insider, &[there]);
    for end in ends {
        world.route_to(end, INSIDER.ip(), &[back]);
    }
}
