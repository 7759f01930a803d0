/** The copy of a document on this device (IndexedDB), so that edits made offline survive a closed tab. */

import { clearDocument, fetchUpdates, IndexeddbPersistence } from 'y-indexeddb';
import type * as Y from 'yjs';

const PREFIX = 'aetherflow/';

function nameOf(userId: string, documentId: string): string {
  return `${PREFIX}${encodeURIComponent(userId)}/${documentId}`;
}

export class OfflineStore {
  /** Changes that were handed over but are not written yet. */
  unwritten = 0;
  /** The browser took the copy away: nothing is kept any more. */
  isLost = false;

  private constructor(
    private readonly persistence: IndexeddbPersistence,
    private readonly progress: () => void,
  ) {}

  /**
   * Opens the copy and loads it into `document`. Null where the browser keeps nothing (some private windows).
   * `progress` is called when changes were written, or can no longer be.
   */
  static async open(
    userId: string,
    documentId: string,
    document: Y.Doc,
    progress: () => void,
  ): Promise<OfflineStore | null> {
    if (!(await databasesWork())) return null;
    const persistence = new IndexeddbPersistence(nameOf(userId, documentId), document);
    await persistence.whenSynced;
    return new OfflineStore(persistence, progress);
  }

  /** The document has changed, and the persistence writes that: what is not written yet is not called kept. */
  changed(): void {
    this.unwritten += 1;
    if (this.unwritten === 1) void this.followWriting();
  }

  /** Whether a change with this origin came out of the store, rather than from a person. */
  isOrigin(origin: unknown): boolean {
    return origin === this.persistence;
  }

  /** Reads what other tabs of this browser kept since: one of them may have been closed before it could upload. */
  async readAgain(): Promise<void> {
    await fetchUpdates(this.persistence);
  }

  /** Closes the copy and leaves it where it is. */
  async close(): Promise<void> {
    await this.persistence.destroy();
  }

  /** Removes the copy from this device. */
  async remove(): Promise<void> {
    const { name } = this.persistence;
    await this.persistence.destroy();
    await clearDocument(name);
  }

  private async followWriting(): Promise<void> {
    while (this.unwritten > 0 && !this.isLost) {
      // The persistence, which begins to write, may be told of the change only after this store.
      await Promise.resolve();
      const waiting = this.unwritten;
      await this.written().catch(() => (this.isLost = true));
      this.unwritten -= waiting;
      this.progress();
    }
  }

  /** Resolves once everything that the persistence began to write is written. */
  private written(): Promise<void> {
    const { db } = this.persistence;
    return new Promise((resolve, reject) => {
      if (db === null) return reject(new Error('the copy on this device is closed'));
      // Transactions on one store run in the order they were made, so this one ends after those that write.
      const counting = db.transaction('updates', 'readonly').objectStore('updates').count();
      counting.onsuccess = () => resolve();
      counting.onerror = () => reject(counting.error ?? new Error('the copy on this device cannot be read'));
    });
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
