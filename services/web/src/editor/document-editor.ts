/** What the page needs of an editor, whatever it edits with. */

export interface DocumentEditor {
  /** The tools above the text; null if there are none. */
  toolbar: HTMLElement;
  /** The text itself. */
  element: HTMLElement;
  setEditable(editable: boolean): void;
  focus(): void;
  /** The whole text, without formatting. */
  text(): string;
  close(): void;
}
