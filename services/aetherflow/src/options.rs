//! What can be chosen: by flag, by environment, by file, in this order; one schema for all
//! three.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use lifecycle::{ConfigurationError, LogFormat, configuration};
use serde::Deserialize;
use statesync::ServiceSecret;
use statesync::options::{BusChoice, DocumentOptions, DocumentPlace, PlaceOptions, SecretError};

/// Where a server has its things; what is `None` was not given.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct FolderOptions {
    /// File with any of the options of `serve`, in TOML
    #[arg(long, env = "AETHERFLOW_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    config: Option<PathBuf>,
    /// Where everything durable is kept [default: aetherflow-data]
    #[arg(long, env = "AETHERFLOW_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// As given; what is `None` was not.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ServeOptions {
    #[command(flatten)]
    #[serde(flatten)]
    folders: FolderOptions,
    /// Address of the user interface [default: 127.0.0.1:8080]
    #[arg(long, env = "AETHERFLOW_UI", value_name = "ADDRESS")]
    ui: Option<SocketAddr>,
    /// Address of the gateway, for clients other than the user interface [default: 127.0.0.1:8000]
    #[arg(long, env = "AETHERFLOW_GATEWAY", value_name = "ADDRESS")]
    gateway: Option<SocketAddr>,
    /// Address of the document service, gRPC [default: 127.0.0.1:9002]
    #[arg(long, env = "AETHERFLOW_STATESYNC_GRPC", value_name = "ADDRESS")]
    statesync_grpc: Option<SocketAddr>,
    /// Where sessions are kept: `embedded`, `memory` or `redis://..` [default: embedded]
    #[arg(long, env = "AETHERFLOW_SESSION_STORE", value_name = "STORE")]
    session_store: Option<SessionPlace>,
    #[command(flatten)]
    #[serde(flatten)]
    place: PlaceOptions,
    #[command(flatten)]
    #[serde(flatten)]
    documents: DocumentOptions,
    /// Let anybody on this machine log in with a name alone
    #[arg(long, env = "AETHERFLOW_DEVELOPMENT_LOGIN", num_args = 0..=1, default_missing_value = "true")]
    development_login: Option<bool>,
    /// Further web pages that may call the gateway, such as `https://app.example.com`
    #[arg(
        long,
        env = "AETHERFLOW_ALLOWED_ORIGINS",
        value_name = "ORIGIN",
        value_delimiter = ','
    )]
    allowed_origins: Option<Vec<String>>,
    /// File with the key that signs access tokens [default: made at random in the data directory]
    #[arg(long, env = "AETHERFLOW_TOKEN_KEY_FILE", value_name = "FILE")]
    token_key_file: Option<PathBuf>,
    /// Requests that one address may begin each second [default: 200]
    #[arg(long, env = "AETHERFLOW_ADDRESS_RATE", value_name = "COUNT")]
    address_rate: Option<u32>,
    /// Estimated memory for open documents, in MiB [default: 1024]
    #[arg(long, env = "AETHERFLOW_DOCUMENT_MEMORY_MIB", value_name = "MIB")]
    document_memory_mib: Option<usize>,
    /// Seconds that a document nobody has open stays in memory [default: 60]
    #[arg(long, env = "AETHERFLOW_DOCUMENT_IDLE_SECONDS", value_name = "SECONDS")]
    document_idle_seconds: Option<u64>,
    /// How the log is written [default: text]
    #[arg(long, env = "AETHERFLOW_LOG_FORMAT", value_name = "FORMAT")]
    log_format: Option<LogFormat>,
}

/// A place for sessions that can be chosen.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum SessionPlace {
    /// In memory: gone when the process ends.
    Memory,
    /// In the data directory.
    Embedded,
    /// On the Redis of this URL, with other servers.
    Redis(String),
}

impl FromStr for SessionPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            None if text == "memory" => Ok(Self::Memory),
            None if text == "embedded" => Ok(Self::Embedded),
            Some(("redis", _)) => Ok(Self::Redis(text.to_owned())),
            _ => Err("expected embedded, memory or redis://..".to_owned()),
        }
    }
}

impl TryFrom<String> for SessionPlace {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

// URLs have passwords in them.
impl fmt::Debug for SessionPlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Memory => "memory",
            Self::Embedded => "embedded",
            Self::Redis(_) => "redis://..",
        })
    }
}

/// Everything decided.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) data_dir: PathBuf,
    pub(crate) ui: SocketAddr,
    pub(crate) gateway: SocketAddr,
    pub(crate) statesync_grpc: SocketAddr,
    pub(crate) session_store: SessionPlace,
    pub(crate) document_store: DocumentPlace,
    pub(crate) bus: BusChoice,
    pub(crate) service_secret: Option<ServiceSecret>,
    pub(crate) development_login: bool,
    pub(crate) allowed_origins: Vec<String>,
    pub(crate) token_key_file: Option<PathBuf>,
    pub(crate) accept_data_loss: bool,
    pub(crate) address_rate: Option<u32>,
    pub(crate) document_memory_mib: Option<usize>,
    pub(crate) document_idle_seconds: Option<u64>,
    pub(crate) log_format: LogFormat,
}

/// The operator's options cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OptionsError {
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    #[error(transparent)]
    Secret(#[from] SecretError),
}

impl ServeOptions {
    /// Only what says where the documents are: for commands that need nothing else.
    pub(crate) fn of_documents(folders: FolderOptions, place: PlaceOptions) -> Self {
        Self {
            folders,
            place,
            ..Self::default()
        }
    }

