/** What the state line and the banner say: pure functions of the facts about a connection. */

import { counted } from '../wording';

/** Why the server closed the connection, in so far as a person should know. */
export type Problem =
  'session-ended' | 'not-found' | 'refused' | 'too-large' | 'not-understood' | 'restarting' | 'busy' | 'server-error';

export interface ConnectionState {
  /** `offline`: the last attempt failed. `connecting`: an attempt runs and none has failed since the last good one. */
  link: 'connecting' | 'offline' | 'open';
  /** The server's content has arrived. */
  synced: boolean;
  /** Everything made here is on the server's disk. */
  saved: boolean;
  /** Changes made here that the server has not confirmed. */
  pending: number;
  /** Whether the browser keeps a copy on this device. */
  keepsCopy: boolean;
  /** Changes that are not written to that copy yet. */
  unwritten: number;
  problem: Problem | null;
}

export interface StateLine {
  kind: 'offline' | 'connecting' | 'syncing' | 'saved' | 'stopped';
  text: string;
}

/** The close codes of the server and what they mean to the person. */
export function problemOfClose(code: number): Problem | null {
  switch (code) {
    case 4400:
      return 'not-understood';
    case 4401:
      return 'session-ended';
    case 4403:
      return 'refused';
    case 4404:
      return 'not-found';
    case 4413:
      return 'too-large';
    case 1011:
      return 'server-error';
    case 1012:
      return 'restarting';
    case 1013:
      return 'busy';
    default:
      return null;
  }
}

/** Problems after which the client does not come back by itself. */
export function isFinal(problem: Problem | null): boolean {
  return problem !== null && !['restarting', 'busy', 'server-error'].includes(problem);
}

/** Where changes are while the server does not have them. */
export function whereKept({
  pending,
  unwritten,
  keepsCopy,
}: Pick<ConnectionState, 'pending' | 'unwritten' | 'keepsCopy'>): string {
  if (!keepsCopy)
    return pending === 0
      ? 'changes stay in this tab only'
      : `${counted(pending, 'change')} in this tab only, keep it open`;
  const written = Math.max(pending - unwritten, 0);
  if (written > 0) return `${counted(written, 'change')} kept on this device`;
  return pending > 0 ? 'keeping your changes on this device\u2026' : 'changes are kept on this device';
}

export function stateLine(state: ConnectionState, mayEdit: boolean): StateLine {
  if (isFinal(state.problem)) {
    const what = state.problem === 'refused' && state.pending > 0 ? 'Not uploaded' : 'Not connected';
    return { kind: 'stopped', text: state.pending > 0 ? `${what} \u2013 ${whereKept(state)}` : what };
  }
  if (state.link === 'offline') {
    if (state.pending > 0 || mayEdit) return { kind: 'offline', text: `Offline \u2013 ${whereKept(state)}` };
    return { kind: 'offline', text: 'Offline \u2013 showing the copy on this device' };
  }
  if (state.link === 'connecting') return { kind: 'connecting', text: 'Connecting\u2026' };
  if (!mayEdit && state.synced) {
    // The server does not ask readers for changes, so these stay here.
    if (state.pending > 0) return { kind: 'stopped', text: `Not uploaded \u2013 ${whereKept(state)}` };
    return { kind: 'saved', text: 'Up to date' };
  }
  return state.synced && state.saved ? { kind: 'saved', text: 'Saved' } : { kind: 'syncing', text: 'Syncing\u2026' };
}
