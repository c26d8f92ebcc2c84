/** Stands for the code until everything around it is escaped; no text holds control characters. */
const MARK = '\u0000';

const ESCAPES: Readonly<Record<string, string>> = {
  ...{ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' },
};

/** No colour is named, so that each program has its own for light and dark. One click selects the whole code. */
const CODE = 'font-family:monospace;font-size:1.5em;font-weight:bold;user-select:all;-webkit-user-select:all';

/**
 * The HTML part of a mail: its paragraphs and nothing more. No link, no picture, nothing from elsewhere.
 * @param language of BCP 47, for screen readers and hyphenation
 * @param write gives the text around what it is given as the code; an empty line parts paragraphs
 */
export function mailHtml(language: string, subject: string, write: (code: string) => string, code: string): string {
  const paragraphs = write(MARK)
    .split(/\n{2,}/)
    .map((paragraph) => `<p>${escaped(paragraph.trim()).replaceAll('\n', '<br>')}</p>`);
  const body = paragraphs.join('\n').replaceAll(MARK, `<span style="${CODE}">${escaped(code)}</span>`);
  return `<!DOCTYPE html>
<html lang="${escaped(language)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="format-detection" content="telephone=no">
<title>${escaped(subject)}</title>
</head>
<body style="font-family:sans-serif;font-size:16px;line-height:1.5">
${body}
</body>
</html>
`;
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ESCAPES[character] ?? character);
}
