/** A piece of HTML: made by {@link html} alone, so that whatever is a string is text, and escaped. */
export class Html {
  readonly text: string;

  private constructor(text: string) {
    this.text = text;
  }

  /** Of a template: its own text is HTML, everything put into it is content. */
  static of(parts: readonly string[], contents: readonly Content[]): Html {
    return new Html(parts.map((part, i) => part + (i < contents.length ? textOf(contents[i]) : '')).join(''));
  }
}

/** What may stand in a template; undefined is nothing. */
export type Content = string | number | Html | undefined | readonly Content[];

/**
 * HTML with content: strings are escaped, so that they can stand between tags and in attributes that have quotation marks
 * (and nowhere else); lists stand one after another.
 *
 * ```
 * html`<p title="${message}">${names.map((name) => html`<b>${name}</b>`)}</p>`
 * ```
 */
export function html(parts: TemplateStringsArray, ...contents: readonly Content[]): Html {
  return Html.of(parts, contents);
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function textOf(content: Content): string {
  if (content === undefined) return '';
  if (content instanceof Html) return content.text;
  if (typeof content === 'object') return content.map(textOf).join('');
  return String(content).replace(/[&<>"']/g, (character) => entities[character] ?? '');
}
