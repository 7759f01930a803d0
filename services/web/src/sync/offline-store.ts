/** The copy of a document on this device (IndexedDB), so that edits made offline survive a closed tab. */

import { clearDocument, fetchUpdates, IndexeddbPersistence } from 'y-indexeddb';
import type * as Y from 'yjs';

const PREFIX = 'aetherflow/';

function nameOf(userId: string, documentId: string): string {
  return `${PREFIX}${encodeURIComponent(userId)}/${documentId}`;
}

export class OfflineStore {
  private constructor(private readonly persistence: IndexeddbPersistence) {}

  /** Opens the copy and loads it into `document`. Null where the browser keeps nothing (some private windows). */
  static async open(userId: string, documentId: string, document: Y.Doc): Promise<OfflineStore | null> {
    if (!(await databasesWork())) return null;
    const persistence = new IndexeddbPersistence(nameOf(userId, documentId), document);
    await persistence.whenSynced;
    return new OfflineStore(persistence);
  }

  /** Whether a change with this origin came out of the store, rather than from a person. */
  isOrigin(origin: unknown): boolean {
    return origin === this.persistence;
  }

  /** Reads what other tabs of this browser kept since: one of them may have been closed before it could upload. */
  async readAgain(): Promise<void> {
    await fetchUpdates(this.persistence);
  }

  /** Resolves once every change handed over so far is written. */
  written(): Promise<void> {
    const { db } = this.persistence;
    return new Promise((resolve, reject) => {
      if (db === null) return reject(new Error('the copy on this device is closed'));
      // Transactions on one store run in the order they were made, so this one ends after those that write.
      const transaction = db.transaction('updates', 'readonly');
      const counting = transaction.objectStore('updates').count();
      counting.onsuccess = () => resolve();
      counting.onerror = () => reject(counting.error ?? new Error('the copy on this device cannot be read'));
    });
  }

  /** Removes the copy from this device. */
  async remove(): Promise<void> {
    const { name } = this.persistence;
    await this.persistence.destroy();
    await clearDocument(name);
  }
}

/** Removes the copies of all documents of one person. */
export async function removeCopies(userId: string): Promise<void> {
  const own = nameOf(userId, '');
  for (const { name } of await indexedDB.databases()) {
    if (name?.startsWith(own)) indexedDB.deleteDatabase(name);
  }
}

/** Whether databases can be opened here at all; the persistence itself would wait for ever. */
function databasesWork(): Promise<boolean> {
  return new Promise((resolve) => {
    try {
      const opening = indexedDB.open(`${PREFIX}probe`);
      opening.onerror = () => resolve(false);
      opening.onsuccess = () => {
        opening.result.close();
        resolve(true);
      };
    } catch {
      resolve(false);
    }
  });
}
