/** The page of one document: finds out whether it can be opened, and opens it. */

import { type DocumentInfo, Refused } from '../api';
import { type App, sentenceFor, type View } from '../app';
import { h } from '../dom';
import { addressOfDocument } from '../router';
import { SessionEnded } from '../session';
import { backToDocuments, messagePage } from './message';
import { OpenDocument } from './open-document';

export function editorView(app: App, id: string): View {
  const element = h(
    'div',
    { class: 'document-page' },
    h('main', { class: 'opening', 'aria-busy': 'true' }, h('p', {}, 'Opening\u2026')),
  );
  const page = new AbortController();
  let inner: { close(): void } | null = null;
  document.title = 'Opening - AetherFlow';

  const show = (view: View): void => {
    if (page.signal.aborted) return view.close();
    inner?.close();
    inner = view;
    element.replaceChildren(view.element);
    view.focus?.focus({ preventScroll: true });
  };
  const open = async (): Promise<void> => {
    try {
      const info = await informationAbout(app, id);
      if (page.signal.aborted) return;
      if (info === null) return show(notOnThisDevice(app, page.signal));
      if (info.type !== 'richtext' && info.type !== 'text') return show(anotherKind());
      if (info.id !== id) history.replaceState(null, '', addressOfDocument(info.id));
      app.recent.opened(info);
      const view = new OpenDocument(app, info);
      await view.start();
      show(view);
    } catch (error) {
      if (page.signal.aborted) return;
      if (error instanceof SessionEnded) app.reload();
      else show(cannotOpen(app, error));
    }
  };
  void open();
  return {
    element,
    close: () => {
      page.abort();
      inner?.close();
    },
  };
}

/** How long a document that is on this device waits for the server before it opens without it, in milliseconds. */
const PATIENCE = 3_000;

/** What the server says about the document; without a server, what this device remembers. Null if neither knows it. */
async function informationAbout(app: App, id: string): Promise<DocumentInfo | null> {
  const known = app.recent.find(id);
  try {
    const asked = app.documents.read(id);
    return await (known === null ? asked : Promise.race([asked, after(PATIENCE, known)]));
  } catch (error) {
    // Changes that are only on this device must stay within reach, also when the server no longer knows the document.
    const isWorthShowing = known !== null && app.kept.count(id) > 0 && error instanceof Refused;
    if (error instanceof SessionEnded || (error instanceof Refused && !isWorthShowing)) throw error;
    return known;
  }
}

function after<Value>(delay: number, value: Value): Promise<Value> {
  return new Promise((resolve) => window.setTimeout(() => resolve(value), delay));
}

function notOnThisDevice(app: App, signal: AbortSignal): View {
  window.addEventListener('online', () => app.reload(), { signal, once: true });
  const retry = h('button', { type: 'button', class: 'button primary', onclick: () => app.reload() }, 'Try again');
  return messagePage(
    'No connection to the server',
    'This document was not opened on this device before, so there is no copy of it here. Check your network and try again.',
    retry,
    backToDocuments(),
  );
}

function anotherKind(): View {
  return messagePage(
    'This document cannot be opened here',
    'It is of a kind that this page has no editor for.',
    backToDocuments(),
  );
}

function cannotOpen(app: App, error: unknown): View {
  if (error instanceof Refused && [400, 403, 404].includes(error.status)) {
    return messagePage(
      'Document not found',
      'It does not exist, or it was not shared with you. Check the link, or ask the person who gave it to you to share it with your name.',
      backToDocuments(),
    );
  }
  const retry = h('button', { type: 'button', class: 'button primary', onclick: () => app.reload() }, 'Try again');
  return messagePage('The document could not be opened', sentenceFor(error), retry, backToDocuments());
}
