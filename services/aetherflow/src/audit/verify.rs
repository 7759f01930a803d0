//! `aetherflow audit verify`.

use std::io::Write;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use futures::{StreamExt, stream};
use guuid::Guuid;
use statesync::options::{DocumentPlace, PlaceOptions, StoreChoice};
use statesync::stores::{Store, StoresError};
use statesync_core::{Digest, DocumentId, DocumentStore, StoreError, Version};
use store_embedded::OpenError;

use super::chain::{self, Finding, Kept};
use crate::options::{FolderOptions, OptionsError, ServeOptions, Settings};
use crate::stores::store_folder;

/// Documents that are looked at side by side: a database takes its time for each answer.
const AT_ONCE: usize = 8;

/// Ids that are read at a time.
const PAGE: usize = 1_000;

/// What to verify, and where it is. The options of `serve` say the same here; of a data directory, no server
/// may run on it meanwhile.
#[derive(Args, Clone, Debug)]
pub(crate) struct VerifyOptions {
    #[command(flatten)]
    folders: FolderOptions,
    #[command(flatten)]
    place: PlaceOptions,
    /// Only this document; its version and hash are printed, to be kept for `--expect`
    #[arg(long, value_name = "ID", value_parser = document_id)]
    document: Option<DocumentId>,
    /// A version of the document and its hash, as printed earlier and kept elsewhere: they must still be in
    /// its log. Shows also that a log was cut off or written anew. May be given several times
    #[arg(long, value_name = "VERSION:HASH", requires = "document")]
    expect: Vec<Expected>,
}

/// A hash that somebody has kept.
#[derive(Clone, Copy, Debug)]
struct Expected(Version, Digest);

impl FromStr for Expected {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (version, hash) = text.split_once(':').ok_or("expected VERSION:HASH")?;
        let version = version.parse();
        let version = version.map_err(|_| format!("a version is a number: {text}"))?;
        let hash = hash
            .parse()
            .map_err(|error: statesync_core::InvalidDigest| error.to_string())?;
        Ok(Self(Version(version), hash))
    }
}

fn document_id(text: &str) -> Result<DocumentId, String> {
    let id = text.parse::<Guuid>();
    id.map(DocumentId)
        .map_err(|_| "not the id of a document".to_owned())
}

/// It could not be found out whether all is well.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VerifyError {
    #[error(transparent)]
    Options(#[from] OptionsError),
    #[error(
        "{} is in use by a server: stop it first, or verify a copy of the data directory that was made \
         while it was stopped (documents on PostgreSQL can be verified while servers run)",
        path.display()
    )]
    InUse { path: PathBuf },
    #[error(transparent)]
    Stores(StoresError),
    #[error("two hashes are expected of version {0}")]
    Contradiction(Version),
    #[error("it ended early, after {verified} documents")]
    Halted { verified: usize, source: StoreError },
    #[error(transparent)]
    Document(StoreError),
    #[error("the runtime could not be started")]
    Runtime(#[source] std::io::Error),
}

impl From<StoresError> for VerifyError {
    fn from(error: StoresError) -> Self {
        match error {
            StoresError::Embedded(OpenError::InUse { path }) => Self::InUse { path },
            other => Self::Stores(other),
        }
    }
}

/// Verifies what was asked for. How many documents are broken.
pub(super) fn run(options: VerifyOptions) -> Result<usize, VerifyError> {
    let kept = kept(&options.expect)?;
    let document = options.document;
    let places = ServeOptions::of_documents(options.folders, options.place);
    let choice = choice(places.settle()?);
    let work = async {
        let store = Store::open_existing(&choice).await?;
        let broken = match document {
            Some(id) => one(store.documents.as_ref(), id, kept).await,
            None => all(store.documents.as_ref()).await,
        };
        store.close();
        broken
    };
    lifecycle::run(work).map_err(VerifyError::Runtime)?
}

