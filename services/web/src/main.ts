import './styles/tokens.css';
import './styles/base.css';
import './styles/controls.css';
import './styles/login.css';
import './styles/documents.css';
import './styles/editor.css';
import './styles/content.css';
import { App, type View } from './app';
import { addressOfDocument, Router } from './router';
import { Session } from './session';
import { documentsView } from './views/documents';
import { editorView } from './views/editor';
import { loginView } from './views/login';
import { unknownPageView } from './views/message';

const session = new Session();
const router = new Router();
const root = document.getElementById('app') ?? document.body;
let shown: View | null = null;
let shownFor: string | null = null;

function show(): void {
  shown?.close();
  const user = session.user;
  shownFor = user?.id ?? null;
  shown = user === null ? loginView(session) : pageFor(new App(session, router, user, show));
  root.replaceChildren(shown.element);
  window.scrollTo(0, 0);
  shown.focus?.focus({ preventScroll: true });
}

function pageFor(app: App): View {
  const { route } = router;
  switch (route.page) {
    case 'documents':
      return documentsView(app);
    case 'document':
      // Old links with a fragment become the plain address.
      if (location.hash !== '') history.replaceState(null, '', addressOfDocument(route.id));
      return editorView(app, route.id);
    case 'unknown':
      return unknownPageView();
  }
}

router.addEventListener('change', show);
session.addEventListener('change', () => {
  const user = session.user;
  // A document stays open when its session ends, with what was written in it: it says itself what to do.
  const staysOpen = user === null && router.route.page === 'document';
  if ((user?.id ?? null) !== shownFor && !staysOpen) show();
});
show();

if (import.meta.env.PROD && 'serviceWorker' in navigator) {
  navigator.serviceWorker.register('/service-worker.js').catch(() => undefined);
}
