/** Modal dialogs on the browser's own <dialog>: focus stays inside, Escape closes, focus goes back where it was. */

import { X } from 'lucide';
import { sentenceFor } from '../app';
import { h, iconButton } from '../dom';

interface DialogParts {
  title: string;
  body: (Node | string)[];
  /** The main button; without it the dialog has only a Done button. */
  submit?: { label: string; danger?: boolean; action: () => Promise<void> | void };
  cancelLabel?: string;
}

/** Shows a dialog; the promise resolves to whether it was submitted. */
export function openDialog({ title, body, submit, cancelLabel }: DialogParts): Promise<boolean> {
  return new Promise((resolve) => {
    let submitted = false;
    const heading = h('h2', { id: 'dialog-title' }, title);
    const failure = h('p', { class: 'field-error', role: 'alert', hidden: true });
    const cancel = h(
      'button',
      { type: 'button', class: 'button', onclick: () => dialog.close() },
      cancelLabel ?? (submit ? 'Cancel' : 'Done'),
    );
    const confirm =
      submit &&
      h('button', { type: 'submit', class: submit.danger ? 'button danger' : 'button primary' }, submit.label);

    const onsubmit = async (event: SubmitEvent): Promise<void> => {
      event.preventDefault();
      if (!submit || !confirm || confirm.disabled) return;
      confirm.disabled = true;
      failure.hidden = true;
      try {
        await submit.action();
        submitted = true;
        dialog.close();
      } catch (error) {
        failure.textContent = sentenceFor(error);
        failure.hidden = false;
      }
      confirm.disabled = false;
    };
    const dialog = h(
      'dialog',
      { class: 'dialog', 'aria-labelledby': 'dialog-title' },
      h(
        'form',
        { onsubmit, novalidate: true },
        h(
          'header',
          {},
          heading,
          iconButton(X, 'Close', () => dialog.close()),
        ),
        h('div', { class: 'dialog-body' }, ...body, failure),
        h('footer', {}, cancel, confirm),
      ),
    );
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(submitted);
    });
    dialog.addEventListener('click', (event) => {
      if (event.target === dialog) dialog.close();
    });
    document.body.append(dialog);
    dialog.showModal();
    const first = dialog.querySelector<HTMLElement>('[data-first]');
    first?.focus();
    if (first instanceof HTMLInputElement) first.select();
  });
}

/** Asks before something that cannot be taken back. */
export function confirmDanger(
  title: string,
  text: string,
  label: string,
  action: () => Promise<void> | void,
): Promise<boolean> {
  return openDialog({ title, body: [h('p', {}, text)], submit: { label, danger: true, action } });
}

/** A group of radio buttons that look like cards. */
export function choice<Value extends string>(
  legend: string,
  name: string,
  options: readonly { value: Value; label: string; hint: string }[],
  selected: Value,
): { element: HTMLElement; value: () => Value } {
  const inputs = options.map(({ value }) => h('input', { type: 'radio', name, value, checked: value === selected }));
  const cards = options.map(({ label, hint }, index) =>
    h('label', { class: 'choice' }, inputs[index], h('span', {}, h('strong', {}, label), h('small', {}, hint))),
  );
  return {
    element: h('fieldset', { class: 'choices' }, h('legend', {}, legend), ...cards),
    value: () => options.find((_option, index) => inputs[index]?.checked)?.value ?? selected,
  };
}

/** A labelled text field. */
export function textField(
  label: string,
  attributes: Record<string, string | boolean>,
): { element: HTMLElement; input: HTMLInputElement } {
  const input = h('input', { type: 'text', autocomplete: 'off', ...attributes });
  return { element: h('label', { class: 'field' }, h('span', {}, label), input), input };
}