    /// Joins flags and environment with the file, and fills in the rest.
    pub(crate) fn settle(self) -> Result<Settings, OptionsError> {
        let file = configuration(self.folders.config.as_deref())?;
        Ok(self.over(file).with_defaults()?)
    }

    /// These options, and the file's where there are none.
    fn over(self, file: Self) -> Self {
        Self {
            folders: FolderOptions {
                config: self.folders.config,
                data_dir: self.folders.data_dir.or(file.folders.data_dir),
            },
            ui: self.ui.or(file.ui),
            gateway: self.gateway.or(file.gateway),
            statesync_grpc: self.statesync_grpc.or(file.statesync_grpc),
            session_store: self.session_store.or(file.session_store),
            place: self.place.over(file.place),
            documents: self.documents.over(file.documents),
            development_login: self.development_login.or(file.development_login),
            allowed_origins: self.allowed_origins.or(file.allowed_origins),
            token_key_file: self.token_key_file.or(file.token_key_file),
            address_rate: self.address_rate.or(file.address_rate),
            document_memory_mib: self.document_memory_mib.or(file.document_memory_mib),
            document_idle_seconds: self.document_idle_seconds.or(file.document_idle_seconds),
            log_format: self.log_format.or(file.log_format),
        }
    }

    fn with_defaults(self) -> Result<Settings, SecretError> {
        let service_secret = self.documents.secret()?;
        let (documents, folders) = (self.documents, self.folders);
        let document_store = self.place.document_store;
        let loopback = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Ok(Settings {
            data_dir: folders.data_dir.unwrap_or_else(|| "aetherflow-data".into()),
            ui: self.ui.unwrap_or_else(|| loopback(8080)),
            gateway: self.gateway.unwrap_or_else(|| loopback(8000)),
            statesync_grpc: self.statesync_grpc.unwrap_or_else(|| loopback(9002)),
            session_store: self.session_store.unwrap_or(SessionPlace::Embedded),
            document_store: document_store.unwrap_or(DocumentPlace::DataDirectory),
            bus: documents.bus.unwrap_or(BusChoice::Local),
            service_secret,
            development_login: self.development_login.unwrap_or(false),
            allowed_origins: self.allowed_origins.unwrap_or_default(),
            token_key_file: self.token_key_file,
            accept_data_loss: documents.accept_data_loss.unwrap_or(false),
            address_rate: self.address_rate,
            document_memory_mib: self.document_memory_mib,
            document_idle_seconds: self.document_idle_seconds,
            log_format: self.log_format.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use statesync::options::StoreChoice;

    use super::*;

    #[derive(Parser)]
    struct Probe {
        #[command(flatten)]
        options: ServeOptions,
    }

    fn settled(flags: &[&str], file: &str) -> Settings {
        let flags = [&["probe"], flags].concat();
        let options = Probe::try_parse_from(flags).unwrap().options;
        let options = options.over(toml::from_str(file).unwrap());
        options.with_defaults().unwrap()
    }

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let file = "ui = '127.0.0.1:1'\ngateway = '127.0.0.1:2'\nsession-store = 'memory'";
        let settings = settled(&["--ui", "127.0.0.1:3"], file);
        assert_eq!((settings.ui.port(), settings.gateway.port()), (3, 2));
        assert_eq!(settings.session_store, SessionPlace::Memory);
        assert_eq!(settings.document_store, DocumentPlace::DataDirectory);
        assert_eq!(settings.statesync_grpc.port(), 9002);
    }

    #[test]
    fn development_login_is_off_unless_asked_for() {
        assert!(!settled(&[], "").development_login);
        assert!(settled(&["--development-login"], "").development_login);
        assert!(settled(&[], "development-login = true").development_login);
        assert!(
            !settled(&["--development-login=false"], "development-login = true").development_login
        );
    }

    #[test]
    fn an_unknown_key_or_store_is_refused() {
        assert!(toml::from_str::<ServeOptions>("dta-dir = 'x'").is_err());
        assert!(toml::from_str::<ServeOptions>("document-store = 'mysql'").is_err());
        for (option, value) in [
            ("--document-store", "mysql"),
            ("--document-store", "embedded:"),
            ("--session-store", "postgres://host/database"),
            ("--bus", "kafka"),
            ("--statesync-grpc", "9002"),
        ] {
            assert!(Probe::try_parse_from(["probe", option, value]).is_err());
        }
    }

    #[test]
    fn documents_may_be_elsewhere_and_passwords_are_not_printed() {
        let elsewhere = settled(&["--document-store", "embedded:there"], "");
        assert_eq!(
            elsewhere.document_store,
            DocumentPlace::Elsewhere(StoreChoice::Embedded("there".into()))
        );
        let file = "document-store = 'postgres://user:password@host/database'\n\
            bus = 'redis://:password@host'\nsession-store = 'redis://:password@host'\n\
            service-secret = 'password-password-password-password'";
        let settings = settled(&[], file);
        assert!(settings.service_secret.is_some());
        assert!(!format!("{settings:?}").contains("password"));
    }

    #[test]
    fn a_weak_service_secret_is_refused() {
        let flags = ["probe", "--service-secret", "short"];
        let options = Probe::try_parse_from(flags).unwrap().options;
        assert!(matches!(options.settle(), Err(OptionsError::Secret(_))));
    }

    #[test]
    fn origins_are_a_list_in_every_form() {
        let flags = [
            "--allowed-origins",
            "http://a,http://b",
            "--allowed-origins",
            "http://c",
        ];
        assert_eq!(
            settled(&flags, "").allowed_origins,
            ["http://a", "http://b", "http://c"]
        );
        assert_eq!(
            settled(&[], "allowed-origins = ['http://a']").allowed_origins,
            ["http://a"]
        );
    }
}
