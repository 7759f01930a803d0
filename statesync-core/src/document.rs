//! A document's head: everything about it except what is written in it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::audit::Digest;
use crate::conflict::PolicyName;
use crate::identity::{DocumentId, Timestamp, UserId, Version};

/// The head of a document. It changes only together with an appended [`Record`](crate::Record),
/// so that the log tells its whole history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Its name for ever.
    pub id: DocumentId,
    /// What people call it.
    pub name: String,
    /// What kind of content it holds.
    #[serde(rename = "type")]
    pub kind: DocumentType,
    /// Whether it can be edited.
    pub state: DocumentState,
    /// Version of the newest record in its log.
    pub version: Version,
    /// Who made it.
    pub created_by: UserId,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who wrote the newest record.
    pub updated_by: UserId,
    /// When the newest record was written.
    pub updated_at: Timestamp,
    /// Tags, description, free properties and permissions.
    pub metadata: Metadata,
    /// How its conflicts are settled.
    pub policy: PolicyName,
    /// Hash of the newest entry of its audit log.
    pub audit: Digest,
}

/// What kind of content a document holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum DocumentType {
    /// Plain text: the Yjs text named `content`.
    Text,
    /// Formatted text: the Yjs XML fragment named `default`, as TipTap and ProseMirror use it.
    Richtext,
    /// Shapes, lines and notes: objects with fields.
    Whiteboard,
    /// Nodes and the edges between them: objects with fields.
    Canvas,
    /// Cells, rows and columns: objects with fields.
    Sheet,
}

impl DocumentType {
    /// Whether its content is a Yjs document; if not, it is objects with fields.
    #[must_use]
    pub fn is_yjs(self) -> bool {
        matches!(self, Self::Text | Self::Richtext)
    }

    /// The word for it, as the services and the databases write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Richtext => "richtext",
            Self::Whiteboard => "whiteboard",
            Self::Canvas => "canvas",
            Self::Sheet => "sheet",
        }
    }

    /// How conflicts are settled unless somebody chooses otherwise: editors merge, objects take the
    /// last word.
    #[must_use]
    pub fn usual_policy(self) -> PolicyName {
        if self.is_yjs() {
            PolicyName::Merge
        } else {
            PolicyName::Lww
        }
    }
}

/// Whether a document can be edited and found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum DocumentState {
    /// In use.
    Active,
    /// Can be read, not edited.
    Archived,
    /// Gone for its users; kept for the record.
    Deleted,
}

/// What surrounds the content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// Words to find it by.
    pub tags: BTreeSet<String>,
    /// A sentence about it.
    pub description: String,
    /// The application's own values.
    pub properties: BTreeMap<String, String>,
    /// Who may do what.
    pub permissions: Permissions,
}

impl Metadata {
    /// Nothing but an owner.
    #[must_use]
    pub fn owned_by(owner: UserId) -> Self {
        Self {
            tags: BTreeSet::new(),
            description: String::new(),
            properties: BTreeMap::new(),
            permissions: Permissions::owned_by(owner),
        }
    }
}

/// Who may do what with a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permissions {
    /// May do everything.
    pub owner: UserId,
    /// May read and edit.
    pub editors: BTreeSet<UserId>,
    /// May read.
    pub viewers: BTreeSet<UserId>,
    /// What everybody else may do who is logged in and knows the id.
    pub public: PublicAccess,
}

impl Permissions {
    /// A private document of one person.
    #[must_use]
    pub fn owned_by(owner: UserId) -> Self {
        Self {
            owner,
            editors: BTreeSet::new(),
            viewers: BTreeSet::new(),
            public: PublicAccess::None,
        }
    }

    /// The most that `user` may do; `None` when the document does not exist for them.
    #[must_use]
    pub fn role_of(&self, user: &UserId) -> Option<Role> {
        if *user == self.owner {
            return Some(Role::Owner);
        }
        if self.editors.contains(user) || self.public == PublicAccess::Edit {
            return Some(Role::Editor);
        }
        if self.viewers.contains(user) || self.public == PublicAccess::View {
            return Some(Role::Viewer);
        }
        None
    }

    /// Everybody who is named in it, the owner first.
    pub fn members(&self) -> impl Iterator<Item = &UserId> {
        std::iter::once(&self.owner)
            .chain(&self.editors)
            .chain(&self.viewers)
    }
}

/// What people may do who are logged in and know a document's id, but are not named in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PublicAccess {
    /// Nothing: for them it does not exist.
    #[default]
    None,
    /// Read.
    View,
    /// Read and edit.
    Edit,
}

/// What one user may do with one document. Later ones include earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Read.
    Viewer,
    /// Read, edit, rename.
    Editor,
    /// Everything: share, archive, delete.
    Owner,
}
