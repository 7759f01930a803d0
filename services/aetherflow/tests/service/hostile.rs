//! People who mean harm, and programs that went wrong: the right close code or status, bounded
//! memory, and nobody else notices.

mod access;
mod crowd;
mod flood;
mod frames;
mod oversize;
mod permissions;
mod presence;
mod requests;
mod secrets;
mod silence;
mod slow;

use crate::editor::Editor;
use crate::rest::Person;
use crate::server::{Server, Setup};
use crate::socket::Knock;

/// A server, and two people at work on a document: what must go on, whatever happens.
struct Scene {
    server: Server,
    owner: Person,
    document: String,
    writer: Editor,
    reader: Editor,
    words: usize,
}

impl Scene {
    async fn set(setup: Setup) -> Self {
        let server = setup.start().await;
        let owner = Person::log_in(&server, "Owner").await;
        let document = owner.create_public("at work", "edit").await;
        let door = Knock::by(&owner, &document);
        let (writer, reader) = (Editor::open(&door).await, Editor::open(&door).await);
        Self {
            server,
            owner,
            document,
            writer,
            reader,
            words: 0,
        }
    }

    /// One writes, the other gets to read it.
    async fn goes_on(&mut self) {
        self.words += 1;
        let word = format!("word {} ", self.words);
        self.writer.type_over(0, 0, &word).await;
        self.reader
            .until("the other one's word", |editor| {
                editor.text().contains(&word)
            })
            .await;
    }
}
