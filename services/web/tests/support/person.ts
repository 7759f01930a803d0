/** Somebody at a browser: what they do on the page and what they see there. */

import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  expect,
  type Locator,
  type Page,
} from '@playwright/test';

/** What editors draw that is not text: the carets of others, and the hint in an empty one. */
const DRAWN = '.caret, .cm-ySelectionCaret, .ProseMirror-separator, .cm-placeholder';

export class Person {
  private constructor(
    readonly name: string,
    readonly context: BrowserContext,
    public page: Page,
    private readonly base: string,
  ) {}

  /** Opens a browser context of its own and logs in. */
  static async arrive(
    browser: Browser,
    base: string,
    name: string,
    options: BrowserContextOptions = {},
  ): Promise<Person> {
    const context = await browser.newContext(options);
    const person = new Person(name, context, await context.newPage(), base);
    await person.page.goto(base);
    await person.logIn();
    return person;
  }

  async logIn(): Promise<void> {
    await this.page.getByLabel('Your name').fill(this.name);
    await this.page.getByRole('button', { name: 'Continue' }).click();
    await expect(this.page.getByRole('heading', { name: 'Documents', exact: true })).toBeVisible();
  }

  /** Creates a document on the page and stays in it; its id. */
  async createDocument(
    name: string,
    options: { kind?: 'Rich text' | 'Plain text'; sharing?: string } = {},
  ): Promise<string> {
    await this.page.goto(this.base);
    await this.page.getByRole('button', { name: 'New document' }).click();
    await this.page.getByRole('textbox', { name: 'Name', exact: true }).fill(name);
    await this.page.getByRole('radio', { name: options.kind ?? 'Rich text' }).check();
    await this.page.getByRole('radio', { name: options.sharing ?? 'Anyone with the link can edit' }).check();
    await this.page.getByRole('button', { name: 'Create', exact: true }).click();
    await expect(this.text).toBeVisible();
    return new URL(this.page.url()).pathname.replace('/d/', '');
  }

  async open(id: string): Promise<void> {
    await this.page.goto(`${this.base}/d/${id}`);
    await expect(this.text).toBeVisible();
  }

  /** A second tab of the same browser, as the page this person now looks at. */
  async openTab(id: string): Promise<Page> {
    this.page = await this.context.newPage();
    await this.open(id);
    return this.page;
  }

  /** The text that can be edited. */
  get text(): Locator {
    return this.page.getByRole('textbox', { name: 'Document text' });
  }

  get stateLine(): Locator {
    return this.page.getByTestId('state-line');
  }

  get title(): Locator {
    return this.page.getByLabel('Document title');
  }

  face(name: string): Locator {
    return this.page.getByRole('list', { name: 'People here' }).getByRole('img', { name, exact: true });
  }

  /** The paragraphs as this person reads them. */
  lines(): Promise<string[]> {
    return this.text.evaluate((element, drawn) => {
      const copy = element.cloneNode(true) as HTMLElement;
      copy.querySelectorAll(drawn).forEach((part) => part.remove());
      return [...copy.querySelectorAll('p, h1, h2, h3, pre, .cm-line')].map((line) => line.textContent ?? '');
    }, DRAWN);
  }

  /** Waits until this person reads exactly these paragraphs. */
  async reads(...lines: string[]): Promise<void> {
    await expect.poll(() => this.lines()).toEqual(lines);
  }

  async isSaved(): Promise<void> {
    await expect(this.stateLine).toHaveText('Saved');
  }

  /** Types at the end of the text. */
  async write(text: string): Promise<void> {
    await this.putCaret('End');
    await this.page.keyboard.type(text);
  }

  /** Where the caret really is: an editor that has just got the focus may put it back to where it was. */
  async putCaret(where: 'Home' | 'End'): Promise<void> {
    await this.text.focus();
    await expect(async () => {
      await this.page.keyboard.press(`ControlOrMeta+${where}`);
      expect(await this.textBeyondCaret(where)).toBe('');
    }).toPass();
  }

  /** What is between the caret and this end of the text. */
  private textBeyondCaret(where: 'Home' | 'End'): Promise<string | undefined> {
    return this.text.evaluate(
      (element, { where, drawn }) => {
        const selection = document.getSelection();
        if (!selection?.anchorNode || !selection.isCollapsed || !element.contains(selection.anchorNode)) return;
        const beyond = document.createRange();
        beyond.selectNodeContents(element);
        if (where === 'Home') beyond.setEnd(selection.anchorNode, selection.anchorOffset);
        else beyond.setStart(selection.anchorNode, selection.anchorOffset);
        const copy = beyond.cloneContents();
        copy.querySelectorAll(drawn).forEach((part) => part.remove());
        return copy.textContent ?? '';
      },
      { where, drawn: DRAWN },
    );
  }

  /** Writes down the kinds of state that the state line shows from now on. */
  async recordStates(): Promise<() => Promise<string[]>> {
    await this.stateLine.evaluate((element) => {
      const kinds = [element.dataset['kind'] ?? ''];
      Reflect.set(window, 'recordedKinds', kinds);
      new MutationObserver(() => kinds.push(element.dataset['kind'] ?? '')).observe(element, {
        attributeFilter: ['data-kind'],
      });
    });
    return () => this.page.evaluate(() => [...(Reflect.get(window, 'recordedKinds') as string[])]);
  }

  async leave(): Promise<void> {
    await this.context.close();
  }
}
