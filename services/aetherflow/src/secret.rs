//! The key that signs access tokens: the operator's own, or one made at random and kept.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use gateway::{AccessTokens, WeakKey};
use guuid::{Entropy, SystemEntropy};

/// There is no usable key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretError {
    #[error("the token key {} cannot be read", path.display())]
    Unreadable {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("a token key cannot be kept in {}", path.display())]
    Unwritable {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("the token key {} cannot be used", path.display())]
    Weak { path: PathBuf, source: WeakKey },
}

/// Largest key file that is read.
const KEY_BYTES_MAX: u64 = 4096;

/// The operator's key, or the one in the data directory, which is made if there is none.
pub(crate) fn access_tokens(
    operators_own: Option<&Path>,
    data_dir: &Path,
) -> Result<AccessTokens, SecretError> {
    let (path, key) = match operators_own {
        Some(path) => (path.to_owned(), read(path)?),
        None => {
            let path = data_dir.join("token.key");
            let key = if path.exists() {
                read(&path)?
            } else {
                make(&path)?
            };
            (path, key)
        }
    };
    AccessTokens::new(&key).map_err(|source| SecretError::Weak { path, source })
}

fn read(path: &Path) -> Result<Vec<u8>, SecretError> {
    let mut key = Vec::new();
    File::open(path)
        .and_then(|file| file.take(KEY_BYTES_MAX).read_to_end(&mut key))
        .map_err(|source| SecretError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
    Ok(key)
}

/// A new key, complete on disk before it gets its name, readable by its owner alone.
fn make(path: &Path) -> Result<Vec<u8>, SecretError> {
    let mut key = vec![0; AccessTokens::KEY_BYTES_MIN];
    SystemEntropy.fill(&mut key);
    let draft = path.with_extension("key.new");
    let keep = || -> std::io::Result<()> {
        match std::fs::remove_file(&draft) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)?;
        file.write_all(&key)?;
        file.sync_all()?;
        std::fs::rename(&draft, path)
    };
    keep().map_err(|source| SecretError::Unwritable {
        path: path.to_owned(),
        source,
    })?;
    Ok(key)
}
