/** What every page needs: the session, the router, the documents on the server and on this device. */

import { Documents } from './api';
import type { User } from './api';
import { RecentDocuments } from './recent-documents';
import type { Router } from './router';
import type { Session } from './session';
import { KeptChanges } from './sync/kept-changes';

export interface View {
  element: HTMLElement;
  /** Where the keyboard and the screen reader start. */
  focus?: HTMLElement;
  close(): void;
}

export class App {
  readonly documents: Documents;
  readonly recent: RecentDocuments;
  readonly kept: KeptChanges;

  constructor(
    readonly session: Session,
    readonly router: Router,
    readonly user: User,
    /** Shows the current page anew, for instance after the session has ended. */
    readonly reload: () => void,
  ) {
    this.documents = new Documents(session.authorised);
    this.recent = new RecentDocuments(user.id);
    this.kept = new KeptChanges(user.id);
  }
}

/** A sentence for the person about an error. */
export function sentenceFor(error: unknown): string {
  return error instanceof Error && error.message !== '' ? error.message : 'Something went wrong. Please try again.';
}
