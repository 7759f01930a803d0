/** The REST interface of the server, with its types and its two kinds of failure. */

export type DocumentType = 'richtext' | 'text';
export type Sharing = 'none' | 'view' | 'edit';
export type Role = 'owner' | 'editor' | 'viewer';

export interface User {
  id: string;
  name: string;
}

export interface Permissions {
  owner: string;
  editors: string[];
  viewers: string[];
  public: Sharing;
}

export interface DocumentInfo {
  id: string;
  name: string;
  type: DocumentType;
  state: 'active' | 'archived' | 'deleted';
  version: number;
  created_by: string;
  created_at: string;
  updated_by: string;
  updated_at: string;
  active_users: User[];
  role: Role;
  metadata: { tags: string[]; description: string; permissions: Permissions };
}

export interface DocumentPage {
  documents: DocumentInfo[];
  next_cursor: string | null;
}

export interface Tokens {
  access_token: string;
  expires_in: number;
  refresh_token: string;
  session_id: string;
  user: User;
}

export interface DocumentChange {
  name?: string;
  state?: 'active' | 'archived';
  public?: Sharing;
  editors?: string[];
  viewers?: string[];
}

/** The server answered, and the answer is no. */
export class Refused extends Error {
  override readonly name = 'Refused';

  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
  ) {
    super(detail);
  }
}

/** The server did not answer: no network, or it is down. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';

  constructor() {
    super('The server cannot be reached right now.');
  }
}

/** How long a request may take before the server counts as unreachable, in milliseconds. */
const REQUEST_TIMEOUT = 15_000;

/** Sends one request; `token` is the access token, where the request needs one. */
export async function request<Answer>(
  method: string,
  path: string,
  token: string | null,
  body?: unknown,
): Promise<Answer> {
  const headers = new Headers({ Accept: 'application/json' });
  if (body !== undefined) headers.set('Content-Type', 'application/json');
  if (token !== null) headers.set('Authorization', `Bearer ${token}`);
  const response = await fetch(`/api/v1${path}`, {
    method,
    headers,
    body: body === undefined ? null : JSON.stringify(body),
    cache: 'no-store',
    signal: AbortSignal.timeout(REQUEST_TIMEOUT),
  }).catch(() => {
    throw new Unreachable();
  });
  if (!response.ok) throw await refusalFrom(response);
  if (response.status === 204) return undefined as Answer;
  return (await response.json().catch(() => {
    throw new Unreachable();
  })) as Answer;
}

async function refusalFrom(response: Response): Promise<Error> {
  // A proxy that answers for a server that is away.
  if ([502, 503, 504].includes(response.status)) return new Unreachable();
  const problem: unknown = await response.json().catch(() => null);
  const field = (name: string): string => {
    const value = typeof problem === 'object' && problem !== null ? Reflect.get(problem, name) : undefined;
    return typeof value === 'string' ? value : '';
  };
  const text = field('detail') || field('title') || `The server answered with status ${response.status}.`;
  return new Refused(response.status, field('code'), text);
}

/** Sends requests on behalf of the person who is logged in. */
export type Authorised = <Answer>(method: string, path: string, body?: unknown) => Promise<Answer>;

/** What can be done with documents. */
export class Documents {
  constructor(private readonly send: Authorised) {}

  create(name: string, type: DocumentType, sharing: Sharing): Promise<DocumentInfo> {
    return this.send('POST', '/documents', { name, type, public: sharing });
  }

  list(state: 'active' | 'archived', cursor: string | null): Promise<DocumentPage> {
    const query = new URLSearchParams({ state, limit: '50' });
    if (cursor !== null) query.set('cursor', cursor);
    return this.send('GET', `/documents?${query}`);
  }

  read(id: string): Promise<DocumentInfo> {
    return this.send('GET', `/documents/${encodeURIComponent(id)}`);
  }

  change(id: string, change: DocumentChange): Promise<DocumentInfo> {
    return this.send('PATCH', `/documents/${encodeURIComponent(id)}`, change);
  }

  remove(id: string): Promise<void> {
    return this.send('DELETE', `/documents/${encodeURIComponent(id)}`);
  }
}