fn kept(expected: &[Expected]) -> Result<Kept, VerifyError> {
    let mut kept = Kept::new();
    for Expected(version, hash) in expected {
        if kept
            .insert(*version, *hash)
            .is_some_and(|other| other != *hash)
        {
            return Err(VerifyError::Contradiction(*version));
        }
    }
    Ok(kept)
}

fn choice(settings: Settings) -> StoreChoice {
    match settings.document_store {
        DocumentPlace::DataDirectory => StoreChoice::Embedded(store_folder(&settings.data_dir)),
        DocumentPlace::Elsewhere(choice) => choice,
    }
}

async fn one(store: &dyn DocumentStore, id: DocumentId, kept: Kept) -> Result<usize, VerifyError> {
    let finding = chain::verify(store, id, kept).await;
    match finding.map_err(VerifyError::Document)? {
        Finding::Whole(version, hash) => {
            say(&format!(
                "document {id}: as it was written, up to {version}:{hash}"
            ));
            Ok(0)
        }
        Finding::Broken(what) => {
            say_broken(id, &what);
            Ok(1)
        }
    }
}

async fn all(store: &dyn DocumentStore) -> Result<usize, VerifyError> {
    let (mut verified, mut broken) = (0_usize, 0_usize);
    let mut before = None;
    loop {
        let halted = |verified| move |source| VerifyError::Halted { verified, source };
        let ids = store.ids(before, PAGE).await.map_err(halted(verified))?;
        let Some(last) = ids.last() else {
            break;
        };
        before = Some(*last);
        let findings = stream::iter(ids).map(|id| async move {
            let finding = chain::verify(store, id, Kept::new()).await;
            (id, finding)
        });
        let mut findings = findings.buffered(AT_ONCE);
        while let Some((id, finding)) = findings.next().await {
            let finding = match finding {
                // It has an id, so it was there.
                Err(StoreError::NotFound(_)) => Finding::Broken("the head is missing".to_owned()),
                other => other.map_err(halted(verified))?,
            };
            verified += 1;
            if let Finding::Broken(what) = finding {
                broken += 1;
                say_broken(id, &what);
            }
        }
    }
    let whole = verified - broken;
    say(&format!(
        "documents as they were written: {whole}, broken: {broken}"
    ));
    Ok(broken)
}

fn say_broken(id: DocumentId, what: &str) {
    // What a store says about damage may have lines.
    say(&format!(
        "document {id}: broken: {}",
        what.replace('\n', " ")
    ));
}

fn say(line: &str) {
    // Nobody may be reading; the exit code tells all the same.
    let _unread = writeln!(std::io::stdout(), "{line}");
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Probe {
        #[command(flatten)]
        options: VerifyOptions,
    }

    fn parsed(flags: &[&str]) -> Result<VerifyOptions, clap::Error> {
        let flags = [&["probe"], flags].concat();
        Probe::try_parse_from(flags).map(|probe| probe.options)
    }

    #[test]
    fn a_kept_hash_is_of_one_version_of_one_document() {
        let (id, hash) = (Guuid::now().to_string(), "ab".repeat(32));
        let (first, other) = (format!("3:{hash}"), format!("3:{}", "0".repeat(64)));
        let with = |expected: &[&str]| {
            let mut flags = vec!["--document", &id];
            flags.extend(expected.iter().flat_map(|kept| ["--expect", kept]));
            parsed(&flags)
        };
        let kept_of = |flags: &[&str]| kept(&with(flags).unwrap().expect);
        let expected = Kept::from([(Version(3), Digest([0xab; 32]))]);
        assert_eq!(kept_of(&[&first, &first]).unwrap(), expected);
        assert!(matches!(
            kept_of(&[&first, &other]),
            Err(VerifyError::Contradiction(Version(3)))
        ));
        for wrong in [
            &hash,
            "3",
            "3:",
            "x:00",
            &format!("-3:{hash}"),
            &first[..20],
        ] {
            assert!(with(&[wrong]).is_err(), "{wrong}");
        }
        assert!(parsed(&["--expect", &first]).is_err(), "of which document?");
        assert!(parsed(&["--document", "7"]).is_err());
    }
}
