/**
 * Title, state and sharing of a document are not part of its content, so nobody is told when they change. Whoever changes them puts a new
 * number into the awareness state; whoever sees one asks the server. The number itself says nothing.
 */

import type { Awareness } from 'y-protocols/awareness';

const FIELD = 'detailsChanged';
/** At most one question to the server in this time, in milliseconds, whatever others announce. */
const PAUSE = 1_000;

export class DetailsWatch {
  /** The last number seen of each client. */
  private readonly seen = new Map<number, unknown>();
  private timer: number | undefined;
  private askedAt = 0;

  constructor(
    private readonly awareness: Awareness,
    private readonly ask: () => void,
    signal: AbortSignal,
  ) {
    const look = (): void => this.look();
    awareness.on('change', look);
    const visible = (): void => {
      if (document.visibilityState === 'visible') this.askSoon();
    };
    document.addEventListener('visibilitychange', visible, { signal });
    signal.addEventListener('abort', () => {
      awareness.off('change', look);
      window.clearTimeout(this.timer);
    });
  }

  /** Tells the others that the details changed here. */
  announce(): void {
    this.awareness.setLocalStateField(FIELD, Date.now());
  }

  private look(): void {
    for (const [client, state] of this.awareness.getStates()) {
      const number: unknown = state[FIELD] ?? null;
      if (client === this.awareness.clientID || number === null || number === this.seen.get(client)) continue;
      this.seen.set(client, number);
      this.askSoon();
    }
  }

  /** Asks the server, but not more often than the pause allows. */
  askSoon(): void {
    window.clearTimeout(this.timer);
    const wait = Math.max(this.askedAt + PAUSE - Date.now(), 0);
    this.timer = window.setTimeout(() => {
      this.askedAt = Date.now();
      this.ask();
    }, wait);
  }
}
