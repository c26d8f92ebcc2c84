/** What may stand in braces, and what for. */
export const PLACEHOLDERS = [
  'id',
  'to',
  'to_digits',
  'to_number',
  'text',
  'sender',
  'user',
  'token',
  'webhook_secret',
  'callback',
] as const;
export type Placeholder = (typeof PLACEHOLDERS)[number];

/** What the placeholders stand for; null where the operator gave nothing. */
export type Values = Readonly<Record<Placeholder, string | null>>;

/** A text with placeholders. */
export type Template = readonly (string | { readonly name: Placeholder })[];

/** The braces of a text, `{{` and `}}` for braces that are meant. */
const BRACES = /(\{\{|\}\}|\{[^{}]*\})/;

/** @returns what is wrong, where something is */
export function parseTemplate(text: string): Template | string {
  const parts: (string | { name: Placeholder })[] = [];
  for (const piece of text.split(BRACES)) {
    if (piece === '') continue;
    if (!/^\{[^{}]*\}$/.test(piece)) {
      parts.push(piece === '{{' || piece === '}}' ? piece.slice(1) : piece);
      continue;
    }
    const name = PLACEHOLDERS.find((known) => known === piece.slice(1, -1));
    if (name === undefined) return unknownPlaceholder(piece);
    parts.push({ name });
  }
  return parts;
}

function unknownPlaceholder(piece: string): string {
  const list = PLACEHOLDERS.map((known) => `{${known}}`).join(', ');
  return piece === '{url}'
    ? '{url} stands at the beginning of request.url and nowhere else'
    : `has a placeholder that is not known here; known are ${list}; braces that are meant are written {{ and }}`;
}

/** The placeholders of a template. */
export function namesIn(template: Template): readonly Placeholder[] {
  return template.flatMap((part) => (typeof part === 'string' ? [] : [part.name]));
}

/** The placeholder that is all of it, where one is. */
export function soleName(template: Template): Placeholder | undefined {
  const [only, ...more] = template;
  return typeof only === 'object' && more.length === 0 ? only.name : undefined;
}

/** The template with its values, each as `encode` writes it where it stands. */
export function fill(template: Template, values: Values, encode: (value: string) => string): string {
  return template.map((part) => (typeof part === 'string' ? part : encode(values[part.name] ?? ''))).join('');
}
