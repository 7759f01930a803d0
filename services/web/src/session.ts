/**
 * The session of the person in front of the screen: kept in this browser, shared by its tabs, its access token
 * refreshed before it expires. The refresh token rotates, so only one tab may use it at a time.
 */

import { Refused, request, type Tokens, type User } from './api';

const STORAGE_KEY = 'aetherflow.session';
/** The access token is replaced this long before it expires, or at half of its life if that is shorter; milliseconds. */
const RENEW_AHEAD = 60_000;
/** The pause before another try when the server could not be reached, in milliseconds. */
const RETRY_PAUSE = 5_000;

interface StoredSession {
  accessToken: string;
  refreshToken: string;
  /** From when on the access token should be replaced: Unix time in milliseconds. */
  renewAt: number;
  user: User;
}

/** The session is over: expired, revoked or logged out. */
export class SessionEnded extends Error {
  override readonly name = 'SessionEnded';

  constructor() {
    super('Your session has ended. Please log in again.');
  }
}

export class Session extends EventTarget {
  private timer: number | undefined;

  constructor() {
    super();
    window.addEventListener('storage', (event) => {
      if (event.key === STORAGE_KEY) this.announce();
    });
    this.schedule();
  }

  get user(): User | null {
    return stored()?.user ?? null;
  }

  async logIn(name: string): Promise<void> {
    this.keep(await request<Tokens>('POST', '/auth/login', null, { name }));
  }

  async logOut(): Promise<void> {
    const session = stored();
    forget();
    this.announce();
    // The session ends here in any case; the server is told if it can be reached.
    if (session) await request('POST', '/auth/logout', session.accessToken).catch(() => undefined);
  }

  /** Forgets a session that the server no longer accepts. */
  private end(): void {
    forget();
    this.announce();
  }

  /** The access token as it is, without asking the server. */
  get currentToken(): string | null {
    return stored()?.accessToken ?? null;
  }

  /**
   * An access token that is good for a while. `rejected` is a token that the server refused: it will not be returned again.
   * Throws SessionEnded, or Unreachable when it had to ask the server and could not.
   */
  async token(rejected: string | null = null): Promise<string> {
    const session = stored();
    if (session === null) throw new SessionEnded();
    if (isFresh(session) && session.accessToken !== rejected) return session.accessToken;
    return exclusively(() => this.refresh(rejected));
  }

  /** Sends a request with the session's token, and once more with a new one if the server refused the first. */
  authorised = async <Answer>(method: string, path: string, body?: unknown): Promise<Answer> => {
    const token = await this.token();
    try {
      return await request<Answer>(method, path, token, body);
    } catch (error) {
      if (!(error instanceof Refused) || error.status !== 401) throw error;
      return request<Answer>(method, path, await this.token(token), body);
    }
  };

  private async refresh(rejected: string | null): Promise<string> {
    // Another tab may have refreshed while this one waited for its turn.
    const session = stored();
    if (session === null) throw new SessionEnded();
    if (isFresh(session) && session.accessToken !== rejected) return session.accessToken;
    try {
      this.keep(await request<Tokens>('POST', '/auth/refresh', null, { refresh_token: session.refreshToken }));
    } catch (error) {
      if (!(error instanceof Refused) || error.status >= 500 || error.status === 429) throw error;
      this.end();
      throw new SessionEnded();
    }
    const renewed = stored();
    if (renewed === null) throw new SessionEnded();
    return renewed.accessToken;
  }

  private keep(tokens: Tokens): void {
    const lifetime = tokens.expires_in * 1000;
    const session: StoredSession = {
      accessToken: tokens.access_token,
      refreshToken: tokens.refresh_token,
      renewAt: Date.now() + Math.max(lifetime - RENEW_AHEAD, lifetime / 2),
      user: { id: tokens.user.id, name: tokens.user.name },
    };
    localStorage.setItem(STORAGE_KEY, JSON.stringify(session));
    this.announce();
  }

  private announce(): void {
    this.schedule();
    this.dispatchEvent(new Event('change'));
  }

  /** Refreshes in good time while the page is open, so that a token never expires under an editor. */
  private schedule(): void {
    window.clearTimeout(this.timer);
    const session = stored();
    if (session === null) return;
    this.refreshAfter(session.renewAt - Date.now());
  }

  private refreshAfter(delay: number): void {
    this.timer = window.setTimeout(
      () => {
        this.token().catch((error: unknown) => {
          if (!(error instanceof SessionEnded)) this.refreshAfter(RETRY_PAUSE);
        });
      },
      Math.max(delay, 0),
    );
  }
}

function isFresh(session: StoredSession): boolean {
  return Date.now() < session.renewAt;
}

function stored(): StoredSession | null {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(STORAGE_KEY) ?? 'null');
    return isStoredSession(value) ? value : null;
  } catch {
    return null;
  }
}

function isStoredSession(value: unknown): value is StoredSession {
  const session = value as Partial<StoredSession> | null;
  return (
    typeof session === 'object' &&
    session !== null &&
    typeof session.accessToken === 'string' &&
    typeof session.refreshToken === 'string' &&
    typeof session.renewAt === 'number' &&
    typeof session.user?.id === 'string' &&
    typeof session.user.name === 'string'
  );
}

function forget(): void {
  localStorage.removeItem(STORAGE_KEY);
}

/** Runs one refresh at a time over all tabs of this browser. */
function exclusively(task: () => Promise<string>): Promise<string> {
  // Web Locks exist only in secure contexts (HTTPS and loopback).
  if (!('locks' in navigator)) return task();
  return navigator.locks.request('aetherflow.session.refresh', task);
}
