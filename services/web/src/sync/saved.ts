/**
 * What is saved: a ledger of the changes made here, the sync messages that carried them, and the server's word on
 * how many of those messages are on its disk. No socket and no clock in here, so that every order of events can be tested.
 */

/** y-protocols message type of document synchronisation. */
const MESSAGE_SYNC = 0;
/** Subtype: everything the other side said it lacks (the answer to its step 1). */
const SYNC_STEP_2 = 1;
/** Subtype: one update. */
const SYNC_UPDATE = 2;
/** Message type of AetherFlow's durable acknowledgements: `varUint(100) varUint(n)`. */
const MESSAGE_SAVED = 100;

export type SentKind = 'answer' | 'update' | 'other';

/** What kind of message the provider sends; only `answer` and `update` carry content and are acknowledged. */
export function kindOfSent(message: Uint8Array): SentKind {
  if (message[0] !== MESSAGE_SYNC) return 'other';
  if (message[1] === SYNC_STEP_2) return 'answer';
  return message[1] === SYNC_UPDATE ? 'update' : 'other';
}

/** Reads an acknowledgement: how many content messages are on disk. Null if the message is something else. */
export function acknowledgedBy(message: Uint8Array): number | null {
  if (message[0] !== MESSAGE_SAVED) return null;
  let value = 0;
  let factor = 1;
  for (let index = 1; index < message.length; index += 1) {
    const byte = message[index] ?? 0;
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return value;
    factor *= 128;
    if (factor > Number.MAX_SAFE_INTEGER / 128) return null;
  }
  return null;
}

interface Coverage {
  /** Ordinal of a content message on this socket, from 1. */
  readonly message: number;
  /** All changes up to this one are on disk once that message is. */
  readonly changes: number;
}

export class SavedLedger {
  /** Changes made on this device since the document was opened, and those kept from before. */
  private changes: number;
  private savedChanges = 0;
  private sent = 0;
  private acknowledged = 0;
  private open = false;
  private answered = false;
  private coverage: Coverage[] = [];

  /** `kept`: changes of earlier visits that are on this device and not known to be on the server. */
  constructor(kept = 0) {
    this.changes = kept;
  }

  /** Changes that the server has not confirmed. */
  get pending(): number {
    return this.changes - this.savedChanges;
  }

  /**
   * Whether the server has on its disk everything this document holds from here. The provider must also have
   * received the server's side (`synced`), which the ledger cannot see.
   */
  get isSaved(): boolean {
    return this.open && this.answered && this.acknowledged === this.sent && this.pending === 0;
  }

  /** A change was made on this device. Must be called before the provider sends it. */
  changed(): void {
    this.changes += 1;
  }

  /** A new socket is open: the server counts its messages from 0. */
  socketOpened(): void {
    this.open = true;
    this.forgetSocket();
  }

  socketClosed(): void {
    this.open = false;
    this.forgetSocket();
  }

  /** A message is about to leave on the current socket. */
  messageSent(message: Uint8Array): void {
    const kind = kindOfSent(message);
    if (kind === 'other') return;
    this.sent += 1;
    if (kind === 'answer') this.answered = true;
    // An update before the answer says nothing about older changes, which may never have reached the server:
    // only the answer to the server's step 1 carries those.
    if (this.answered) this.coverage.push({ message: this.sent, changes: this.changes });
  }

  /** The server has the first `count` content messages of this socket on its disk. */
  acknowledgementReceived(count: number): void {
    this.acknowledged = Math.min(Math.max(this.acknowledged, count), this.sent);
    let covered = 0;
    for (const entry of this.coverage) {
      if (entry.message > this.acknowledged) break;
      this.savedChanges = Math.max(this.savedChanges, entry.changes);
      covered += 1;
    }
    this.coverage.splice(0, covered);
  }

  /** The person gave up the changes that were only on this device. */
  discard(): void {
    this.savedChanges = this.changes;
  }

  private forgetSocket(): void {
    this.sent = 0;
    this.acknowledged = 0;
    this.answered = false;
    this.coverage = [];
  }
}
