//! How both ends of a run are configured, and what they know of each other.

use std::sync::Arc;
use std::time::Duration;

use quantum_proto::config::{
    AddressValidation, ClientConfig, EndpointConfig, ServerConfig, TransportConfig,
};
use quantum_proto::observe::ObserverFactory;

use super::{acquaintance, transport};
use crate::identity;
use crate::options::Options;
use crate::options::early::{EarlyFate, EarlyOptions};
use crate::options::settings::Settings;
use crate::random::Random;

/// Both ends.
pub(super) struct Parties {
    pub(super) client: ClientConfig,
    pub(super) server: ServerConfig,
    /// The server's.
    pub(super) endpoint: EndpointConfig,
}

/// How long ago a returning client was here.
const ABSENCE: Duration = Duration::from_secs(3600);

impl Parties {
    pub(super) fn prepare(
        options: &Options,
        observer: Option<&Arc<dyn ObserverFactory>>,
        random: &mut Random,
    ) -> Result<Self, String> {
        let [client_settings, server_settings] = &options.settings;
        let early = options.early.as_ref();
        let transport =
            |settings, early| observed(transport(settings).with_early_data(early), observer);
        let mut keys = [0; 32];
        random.fill(&mut keys);
        let takes_early = early.is_some_and(|early| early.fate != EarlyFate::Disabled);
        let mut parties = Self {
            client: identity::client_config()?
                .with_transport(transport(client_settings, early.is_some())),
            server: identity::server_config()?
                .with_transport(transport(server_settings, takes_early))
                .with_address_validation(validation(server_settings)),
            endpoint: EndpointConfig::with_seed(keys).with_origin(ABSENCE),
        };
        if let Some(early) = early {
            parties.meet(early, keys, random)?;
        }
        Ok(parties)
    }

    /// The client was here before.
    fn meet(
        &mut self,
        early: &EarlyOptions,
        mut keys: [u8; 32],
        random: &mut Random,
    ) -> Result<(), String> {
        if !early.tokens_known {
            random.fill(&mut keys);
        }
        let endpoint = EndpointConfig::with_seed(keys);
        let settings = transport(&early.before).with_early_data(true);
        // A copy has the same memory of tickets.
        let server = self
            .server
            .clone()
            .with_transport(settings)
            .with_address_validation(AddressValidation::Never);
        acquaintance::make(&self.client, server, &endpoint, random)?;
        if early.fate == EarlyFate::TicketsForgotten {
            self.server = self.server.clone().with_time_of_day(identity::clock());
        }
        Ok(())
    }
}

/// The same, with whoever wants to know.
pub(super) fn observed(
    config: TransportConfig,
    observer: Option<&Arc<dyn ObserverFactory>>,
) -> TransportConfig {
    match observer {
        Some(observer) => config.with_observer(Arc::clone(observer)),
        None => config,
    }
}

fn validation(settings: &Settings) -> AddressValidation {
    if settings.retry {
        AddressValidation::Always
    } else {
        AddressValidation::Never
    }
}
