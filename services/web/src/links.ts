/** Links: what may be clicked, and what counts as the address of a document. */

const SAFE_PROTOCOLS = new Set(['http:', 'https:', 'mailto:']);

/** Whether `href` is an absolute link that is safe to put into the page. */
export function isSafeLink(href: unknown): href is string {
  if (typeof href !== 'string') return false;
  try {
    return SAFE_PROTOCOLS.has(new URL(href).protocol);
  } catch {
    return false;
  }
}

/**
 * Turns what somebody typed into a link: `example.org` becomes `https://example.org/`, `a@example.org` becomes a
 * `mailto:`. Returns null where no safe link can be made of it.
 */
export function linkFromInput(input: string): string | null {
  const text = input.trim();
  if (text === '' || /\s/.test(text)) return null;
  const hasScheme = /^[a-z][a-z0-9+.-]*:/i.test(text);
  const isHostWithPort = /^[a-z0-9.-]+:\d+(\/|$)/i.test(text);
  if (hasScheme && !isHostWithPort) return isSafeLink(text) ? new URL(text).href : null;
  const completed = /^[^@/]+@[^@/]+\.[^@/]+$/.test(text) ? `mailto:${text}` : `https://${text}`;
  return isSafeLink(completed) ? new URL(completed).href : null;
}

const HYPHENATED = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const SIMPLE = /^[0-9a-f]{32}$/i;
const SORTABLE = /^[0-9a-z]{26}$/i;

/** Whether `text` has the shape of a document id, in any of the forms that the server reads. */
export function isDocumentId(text: string): boolean {
  return HYPHENATED.test(text) || SIMPLE.test(text) || SORTABLE.test(text);
}

/** Finds the document id in a pasted id or link (`.../d/<id>` or `...#/d/<id>`); null if there is none. */
export function documentIdFrom(input: string): string | null {
  const text = input.trim();
  if (isDocumentId(text)) return text.toLowerCase();
  const match = /(?:^|[/#])d\/([0-9a-z-]+)/i.exec(text);
  const id = match?.[1];
  return id !== undefined && isDocumentId(id) ? id.toLowerCase() : null;
}
