/** A document on the screen: its editor, what surrounds it, and what happens to it meanwhile. */

import type { DocumentInfo } from '../api';
import { type App, sentenceFor, type View } from '../app';
import { confirmDanger, openDialog } from '../dialogs/dialog';
import { fill, h } from '../dom';
import type { DocumentEditor } from '../editor/document-editor';
import { documentHeader } from '../editor/header';
import { noticeElement, noticeFor } from '../editor/notice';
import { StateLineView } from '../editor/state-line';
import { Title } from '../editor/title';
import { DocumentConnection } from '../sync/connection';
import { stateLine } from '../sync/connection-state';
import { DetailsWatch } from '../sync/details-watch';
import { counted } from '../wording';

/** How often in a row a refused connection is opened again before the person is asked. */
const REOPEN_LIMIT = 2;

export class OpenDocument implements View {
  readonly element = h('div', { class: 'document' });
  private readonly connection: DocumentConnection;
  private readonly details: DetailsWatch;
  private readonly page = new AbortController();
  private readonly line = new StateLineView();
  private readonly title = new Title((name) => this.change(() => this.app.documents.change(this.info.id, { name })));
  private readonly noticeArea = h('div', { class: 'notice-area' });
  private editor: DocumentEditor | null = null;
  private shownNotice = '';
  private failure = '';
  private timesRefused = 0;
  private wasOpen = false;
  private wasEditable: boolean | null = null;

  constructor(
    private readonly app: App,
    private info: DocumentInfo,
  ) {
    this.connection = new DocumentConnection(info.id, app.user, app.session, app.kept);
    this.details = new DetailsWatch(this.connection.provider.awareness, () => this.readDetails(), this.page.signal);
  }

  /** Loads the copy on this device and shows it; the server's content follows. */
  async start(): Promise<void> {
    const { signal } = this.page;
    this.connection.addEventListener('state', () => this.refresh(), { signal });
    this.connection.addEventListener('problem', () => void this.problemArose(), { signal });
    window.addEventListener('beforeunload', (event) => this.warnBeforeLeaving(event), { signal });
    const opening = this.connection.start();
    this.editor = await this.createEditor();
    await opening;
    if (signal.aborted) return;
    this.build(this.editor);
    this.refresh();
  }

  close(): void {
    this.page.abort();
    this.line.close();
    this.editor?.close();
    this.connection.close();
  }

  /** Whether the server lets this person write. */
  private get isAllowed(): boolean {
    return this.info.role !== 'viewer' && this.info.state === 'active';
  }

  private get mayEdit(): boolean {
    const { problem } = this.connection.state;
    return this.isAllowed && problem !== 'not-found' && problem !== 'refused';
  }

  private async createEditor(): Promise<DocumentEditor> {
    const { content, provider } = this.connection;
    if (this.info.type === 'text') {
      const { plainTextEditor } = await import('../editor/plain-text');
      return plainTextEditor(content, provider, this.mayEdit);
    }
    const { richTextEditor } = await import('../editor/rich-text');
    return richTextEditor(content, provider, this.mayEdit);
  }

  private build(editor: DocumentEditor): void {
    const bar = documentHeader({
      app: this.app,
      title: this.title,
      line: this.line,
      awareness: this.connection.provider.awareness,
      signal: this.page.signal,
      information: () => this.info,
      changed: (info) => this.detailsChanged(info),
      change: (action) => void this.change(action),
    });
    const tools = h('div', { class: 'tools' }, editor.toolbar);
    fill(
      this.element,
      h('header', { class: 'document-top' }, bar, tools, this.noticeArea),
      h('main', { class: 'sheet' }, editor.element),
    );
    if (this.mayEdit && matchMedia('(pointer: fine)').matches) editor.focus();
  }

  private refresh(): void {
    const { state } = this.connection;
    if (state.synced) this.timesRefused = 0;
    // What is known about the document may come from this device, or from before a break.
    if (state.link === 'open' && !this.wasOpen) this.details.askSoon();
    this.wasOpen = state.link === 'open';
    this.line.show(stateLine(state, this.mayEdit));
    this.title.show(this.info.name, this.isAllowed);
    const { mayEdit } = this;
    if (this.editor !== null && mayEdit !== this.wasEditable) this.editor.setEditable(mayEdit);
    this.wasEditable = mayEdit;
    this.element.classList.toggle('read-only', !mayEdit);
    this.showNotice();
  }

  private showNotice(): void {
    const notice = noticeFor(this.connection.state, this.info);
    const key = JSON.stringify([notice, this.failure]);
    if (key === this.shownNotice) return;
    this.shownNotice = key;
    fill(
      this.noticeArea,
      this.failure !== '' && h('p', { class: 'field-error', role: 'alert' }, this.failure),
      notice &&
        noticeElement(notice, {
          logIn: () => this.app.reload(),
          reopen: () => this.app.reload(),
          showText: () => void this.showText(),
          discard: () => void this.discard(),
          unarchive: () =>
            void this.change(() => this.app.documents.change(this.info.id, { state: 'active' })).then(
              (done) => done && this.app.reload(),
            ),
        }),
    );
  }

  /** Changes the document's details on the server; whether that worked. */
  private async change(action: () => Promise<DocumentInfo>): Promise<boolean> {
    this.failure = '';
    try {
      this.detailsChanged(await action());
      return true;
    } catch (error) {
      this.failure = sentenceFor(error);
      this.refresh();
      return false;
    }
  }

  private detailsChanged(info: DocumentInfo): void {
    this.details.announce();
    this.accept(info);
  }

  private accept(info: DocumentInfo): void {
    const wasAllowed = this.isAllowed;
    this.info = info;
    // The server may have settled what this connection can do when it was opened.
    if (this.isAllowed !== wasAllowed) this.connection.reconnect();
    this.app.recent.changed(info);
    this.refresh();
  }

  /** Asks the server what became of the document: somebody may have renamed or archived it. */
  private async readDetails(): Promise<void> {
    const info = await this.app.documents.read(this.info.id).catch(() => null);
    if (info !== null && !this.page.signal.aborted) this.accept(info);
  }

  private async problemArose(): Promise<void> {
    if (this.connection.state.problem !== 'refused') return;
    await this.readDetails();
    const { problem, pending } = this.connection.state;
    if (this.page.signal.aborted || problem !== 'refused' || this.timesRefused >= REOPEN_LIMIT) return;
    if (pending > 0 && !this.isAllowed) return;
    this.timesRefused += 1;
    await this.connection.connect();
  }

  private async showText(): Promise<void> {
    const text = h('textarea', { readonly: true, rows: 12, 'aria-label': 'Your text', 'data-first': true });
    text.value = this.editor?.text() ?? '';
    text.addEventListener('focus', () => text.select());
    await openDialog({ title: 'Your text', body: [h('p', { class: 'muted' }, 'Copy it to where you need it.'), text] });
  }

  private async discard(): Promise<void> {
    const { pending } = this.connection.state;
    const question = `${counted(pending, 'change')} will be gone from this device. What is on the server stays as it is.`;
    const done = await confirmDanger('Discard your changes?', question, 'Discard', () => this.connection.discard());
    if (done) this.app.reload();
  }

  private warnBeforeLeaving(event: BeforeUnloadEvent): void {
    const { pending, unwritten, keepsCopy } = this.connection.state;
    if (pending > 0 && (!keepsCopy || unwritten > 0)) event.preventDefault();
  }
}
