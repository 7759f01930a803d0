/**
 * How many changes of each document are on this device only. Kept in the browser's local storage, per person: it survives a closed
 * tab and is read by all tabs. It is a count for people to see; what is saved is decided by the ledger alone.
 */

export class KeptChanges {
  private readonly prefix: string;

  constructor(userId: string) {
    this.prefix = `aetherflow.kept.${encodeURIComponent(userId)}.`;
  }

  count(documentId: string): number {
    const value = Number(localStorage.getItem(this.prefix + documentId));
    return Number.isSafeInteger(value) && value > 0 ? value : 0;
  }

  /** Adds to the count (or takes away, with a negative `difference`). */
  add(documentId: string, difference: number): void {
    if (difference === 0) return;
    const count = Math.max(this.count(documentId) + difference, 0);
    if (count === 0) {
      localStorage.removeItem(this.prefix + documentId);
      return;
    }
    try {
      localStorage.setItem(this.prefix + documentId, String(count));
    } catch {
      // The storage is full: the document itself is elsewhere, only the number on the documents page is missing.
    }
  }

  /** The ids of the documents that have changes on this device only. */
  documents(): string[] {
    return Object.keys(localStorage)
      .filter((key) => key.startsWith(this.prefix))
      .map((key) => key.slice(this.prefix.length));
  }
}
