/** The documents this person opened on this device: to find shared ones again, and to open any of them offline. */

import type { DocumentInfo } from './api';

/** How many are remembered. */
const LIMIT = 30;

export class RecentDocuments {
  private readonly key: string;

  constructor(userId: string) {
    this.key = `aetherflow.recent.${encodeURIComponent(userId)}`;
  }

  /** Newest first, as they were when last seen. */
  all(): DocumentInfo[] {
    try {
      const value: unknown = JSON.parse(localStorage.getItem(this.key) ?? '[]');
      return Array.isArray(value) ? value.filter(isDocumentInfo) : [];
    } catch {
      return [];
    }
  }

  find(id: string): DocumentInfo | null {
    return this.all().find((document) => document.id === id) ?? null;
  }

  /** Puts `document` first. */
  opened(document: DocumentInfo): void {
    this.keep([document, ...this.all().filter((other) => other.id !== document.id)]);
  }

  /** Brings a remembered document up to date, where it stands. */
  changed(document: DocumentInfo): void {
    this.keep(this.all().map((other) => (other.id === document.id ? document : other)));
  }

  forget(id: string): void {
    this.keep(this.all().filter((document) => document.id !== id));
  }

  clear(): void {
    localStorage.removeItem(this.key);
  }

  private keep(documents: DocumentInfo[]): void {
    try {
      localStorage.setItem(this.key, JSON.stringify(documents.slice(0, LIMIT)));
    } catch {
      // The storage is full: nothing is lost but the convenience.
    }
  }
}

function isDocumentInfo(value: unknown): value is DocumentInfo {
  const document = value as Partial<DocumentInfo> | null;
  return (
    typeof document === 'object' &&
    document !== null &&
    typeof document.id === 'string' &&
    typeof document.name === 'string' &&
    typeof document.role === 'string' &&
    typeof document.updated_at === 'string' &&
    typeof document.metadata?.permissions?.public === 'string'
  );
}
