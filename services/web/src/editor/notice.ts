/** The notice above the text: why it cannot be edited or uploaded, and what the person can do. */

import { Archive, CircleAlert, Eye, RefreshCw, type IconNode } from 'lucide';
import type { DocumentInfo } from '../api';
import { h, icon } from '../dom';
import { type ConnectionState, isFinal, type Problem } from '../sync/connection-state';
import { counted } from '../wording';

export interface NoticeActions {
  logIn: () => void;
  /** Opens the document anew, with what is on this device. */
  reopen: () => void;
  showText: () => void;
  discard: () => void;
  unarchive: () => void;
}

export interface Notice {
  tone: 'calm' | 'problem';
  icon: IconNode;
  title: string;
  advice: string;
  actions: { label: string; run: keyof NoticeActions; main?: boolean }[];
}

const SHOW_TEXT = { label: 'Show my text', run: 'showText' } as const;
const DISCARD = { label: 'Discard my changes', run: 'discard' } as const;

/** The notice for the state of a document, or null when all is well. */
export function noticeFor(state: ConnectionState, document: DocumentInfo): Notice | null {
  if (state.problem !== null) return noticeForProblem(state.problem, state, document);
  const isReader = document.state !== 'active' || document.role === 'viewer';
  // The server asks readers for nothing, so changes made before they became readers wait here.
  if (isReader && state.pending > 0 && state.synced) return noticeForProblem('refused', state, document);
  if (document.state !== 'active') {
    const isOwner = document.role === 'owner';
    return {
      tone: 'calm',
      icon: Archive,
      title: 'This document is archived.',
      advice: isOwner
        ? 'It can be read but not changed. Unarchive it to go on writing.'
        : `It can be read but not changed. Its owner, ${document.metadata.permissions.owner}, can unarchive it.`,
      actions: isOwner ? [{ label: 'Unarchive', run: 'unarchive' }] : [],
    };
  }
  if (document.role === 'viewer') {
    return {
      tone: 'calm',
      icon: Eye,
      title: 'You can read this document.',
      advice: `To change it, ask its owner, ${document.metadata.permissions.owner}, to let you edit.`,
      actions: [],
    };
  }
  return null;
}

function noticeForProblem(problem: Problem, state: ConnectionState, document: DocumentInfo): Notice {
  const { pending } = state;
  const changes = `Your ${counted(pending, 'change')}`;
  const rescue = pending > 0 ? [SHOW_TEXT, DISCARD] : [];
  const notice = (title: string, advice: string, actions: Notice['actions']): Notice => ({
    tone: isFinal(problem) ? 'problem' : 'calm',
    icon: isFinal(problem) ? CircleAlert : RefreshCw,
    title,
    advice,
    actions,
  });
  switch (problem) {
    case 'session-ended':
      return notice(
        'Your session has ended.',
        pending > 0
          ? `Log in again to upload ${counted(pending, 'change')} kept on this device.`
          : 'Log in again to go on.',
        [{ label: 'Log in again', run: 'logIn', main: true }],
      );
    case 'not-found':
      return notice(
        'This document is gone, or you no longer have access.',
        pending > 0
          ? `${changes} cannot be uploaded. Copy your text before you leave.`
          : 'Ask the person who shared it with you.',
        rescue,
      );
    case 'refused':
      return refusedNotice(pending, document, rescue, notice);
    case 'too-large':
      return notice(
        'Your last change is too large for the server.',
        'Undo it, then try again. Everything is still on this device.',
        [{ label: 'Try again', run: 'reopen', main: true }, ...rescue],
      );
    case 'not-understood':
      return notice(
        'The server did not understand what this page sent.',
        'Open the document again; if that does not help, reload the page.',
        [{ label: 'Open again', run: 'reopen', main: true }, ...rescue],
      );
    case 'restarting':
      return notice(
        'The server is restarting.',
        'You can go on writing. It is reconnected and your changes are uploaded by themselves.',
        [],
      );
    case 'busy':
      return notice(
        'The server is busy right now.',
        'You can go on writing. Your changes are uploaded as soon as it has room again.',
        [],
      );
    case 'server-error':
      return notice('The server had a problem.', 'You can go on writing. The connection is tried again by itself.', []);
  }
}

function refusedNotice(
  pending: number,
  document: DocumentInfo,
  rescue: Notice['actions'],
  notice: (title: string, advice: string, actions: Notice['actions']) => Notice,
): Notice {
  const retry = { label: 'Try again', run: 'reopen', main: true } as const;
  if (pending === 0)
    return notice('The server closed this document.', 'You may not do that here. Open it again to go on reading.', [
      retry,
    ]);
  const changes = `your ${counted(pending, 'change')}`;
  if (document.state !== 'active') {
    return notice(
      'This document was archived while you were writing.',
      `It no longer accepts ${changes}. Ask its owner to unarchive it, or take your text with you.`,
      [retry, ...rescue],
    );
  }
  if (document.role === 'viewer') {
    return notice(
      'You may only read this document now.',
      `It no longer accepts ${changes}. Ask its owner to let you edit, or take your text with you.`,
      [retry, ...rescue],
    );
  }
  return notice(
    'The server did not accept your changes.',
    `${counted(pending, 'change')} kept on this device. Try again, or take your text with you.`,
    [retry, ...rescue],
  );
}

export function noticeElement(notice: Notice, actions: NoticeActions): HTMLElement {
  return h(
    'div',
    { class: `notice ${notice.tone}`, role: notice.tone === 'problem' ? 'alert' : 'note' },
    icon(notice.icon, 18),
    h('p', {}, h('strong', {}, notice.title), ' ', notice.advice),
    h(
      'div',
      { class: 'notice-actions' },
      ...notice.actions.map(({ label, run, main }) =>
        h(
          'button',
          { type: 'button', class: main ? 'button small primary' : 'button small', onclick: () => actions[run]() },
          label,
        ),
      ),
    ),
  );
}
