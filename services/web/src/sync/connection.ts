/** One open document: its content, its copy on this device, its connection to the server, and the truth about all three. */

import { WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';
import type { User } from '../api';
import { type Session, SessionEnded } from '../session';
import { acknowledgedSocketFor } from './acknowledged-socket';
import { guardAwareness, personOf } from './awareness-gate';
import { type ConnectionState, type Problem, isFinal, problemOfClose } from './connection-state';
import type { KeptChanges } from './kept-changes';
import { watchNetwork } from './network';
import { OfflineStore } from './offline-store';
import { SavedLedger } from './saved';

/** How long one attempt to connect may take before it counts as failed, in milliseconds; the browser itself waits for minutes. */
const CONNECT_TIMEOUT = 10_000;
/** How many tokens in a row the server may refuse before the session counts as over. */
const REFUSALS_ALLOWED = 2;

const PROTOCOL = 'aetherflow.yjs.saved';

export class DocumentConnection extends EventTarget {
  readonly content = new Y.Doc();
  readonly provider: WebsocketProvider;
  private readonly ledger: SavedLedger;
  private store: OfflineStore | null = null;
  private link: ConnectionState['link'] = 'connecting';
  private problem: Problem | null = null;
  /** Whether the copy on this device is loaded: changes before that are not a person's. */
  private loaded = false;
  /** The token that the newest socket was opened with. */
  private socketToken: string | null = null;
  /** Tokens that the server refused since the last good connection. */
  private refusals = 0;
  private announcing = false;
  private connectTimer: number | undefined;
  private readonly page = new AbortController();

  constructor(
    readonly documentId: string,
    private readonly user: User,
    private readonly session: Session,
    private readonly kept: KeptChanges,
  ) {
    super();
    this.ledger = new SavedLedger(kept.count(documentId));
    // Before the provider's own listener: the ledger must know of a change when the provider sends it.
    this.content.on('update', (_update: Uint8Array, origin: unknown) => this.contentChanged(origin));
    this.provider = this.createProvider();
    guardAwareness(this.provider.awareness);
    this.provider.awareness.setLocalStateField('user', personOf(user));
    this.listen();
  }

  /** Loads the copy on this device and begins to connect. The content can be shown and edited once this is done. */
  async start(): Promise<void> {
    const store = await OfflineStore.open(this.user.id, this.documentId, this.content, () => this.announce());
    if (this.page.signal.aborted) return store?.close();
    this.store = store;
    this.loaded = true;
    void this.connect();
  }

  get state(): ConnectionState {
    return {
      link: this.link,
      synced: this.provider.synced,
      saved: this.ledger.isSaved,
      pending: this.ledger.pending,
      keepsCopy: this.store?.isLost === false,
      unwritten: this.store?.unwritten ?? 0,
      problem: this.problem,
    };
  }

  /** Connects, or tries again after a problem. */
  async connect(refusedToken: string | null = null): Promise<void> {
    this.problem = null;
    if (this.link !== 'open') this.link = 'connecting';
    this.announce();
    try {
      this.provider.protocols = this.protocols(await this.session.token(refusedToken));
    } catch (error) {
      if (error instanceof SessionEnded) return this.stopFor('session-ended');
      // Without a network the old token does for now: once it is refused there is one, and it will be replaced.
      this.link = 'offline';
    }
    if (!this.page.signal.aborted) this.provider.connect();
  }

  /** Gives up the changes that are only on this device, and its copy. The page must be opened anew afterwards. */
  async discard(): Promise<void> {
    this.kept.add(this.documentId, -this.ledger.pending);
    this.ledger.discard();
    const { store } = this;
    this.close();
    await store?.remove();
  }

  close(): void {
    this.page.abort();
    window.clearTimeout(this.connectTimer);
    this.provider.destroy();
    this.content.destroy();
  }

  private protocols(token: string): string[] {
    return [PROTOCOL, `bearer.${token}`];
  }

  private createProvider(): WebsocketProvider {
    const { ledger } = this;
    const observer = {
      socketOpened: () => ledger.socketOpened(),
      socketClosed: () => ledger.socketClosed(),
      messageSent: (message: Uint8Array) => {
        ledger.messageSent(message);
        this.announce();
      },
      acknowledgementReceived: (count: number) => {
        const before = ledger.pending;
        ledger.acknowledgementReceived(count);
        this.kept.add(this.documentId, ledger.pending - before);
        // The provider does not see acknowledgements, but they prove that the server is there.
        this.provider.wsLastMessageReceived = Date.now();
        this.announce();
      },
    };
    const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
    return new WebsocketProvider(`${scheme}//${location.host}/yjs`, this.documentId, this.content, {
      connect: false,
      // Tabs meet at the server: what came from another tab would be missing in this one's account of what is saved.
      disableBc: true,
      protocols: this.protocols(this.session.currentToken ?? ''),
      WebSocketPolyfill: acknowledgedSocketFor(observer),
    });
  }

  private contentChanged(origin: unknown): void {
    if (!this.loaded || origin === this.provider || this.store?.isOrigin(origin) === true) return;
    this.ledger.changed();
    this.kept.add(this.documentId, 1);
    this.store?.changed();
    this.announce();
  }

  private listen(): void {
    const { signal } = this.page;
    this.provider.on('status', ({ status }) => this.statusChanged(status));
    this.provider.on('sync', (synced) => {
      if (synced) this.refusals = 0;
      this.announce();
    });
    this.provider.on('connection-close', (event) => this.connectionClosed(event));
    this.provider.on('closed', ({ code }) => this.closedForGood(code));
    this.session.addEventListener('change', () => this.sessionChanged(), { signal });
    watchNetwork(
      () => this.link === 'open',
      { lost: () => this.networkLost(), returned: () => this.networkReturned() },
      signal,
    );
  }

  private statusChanged(status: 'connected' | 'disconnected' | 'connecting'): void {
    window.clearTimeout(this.connectTimer);
    if (status === 'connecting') {
      this.socketToken = this.session.currentToken;
      this.connectTimer = window.setTimeout(() => this.startOver(), CONNECT_TIMEOUT);
    }
    if (status === 'connected') {
      this.link = 'open';
      this.problem = null;
      // The others dropped this client with its last socket; they take it back only with a newer state than the one they had.
      this.provider.awareness.setLocalState({ ...this.provider.awareness.getLocalState() });
      // Edits of a tab that was closed offline go up with this connection.
      this.store?.readAgain().catch(() => undefined);
    }
    this.announce();
  }

  private connectionClosed(event: CloseEvent | null): void {
    window.clearTimeout(this.connectTimer);
    if (this.page.signal.aborted) return;
    // The loss of a good connection is followed by an attempt at once; only a failed attempt means offline.
    this.link = this.link === 'open' ? 'connecting' : 'offline';
    const problem = event === null ? null : problemOfClose(event.code);
    if (problem !== null && !isFinal(problem)) this.problem = problem;
    this.announce();
  }

  /** The server closed with a code that the provider does not try again after. */
  private closedForGood(code: number): void {
    const problem = problemOfClose(code) ?? 'refused';
    if (problem !== 'session-ended') return this.stopFor(problem);
    this.refusals += 1;
    if (this.refusals > REFUSALS_ALLOWED) return this.stopFor(problem);
    void this.connect(this.socketToken);
  }

  private sessionChanged(): void {
    const token = this.session.currentToken;
    const isSomebodyElse = this.session.user !== null && this.session.user.id !== this.user.id;
    if (token === null || isSomebodyElse) {
      this.stopFor('session-ended');
    } else {
      this.provider.protocols = this.protocols(token);
      if (this.problem === 'session-ended') void this.connect();
    }
  }

  private stopFor(problem: Problem): void {
    this.problem = problem;
    this.link = 'offline';
    this.provider.disconnect();
    this.dispatchEvent(new CustomEvent('problem', { detail: problem }));
    this.announce();
  }

  private networkLost(): void {
    if (!isFinal(this.problem)) this.startOver();
  }

  /** Leaves and comes back, for instance because what this person may do has changed. */
  reconnect(): void {
    if (isFinal(this.problem)) return;
    this.provider.disconnect();
    this.provider.connect();
  }

  /** Gives the current socket up as lost and tries again. */
  private startOver(): void {
    this.provider.disconnect();
    this.link = 'offline';
    this.provider.connect();
    this.announce();
  }

  private networkReturned(): void {
    if (isFinal(this.problem)) return;
    // Start over now instead of waiting for an attempt that began without a network.
    this.provider.disconnect();
    void this.connect();
  }

  /** Tells of a new state once the current event is over: an editor may be in the middle of a change. */
  private announce(): void {
    if (this.announcing) return;
    this.announcing = true;
    queueMicrotask(() => {
      this.announcing = false;
      if (!this.page.signal.aborted) this.dispatchEvent(new Event('state'));
    });
  }
}
