/** The REST interface as a test uses it: somebody who logs in and works with documents, without a browser. */

import type { DocumentChange, DocumentInfo, DocumentType, Sharing, Tokens } from '../../src/api';

export interface DocumentContent {
  id: string;
  version: number;
  type: DocumentType;
  text: string;
  xml?: string;
}

export class Client {
  private constructor(
    private readonly api: string,
    readonly tokens: Tokens,
  ) {}

  static async logIn(api: string, name: string): Promise<Client> {
    return new Client(api, await answerTo<Tokens>(`${api}/auth/login`, 'POST', null, { name }));
  }

  create(name: string, type: DocumentType, sharing: Sharing): Promise<DocumentInfo> {
    return this.send('POST', '/documents', { name, type, public: sharing });
  }

  read(id: string): Promise<DocumentInfo> {
    return this.send('GET', `/documents/${id}`);
  }

  change(id: string, change: DocumentChange): Promise<DocumentInfo> {
    return this.send('PATCH', `/documents/${id}`, change);
  }

  remove(id: string): Promise<void> {
    return this.send('DELETE', `/documents/${id}`);
  }

  content(id: string): Promise<DocumentContent> {
    return this.send('GET', `/documents/${id}/content`);
  }

  private send<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
    return answerTo(this.api + path, method, this.tokens.access_token, body);
  }
}

async function answerTo<Answer>(
  address: string,
  method: string,
  token: string | null,
  body?: unknown,
): Promise<Answer> {
  const headers: Record<string, string> = { 'Content-Type': 'application/json' };
  if (token !== null) headers['Authorization'] = `Bearer ${token}`;
  const response = await fetch(address, { method, headers, body: body === undefined ? null : JSON.stringify(body) });
  if (!response.ok) throw new Error(`${method} ${address}: ${response.status} ${await response.text()}`);
  return (response.status === 204 ? undefined : await response.json()) as Answer;
}
