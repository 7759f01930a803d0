/** The development login: a name is enough. */

import { Refused } from '../api';
import { sentenceFor, type View } from '../app';
import { h } from '../dom';
import { currents, logoMark } from '../logo';
import type { Session } from '../session';

export function loginView(session: Session): View {
  document.title = 'Log in - AetherFlow';
  const failure = h('p', { class: 'field-error', id: 'login-error', role: 'alert', hidden: true });
  const name = h('input', {
    type: 'text',
    name: 'name',
    autocomplete: 'nickname',
    autocapitalize: 'words',
    spellcheck: 'false',
    placeholder: 'Your name',
    'aria-label': 'Your name',
  });
  const button = h('button', { type: 'submit', class: 'button primary wide' }, 'Continue');

  const refuse = (text: string): void => {
    failure.textContent = text;
    failure.hidden = false;
    name.setAttribute('aria-invalid', 'true');
    name.setAttribute('aria-describedby', 'login-error');
    name.focus();
  };
  const onsubmit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if (button.disabled) return;
    const wanted = name.value.trim();
    // A name that nobody can see would be none.
    if (!/[\p{L}\p{N}]/u.test(wanted))
      return refuse('Please enter your name: it is what others see next to your cursor.');
    button.disabled = true;
    try {
      // The page goes on by itself once the session is there.
      await session.logIn(wanted);
    } catch (error) {
      refuse(sentenceForLogin(error));
    }
    button.disabled = false;
  };
  const element = h(
    'main',
    { class: 'login' },
    currents(),
    h(
      'div',
      { class: 'login-card' },
      logoMark(56),
      h('h1', {}, 'Write together'),
      h(
        'p',
        { class: 'login-lead' },
        'One document, many people, online or not. What says \u201cSaved\u201d is on disk.',
      ),
      h('form', { onsubmit, novalidate: true }, name, failure, button),
    ),
  );
  return { element, focus: name, close: () => undefined };
}

function sentenceForLogin(error: unknown): string {
  if (error instanceof Refused && error.status === 404) {
    return 'This server does not offer logging in by name. Start it with --development-login to try it on your own machine.';
  }
  return sentenceFor(error);
}
