/** The line that says where the changes are. */

import { CircleAlert, CloudCheck, CloudOff, LoaderCircle, RefreshCw, type IconNode } from 'lucide';
import { fill, h, icon } from '../dom';
import type { StateLine } from '../sync/connection-state';

/** `Saved` appears only after this pause without news, so that it does not flicker while somebody types; milliseconds. */
const CALM = 300;

const ICONS: Record<StateLine['kind'], IconNode> = {
  offline: CloudOff,
  connecting: LoaderCircle,
  syncing: RefreshCw,
  saved: CloudCheck,
  stopped: CircleAlert,
};

export class StateLineView {
  readonly element = h('p', { class: 'state-line', 'data-testid': 'state-line' });
  /** Tells screen readers the turns that matter, not every keystroke. */
  readonly announcer = h('p', { class: 'visually-hidden', role: 'status', 'aria-live': 'polite' });
  private shown: StateLine | null = null;
  private announced: StateLine['kind'] = 'saved';
  private timer: number | undefined;

  show(line: StateLine): void {
    window.clearTimeout(this.timer);
    if (line.kind === this.shown?.kind && line.text === this.shown.text) return;
    if (line.kind === 'saved' && this.shown !== null) this.timer = window.setTimeout(() => this.display(line), CALM);
    else this.display(line);
  }

  close(): void {
    window.clearTimeout(this.timer);
  }

  private display(line: StateLine): void {
    const isNewKind = line.kind !== this.shown?.kind;
    this.shown = line;
    if (isNewKind) {
      this.element.dataset['kind'] = line.kind;
      fill(this.element, icon(ICONS[line.kind], 15), h('span', {}, line.text));
    } else {
      const text = this.element.querySelector('span');
      if (text) text.textContent = line.text;
    }
    if (!['offline', 'saved', 'stopped'].includes(line.kind) || line.kind === this.announced) return;
    this.announced = line.kind;
    this.announcer.textContent = line.text;
  }
}
